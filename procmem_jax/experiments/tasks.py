"""Tasks by name: ours, other packages', those that a user registers, and those that can be imported."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from procmem_jax.agents.settings import Config, Params
from procmem_jax.envs.foreign.peer_names import PEERS
from procmem_jax.envs.foreign.peers import make_peer
from procmem_jax.envs.grid.task_names import parse_task
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.experiments.overrides import import_object
from procmem_jax.experiments.task_registry import TASKS
from procmem_jax.experiments.with_memory import with_memory

_made: dict[Callable[[], Any], "TaskParts"] = {}


@dataclasses.dataclass(frozen=True)
class TaskParts:
    """What a task is made of.

    Attributes:
        environment, environment_params: where agents live.
        experiment: (config, params) of a task that brings its memory and exploration policy along, else None.
        settings: of the default memory, where its defaults do not suit the environment.
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
    prefix = name.partition(":")[0]
    if ":" in name and prefix not in {known.partition(":")[0] for known in PEERS}:
        return _parts_of(name, import_object(name, "task"))
    if ":" in name:
        environment, numbers = make_peer(name)
        return TaskParts(environment, numbers, settings=dict(PEERS[name].settings))
    task = parse_task(name, others=tuple(TASKS))
    return TaskParts(GridWorld(task.family), GridWorldParams(size=task.size, max_steps=task.max_steps))


def _parts_of(name: str, make: Any) -> TaskParts:
    if not callable(make):
        raise TypeError(f"task={name} is a {type(make).__name__}; give a callable without arguments")
    if make not in _made:  # once: equal objects share their compiled programs
        _made[make] = _take_apart(make())
    return _made[make]


def _take_apart(made: Any) -> TaskParts:
    if not _is_experiment(made):
        pair = made if isinstance(made, tuple) and len(made) == 2 else (made, getattr(made, "perceive", None))
        if isinstance(pair[0], GridWorld):
            return TaskParts(pair[0], pair[0].default_params())
        made = with_memory(*pair)
    config, params = made
    return TaskParts(config.environment, params.environment, (config, params))


def _is_experiment(made: Any) -> bool:
    return isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Config) and isinstance(made[1], Params)
