"""Tasks by name: a world and its time limit."""

import dataclasses

from procmem_jax.envs.grid.task_names import TASK_FAMILIES, Task, is_foreign, parse_task
from procmem_jax.envs.grid.world import GridWorld, GridWorldConfig, GridWorldParams

__all__ = ["TASK_FAMILIES", "Task", "is_foreign", "make_task", "parse_task"]


def make_task(task: str | GridWorldConfig, **changes) -> tuple[GridWorld, GridWorldParams]:
    """Returns the world of a task and its checked numbers.

    Args:
        task: a name such as "random-5", or the config of a world, of the size `max_size` unless `size` says otherwise.
        changes: fields of `GridWorldParams`. Another `size` also changes the time limit of 4 N^2 steps.

    Raises:
        TypeError: `task` is neither a name nor a config, or a field is unknown.
        ValueError: there is no such task, or a number is out of bounds.
    """
    known = [field.name for field in dataclasses.fields(GridWorldParams)]
    for name in changes:
        if name not in known:
            raise TypeError(f"setting {name!r} is unknown; choose from {', '.join(known)}")
    if isinstance(task, GridWorldConfig):
        world = GridWorld(task)
    elif isinstance(task, str):
        parsed = parse_task(task)
        changes = {"size": parsed.size, **changes}
        if parsed.family == "tutorial":
            changes = {"max_steps": parsed.max_steps, **changes}
        world = GridWorld(GridWorldConfig(layout=parsed.family, max_size=max(parsed.size, int(changes["size"]))))
    else:
        raise TypeError(
            f"task={task!r} is a {type(task).__name__}; give a name such as 'random-5' or a GridWorldConfig"
        )
    return world, world.default_params(**changes)
