"""Presets: named sets of settings, and how a task, a preset and overrides make a config and params."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from procmem_jax.agents.settings import AgentConfig, AgentParams, Config, Params, check_params
from procmem_jax.envs.foreign.peers import PEERS, make_peer
from procmem_jax.envs.grid.tasks import Task, is_foreign, parse_task
from procmem_jax.envs.grid.world import GridWorldConfig, GridWorldParams
from procmem_jax.envs.protocol import World, WorldParams, make_world
from procmem_jax.experiments.overrides import apply_overrides
from procmem_jax.memory.library import LibraryConfig

PRESETS = {
    "default": "a memory that never hurts and really helps: few, short, general skills that chain",
    "tutorial": "the tutorial's agent, every quirk included: failures do not count, a merge is a success, the budget "
    "of steps is looked at between skills only",
    "q-learning": "no skills: tabular Q-learning on the same percept, tuned on random-8",
}
DEFAULT_PRESET = "default"


def make_experiment(
    task: str = "random-5",
    preset: str = DEFAULT_PRESET,
    *,
    explorer: str | None = None,
    use_skills: bool = True,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Config, Params]:
    """Returns the checked (config, params) of a task and a preset.

    Args:
        task: a name such as "tutorial-5" or "random-8".
        preset: a name in `PRESETS`.
        explorer: "scripted", "random" or "epsilon:P"; by default "scripted" with the tutorial preset, "random" with
            every other.
        use_skills: False switches the memory off.
        overrides: values, or their text, for any fields of config and params by their bare names; they come last.

    Raises:
        TypeError, ValueError: a name is unknown or a value out of bounds.
    """
    if preset not in PRESETS:
        raise ValueError(f"preset={preset!r} is unknown; choose from {', '.join(PRESETS)} (see `procmem presets`)")
    if is_foreign(task):
        return _foreign(task, preset, parse_explorer(explorer or "random"), use_skills, overrides or {})
    parsed = parse_task(task)
    if explorer is None:
        explorer = "scripted" if preset == "tutorial" else "random"
    make = _tutorial if preset == "tutorial" else _default
    config, params = make(parsed, parse_explorer(explorer), use_skills)
    if preset == "q-learning":
        library = dataclasses.replace(config.library, capacity=1)
        config = dataclasses.replace(
            config, library=library, agent=dataclasses.replace(config.agent, memory="q_learning")
        )
    config, params = apply_overrides(config, params, overrides or {})
    if config.world.max_size < params.world.size:
        config = dataclasses.replace(config, world=dataclasses.replace(config.world, max_size=int(params.world.size)))
    check_params(config, params)
    return config, params


def _foreign(
    task: str, preset: str, explorer: tuple[str, float], use_skills: bool, overrides: Mapping[str, Any]
) -> tuple[Config, Params]:
    if preset != "default":
        raise ValueError(f"preset={preset!r} knows the grid only, not {task}; use preset default")
    world, world_params = make_peer(task)
    settings = {**dict(PEERS[task].settings), **overrides}
    config, params = apply_overrides(*default_settings(world, world_params, explorer, use_skills), settings)
    check_params(config, params)
    return config, params


def _tutorial(task: Task, explorer: tuple[str, float], use_skills: bool) -> tuple[Config, Params]:
    config = Config(
        world=GridWorldConfig(layout=task.family, max_size=task.size),
        library=LibraryConfig(counting="tutorial"),
        agent=AgentConfig(memory="tutorial", use_skills=use_skills, explorer=explorer[0]),
    )
    # The tutorial's world has no time limit; its agent gives up instead.
    params = Params(
        GridWorldParams(size=task.size, max_steps=0, door_pays_again=True),
        AgentParams(step_budget=task.max_steps, epsilon=explorer[1]),
    )
    return config, params


def _default(task: Task, explorer: tuple[str, float], use_skills: bool) -> tuple[Config, Params]:
    world = GridWorldConfig(layout=task.family, max_size=task.size)
    numbers = GridWorldParams(size=task.size, max_steps=task.max_steps)
    return default_settings(world, numbers, explorer, use_skills)


def default_settings(
    world: GridWorldConfig | World, world_params: WorldParams, explorer: tuple[str, float], use_skills: bool
) -> tuple[Config, Params]:
    """Returns (config, params) of the default memory in any world.

    Args:
        world: of the config.
        world_params: its numbers.
        explorer: (name, epsilon).
        use_skills: False switches the memory off.
    """
    handle = make_world(world)
    config = Config(
        world=world,
        library=LibraryConfig(
            capacity=128,
            embedding_size=max(3, 2 * handle.context_size),
            max_skill_length=8,
            num_predicates=len(handle.predicate_names),
            eviction="utility",
        ),
        agent=AgentConfig(memory="default", use_skills=use_skills, explorer=explorer[0]),
    )
    return config, Params(world_params, AgentParams(merge_threshold=0.99999, epsilon=explorer[1]))


def parse_explorer(text: str) -> tuple[str, float]:
    """Returns (name, epsilon) of "scripted", "random" or "epsilon:P" with P in [0, 1].

    Raises:
        ValueError: the text is none of these.
    """
    if text in ("scripted", "random"):
        return text, 0.0
    kind, _, number = text.partition(":")
    try:
        epsilon = float(number)
    except ValueError:
        epsilon = -1.0
    if kind != "epsilon" or not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"explorer={text!r} is unknown; choose scripted, random or epsilon:P with P from 0 to 1")
    return "epsilon", epsilon
