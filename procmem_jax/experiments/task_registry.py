"""Tasks that a user has registered. Nothing here needs jax."""

from collections.abc import Callable
from typing import Any

from procmem_jax.envs.foreign.peer_names import check_peer, is_peer
from procmem_jax.envs.grid.task_names import is_foreign, parse_task

TASKS: dict[str, Callable[[], Any]] = {}


def register_task(name: str, make: Callable[[], Any]) -> None:
    """Makes `name` a task, as `make_experiment`, `make_sweep` and the command line's `--task` know it.

    Args:
        name: letters, digits, "-", "_" and "."; not one of ours.
        make: a callable without arguments that returns an experiment, (config, params) such as `with_memory` makes,
            or an environment: (environment, perceive), one that has a method `perceive` itself, or a grid, with its
            params or without. An environment without a `perceive` gets the percept that `with_memory` gives it.

    Raises:
        TypeError: `make` cannot be called.
        ValueError: the name is taken or has other characters.
    """
    if not callable(make):
        raise TypeError(f"make={make!r} is a {type(make).__name__}; give a callable without arguments")
    if not name or not all(letter.isalnum() or letter in "-_." for letter in name):
        raise ValueError(f"name={name!r} is no name of a task; use letters, digits, -, _ and .")
    if is_ours(name):
        raise ValueError(f"name={name!r} is a task already; choose another")
    TASKS[name] = make


def is_ours(name: str) -> bool:
    """Whether a task is one of our grids."""
    try:
        parse_task(name)
    except ValueError:
        return False
    return True


def check_task(name: str) -> None:
    """Raises a ValueError for a task that there is not; one of another package, or to be imported, is left to it."""
    if is_peer(name) and ":" in name:
        check_peer(name)
    elif name not in TASKS and not is_foreign(name):
        parse_task(name, others=tuple(TASKS))
