"""Suite `env`: environment steps under uniformly random actions, with a reset at the end of every episode."""

import functools

import jax
import jax.numpy as jnp

from benchmarks import peers, plain
from benchmarks.measure import Built, Contender, Options, measure, ratio
from procmem_jax import make_experiment

BATCHES = (1, 64, 1024, 8192, 65536)
QUICK_BATCHES = (1, 64)
TASKS = ("tutorial-5", "random-5", "doorkey-5")
COMPARED_AT = 8192
COLUMNS = ("name", "environments")
UNIT = "environment steps"
TARGETS = {"gymnax": 4, "NAVIX": 30}
PLAIN_TARGET = 75


def grid(task: str, batch: int) -> Built:
    """Returns our world, with the words of a whole batch drawn at once."""
    config, params = make_experiment(task)
    world, params = config.environment, params.environment
    reset = jax.vmap(functools.partial(world.reset_from_words, params=params))
    observe = jax.vmap(lambda state: world.observe(state, params))

    def begin(key):
        words = jax.random.bits(key, (2, batch), jnp.uint32)
        state = reset((words[0], words[1]))
        return state, observe(state), jnp.zeros(batch)

    def step(key, carry):
        words = jax.random.bits(key, (3 if world.draws_layout else 1, batch), jnp.uint32)
        actions = ((words[0] >> 16) * world.num_actions >> 16).astype(jnp.int32)
        move = jax.vmap(lambda state, action: world.step_from_words(None, state, action, params)[:4])
        new, reward, terminated, truncated = move(carry[0], actions)
        fresh = reset((words[-2 % len(words)], words[-1]))
        ended = terminated | truncated
        state = jax.tree.map(lambda there, here: jnp.where(ended, there, here), fresh, new)
        return state, observe(state), carry[2] + reward

    return peers.rollout(begin, step, batch)


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios)."""
    rows, ratios = [], []
    for batch in QUICK_BATCHES if options.quick else BATCHES:
        ours = [
            Contender(f"procmem {task}", {"environments": batch}, functools.partial(grid, task, batch))
            for task in TASKS
        ]
        others = [*plain.environment_contenders(), *peers.environment_contenders(batch)]
        timed = measure([*ours, *others], options)
        rows += [row for row in timed if row["environments"] == batch]
        if batch == (QUICK_BATCHES[-1] if options.quick else COMPARED_AT):
            ratios = [_compare(timed[0], other, batch) for other in timed[len(ours) :]]
    return rows, ratios


def _compare(ours: dict, other: dict, batch: int) -> dict:
    target = PLAIN_TARGET if other["name"] == "plain Python" else TARGETS.get(other["name"].split()[0])
    return ratio(f"{ours['name']} over {other['name']}, {batch:,} at once", ours, other, target)
