"""The grid's ids in Gymnasium's registry."""

from procmem_jax.envs.foreign.peers import import_peer

_FAMILIES = {"tutorial": "Tutorial", "random": "Random", "doorkey": "DoorKey", "shifting": "Shifting"}
_SIZES = (5, 6, 7, 8, 16)
_ROOM = "procmem_jax.export"


def register_gymnasium() -> list[str]:
    """Returns the ids of our tasks, such as "procmem/DoorKey-8-v0", now known to `gymnasium.make` and `make_vec`.

    Each makes a `GridWorldEnv`, or a `GridWorldVectorEnv`; other sizes and settings are keywords, as in
    `gymnasium.make("procmem/Random-8-v0", size=12, sticky=0.1)`. To call it again changes nothing.

    Raises:
        ValueError: Gymnasium is missing.
    """
    gymnasium = import_peer("gymnasium")
    tasks = {f"procmem/{name}-{size}-v0": f"{task}-{size}" for task, name in _FAMILIES.items() for size in _SIZES}
    for env_id, task in tasks.items():
        if env_id not in gymnasium.registry:
            gymnasium.register(
                id=env_id,
                entry_point=f"{_ROOM}.gymnasium_env:GridWorldEnv",
                vector_entry_point=f"{_ROOM}.gymnasium_vector_env:GridWorldVectorEnv",
                kwargs={"task": task},
            )
    return list(tasks)
