"""Presets: a memory and what goes with it; and how a task, a preset and overrides make a config and params."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from procmem_jax.agents.counting import LeastTried, TableParams
from procmem_jax.agents.exploration import POLICIES, EpsilonParams, EpsilonPolicy
from procmem_jax.agents.frontier import FrontierParams
from procmem_jax.agents.persistent import PersistentParams
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.agents.q_learning import QLearning
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.envs.foreign.adapted import AdaptedEnvironment
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.experiments.any_environment import apply_suited, outcome_settings, suited_exploration
from procmem_jax.experiments.overrides import import_object, settings_in
from procmem_jax.experiments.preset_names import DEFAULT_PRESET, PRESETS, check_preset
from procmem_jax.experiments.tasks import TaskParts, make_task_parts
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory
from procmem_jax.memory.proven.memory import ProvenMemory
from procmem_jax.memory.tutorial.memory import TutorialMemory
from procmem_jax.near_misses import choose_from


@dataclasses.dataclass(frozen=True)
class Preset:
    """A memory and what goes with it.

    Attributes:
        memory: the memory.
        explorer: what it explores with unless something else is asked for; None: what suits the environment.
        adjust: what it changes of a task's numbers.
    """

    memory: Memory
    explorer: str | None = None
    adjust: Callable[[Params], Params] = lambda params: params


def _give_up_instead(params: Params) -> Params:
    """Returns the numbers of the tutorial: its grid has no time limit, its agent gives up instead."""
    grid = params.environment
    if not isinstance(grid, GridWorldParams):
        return params
    endless = dataclasses.replace(grid, max_steps=0, door_pays_again=True)
    return dataclasses.replace(params, environment=endless, step_budget=grid.max_steps)


_presets = {
    DEFAULT_PRESET: Preset(DefaultMemory()),
    "proven": Preset(ProvenMemory()),
    "tutorial": Preset(TutorialMemory(), "scripted", _give_up_instead),
    "q-learning": Preset(QLearning(), "random"),
}
_OURS = tuple(_presets)
_PLAIN_EXPLORERS = ("scripted", "random", "persistent", "adaptive", "least-tried", "nearest-untried", "frontier")
_EXPLORERS = (*_PLAIN_EXPLORERS, "epsilon:P")
_EXPLORERS_IN_WORDS = (
    "scripted, random, epsilon:P with P from 0 to 1, persistent, adaptive, least-tried, nearest-untried, frontier, or "
    "package.module:MyPolicy"
)


def register_preset(name: str, memory: Memory, *, help: str = "", explorer: str | None = None) -> None:
    """Makes `name` a preset, as `make_experiment`, `make_sweep` and the command line's `--preset` know it.

    Args:
        name: not one of ours.
        memory: the memory.
        help: a line.
        explorer: what it explores with unless something else is asked for; None: what suits the environment.

    Raises:
        TypeError: `memory` is none.
        ValueError: the name is taken, or there is no such explorer.
    """
    if not isinstance(memory, Memory):
        raise TypeError(f"memory={memory!r} is a {type(memory).__name__}; give an object that inherits from Memory")
    if name in _OURS:
        raise ValueError(f"name={name!r} is a preset already; choose another")
    if explorer is not None:
        parse_explorer(explorer)
    _presets[name] = Preset(memory, explorer)
    PRESETS[name] = help or f"{type(memory).__name__}, registered by the user"


def make_experiment(
    task: str = "random-5",
    preset: str = DEFAULT_PRESET,
    *,
    explorer: str | ExplorationPolicy | None = None,
    memory: str | Memory | None = None,
    use_skills: bool = True,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Config, Params]:
    """Returns the checked (config, params) of a task and a preset.

    Args:
        task: a name such as "tutorial-5" or "random-8"; one that was registered; or "package.module:make_task".
        preset: a name (see `procmem presets`), or one that was registered. Any but the default takes the place of the
            memory and the explorer that a task brings along.
        explorer: "scripted", "random", "epsilon:P", "persistent", "adaptive", "least-tried", "nearest-untried",
            "frontier", an exploration policy, or "package.module:MyPolicy"; by default the preset's or the task's own:
            "scripted" with the tutorial preset, "frontier" with a grid percept, "adaptive" in other worlds of other
            packages, else "random".
        memory: a memory in the place of the preset's, or "package.module:MyMemory".
        use_skills: False switches the memory off.
        overrides: values, or their text, for any settings that the run reads, by their bare names; they come last.

    Raises:
        TypeError, ValueError: a name is unknown or a value out of bounds.
    """
    check_preset(preset)
    chosen = _presets[preset]
    parts = make_task_parts(task)
    config, params = _assemble(parts, preset, chosen, memory)
    if explorer is not None or parts.experiment is None or preset != DEFAULT_PRESET:
        explorer = explorer or chosen.explorer or suited_exploration(config.environment)
        config, params = _with_explorer(config, params, explorer)
    if not use_skills:
        config = dataclasses.replace(config, use_skills=False)
    brings_memory = parts.experiment is not None and preset == DEFAULT_PRESET and memory is None
    settings = {} if brings_memory else outcome_settings(config.environment, config.exploration) | parts.settings
    is_given = memory is not None or preset not in _OURS
    config, params = apply_suited(config, params, settings, overrides or {}, is_given=is_given, readers=_readers())
    if "max_size" not in (overrides or {}):
        sized = config.memory.for_environment(config.environment, params.environment)
        config = dataclasses.replace(config, memory=sized)
    check_params(config, params)
    return config, params


def _assemble(parts: TaskParts, name: str, preset: Preset, memory: str | Memory | None) -> tuple[Config, Params]:
    """Returns (config, params) of a task with the memory of the preset, or the one that is given."""
    if isinstance(memory, str):
        memory = _object_of(import_object(memory, "memory"), memory, Memory)
    if parts.experiment is not None and name == DEFAULT_PRESET:
        config, params = parts.experiment
        if memory is None:
            return config, params
        return dataclasses.replace(config, memory=memory), dataclasses.replace(params, memory=memory.default_params())
    config = Config(parts.environment, preset.memory if memory is None else memory)
    return config, preset.adjust(config.default_params(parts.environment_params))


def _with_explorer(config: Config, params: Params, explorer: str | ExplorationPolicy) -> tuple[Config, Params]:
    if isinstance(explorer, str):
        policy, numbers = parse_explorer(explorer)
        return dataclasses.replace(config, exploration=policy), dataclasses.replace(params, exploration=numbers)
    config = dataclasses.replace(config, exploration=explorer)
    return config, dataclasses.replace(params, exploration=explorer.default_params())


def parse_explorer(text: str) -> tuple[ExplorationPolicy, Any]:
    """Returns (policy, its numbers) of "epsilon:P" with P in [0, 1], another name, or "package.module:MyPolicy".

    Raises:
        ValueError: the text is none of these.
    """
    if text in _PLAIN_EXPLORERS:
        policy = POLICIES[text]()
        return policy, policy.default_params()
    kind, _, number = text.partition(":")
    if kind not in ("epsilon", *_PLAIN_EXPLORERS) and number:
        policy = _object_of(import_object(text, "explorer"), text, ExplorationPolicy)
        return policy, policy.default_params()
    try:
        epsilon = float(number)
    except ValueError:
        epsilon = -1.0
    if kind != "epsilon" or not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"explorer={text!r} is unknown; {choose_from(kind, _EXPLORERS, among=_EXPLORERS_IN_WORDS)}")
    return EpsilonPolicy(), EpsilonParams(epsilon)


def _object_of(found: Any, text: str, base: type) -> Any:
    """Returns an object of the class `base`: what was imported, or what it makes when called without arguments."""
    made = found if isinstance(found, base) else found() if callable(found) else found
    if not isinstance(made, base):
        raise TypeError(
            f"{text} makes a {type(made).__name__}; give what makes an object that inherits from {base.__name__}"
        )
    return made


def _readers() -> dict[str, str]:
    """Returns who reads a setting, by its name: of all presets and explorers."""
    readers = {"epsilon": "the explorer epsilon:P"}
    readers |= {setting.name: "the explorer frontier" for setting in settings_in(FrontierParams())}
    readers |= {setting.name: "the explorer persistent or adaptive" for setting in settings_in(PersistentParams())}
    for record in (LeastTried(), TableParams()):
        readers |= {setting.name: "the explorer least-tried or nearest-untried" for setting in settings_in(record)}
    for name, preset in _presets.items():
        for record in (preset.memory, preset.memory.default_params()):
            known = {setting.path: setting for setting in settings_in(record)}
            for path, setting in known.items():
                owner = known.get(path[:-1])  # a function with settings of its own
                reader = f"preset {name}" if owner is None else f"{owner.name}={owner.value}"
                readers.setdefault(setting.name, reader)
    for record in (GridWorld(), GridWorldParams()):
        readers |= {setting.name: "the grid" for setting in settings_in(record)}
    foreign = [field.name for field in dataclasses.fields(AdaptedEnvironment) if field.metadata]
    return {**readers, **dict.fromkeys(foreign, "an environment of another package")}
