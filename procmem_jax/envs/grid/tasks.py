"""Tasks by name: a grid and its time limit."""

import dataclasses

from procmem_jax.envs.grid.task_names import parse_task
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.near_misses import choose_from


def make_task(task: str | GridWorld, **changes) -> tuple[GridWorld, GridWorldParams]:
    """Returns the environment of a task and its checked numbers.

    Args:
        task: a name such as "random-5", or a grid.
        changes: fields of `GridWorldParams`. Another `size` also changes the time limit of 4 N^2 steps.

    Raises:
        TypeError: `task` is neither a name nor a config, or a field is unknown.
        ValueError: there is no such task, or a number is out of bounds.
    """
    known = [field.name for field in dataclasses.fields(GridWorldParams)]
    for name in changes:
        if name not in known:
            raise TypeError(f"setting {name!r} is unknown; {choose_from(name, known)}")
    if isinstance(task, GridWorld):
        grid = task
    elif isinstance(task, str):
        parsed = parse_task(task)
        changes = {"size": parsed.size, **changes}
        if parsed.family == "tutorial":
            changes = {"max_steps": parsed.max_steps, **changes}
        grid = GridWorld(parsed.family)
    else:
        raise TypeError(f"task={task!r} is a {type(task).__name__}; give a name such as 'random-5' or a GridWorld")
    return grid, grid.default_params(**changes)
