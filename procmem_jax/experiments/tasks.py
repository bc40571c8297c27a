"""Tasks by name: ours, other packages', those that a user registers, and those that can be imported."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from procmem_jax.agents.settings import Config, Params
from procmem_jax.envs.foreign.peer_names import PEERS, is_peer
from procmem_jax.envs.foreign.peers import make_peer
from procmem_jax.envs.grid.task_names import parse_task
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.experiments.any_environment import with_memory
from procmem_jax.experiments.overrides import import_object
from procmem_jax.experiments.task_registry import TASKS

_made: list[tuple[Callable[[], Any], "TaskParts"]] = []


@dataclasses.dataclass(frozen=True)
class TaskParts:
    """What a task is made of.

    Attributes:
        environment, environment_params: where agents live.
        experiment: (config, params) of a task that brings its memory and exploration policy along, else None.
        settings: of the default memory, where those of `outcome_settings` do not suit the environment.
    """

    environment: Any
    environment_params: Any
    experiment: tuple[Config, Params] | None = None
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def make_task_parts(name: str) -> TaskParts:
    """Returns what the task `name` is made of.

    Raises:
        TypeError, ValueError: there is no such task, or what makes it fails.
    """
    if name in TASKS:
        return _parts_of(name, TASKS[name])
    if ":" in name and not is_peer(name):
        return _parts_of(name, import_object(name, "task"))
    if ":" in name:
        environment, numbers = make_peer(name)
        return TaskParts(environment, numbers, settings=dict(PEERS[name].settings) if name in PEERS else {})
    task = parse_task(name, others=tuple(TASKS))
    return TaskParts(GridWorld(task.family), GridWorldParams(size=task.size, max_steps=task.max_steps))


def _parts_of(name: str, make: Any) -> TaskParts:
    if not callable(make):
        raise TypeError(f"task={name} is a {type(make).__name__}; give a callable without arguments")
    for known, parts in _made:
        if known == make:  # made once: one object shares its compiled programs
            return parts
    parts = _take_apart(name, make())
    _made.append((make, parts))
    return parts


def _take_apart(name: str, made: Any) -> TaskParts:
    is_pair = isinstance(made, tuple) and len(made) == 2
    environment, other = made if is_pair else (made, getattr(made, "perceive", None))
    if isinstance(environment, Config) and isinstance(other, Params):
        return TaskParts(environment.environment, other.environment, made)
    if isinstance(environment, GridWorld):
        if is_pair and not isinstance(other, GridWorldParams):
            raise TypeError(f"task={name} makes a grid and a {type(other).__name__}; give a grid, or it and its params")
        return TaskParts(environment, other if is_pair else environment.default_params())
    if not (callable(getattr(environment, "reset", None)) and callable(getattr(environment, "step", None))):
        raise TypeError(
            f"task={name} makes a {type(made).__name__} that is no environment; give one that has reset and step, "
            "(environment, perceive), or (config, params) such as with_memory makes"
        )
    if other is not None and not callable(other) and not isinstance(other, (list, tuple)):
        raise TypeError(
            f"task={name} makes an environment and a {type(other).__name__}; give a function perceive or a list of "
            "facts with it, or what with_memory makes of them"
        )
    try:
        config, params = with_memory(environment, other)
    except (TypeError, ValueError) as error:
        raise type(error)(f"task={name}: {error}") from error
    return TaskParts(config.environment, params.environment, (config, params))
