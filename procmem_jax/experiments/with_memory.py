"""A memory for any environment: one function says what it may know, the rest is as for the grid."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from procmem_jax.agents.exploration import ExplorationPolicy, RandomPolicy
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.envs.foreign.adapted import PerceiveFunction, adapt
from procmem_jax.envs.foreign.projected import ProjectedPercept
from procmem_jax.envs.foreign.recognised import recognise
from procmem_jax.experiments.overrides import apply_overrides
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory


def with_memory(
    env: Any,
    perceive: PerceiveFunction | None = None,
    *,
    max_steps: int | None = None,
    env_params: Any = None,
    num_actions: int | None = None,
    action_names: Sequence[str] | None = None,
    predicate_names: Sequence[str] | None = None,
    same_start: bool = False,
    use_skills: bool = True,
    memory: Memory | None = None,
    exploration: ExplorationPolicy | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Config, Params]:
    """Returns (config, params) for `train`: by default the default memory and a uniformly random explorer in `env`.

    Args:
        env: a gymnax environment, or an object with `reset(key, params) -> (obs, state)` and `step(key, state, action,
            params) -> (obs, state, reward, terminated, truncated, info)` that never resets itself; hashable.
        perceive: (observation, `AdaptedState`, env_params) -> `Percept`, one example. Its last predicate means success;
            what happened earlier in the episode is in the state (`rewarded`), not to be guessed. Pass the same function
            object again to reuse compiled programs. By default a `ProjectedPercept`, which serves any environment.
        max_steps: steps after which an episode is truncated, if the environment does not end it sooner; by default
            `env_params.max_steps_in_episode`, which gymnax's have.
        env_params: by default `env.default_params`.
        num_actions: by default `env.num_actions`.
        action_names: by default numbers.
        predicate_names: P names; by default `perceive.predicate_names`, else numbers.
        same_start: whether every episode of an agent begins as its first did (a fixed layout).
        use_skills: False switches the memory off.
        memory: by default `DefaultMemory()`.
        exploration: by default `RandomPolicy()`; a policy may look at the observations.
        overrides: values for settings by their names (see `procmem presets default`).

    Raises:
        TypeError, ValueError: the environment or function lacks something, or a setting is out of bounds.
    """
    raw, env_params, told_names, told_limit = recognise(env, env_params)
    perceive = ProjectedPercept() if perceive is None else perceive
    if predicate_names is None:
        predicate_names = getattr(perceive, "predicate_names", None)
    if action_names is None:
        action_names = told_names if num_actions is None else [f"action_{i}" for i in range(num_actions)]
    if action_names is None:
        raise ValueError("num_actions is unknown: the environment does not tell; give it")
    max_steps = told_limit if max_steps is None else max_steps
    if max_steps is None:
        raise ValueError("max_steps is unknown: the environment's params do not tell; give it")
    environment, env_params = adapt(
        raw,
        perceive,
        env_params,
        action_names=action_names,
        predicate_names=predicate_names,
        episode_limit=max_steps,
        same_start=same_start,
    )
    config = Config(environment, memory or DefaultMemory(), exploration or RandomPolicy(), use_skills)
    config, params = apply_overrides(config, config.default_params(env_params), overrides or {})
    config = dataclasses.replace(config, memory=config.memory.for_environment(config.environment, params.environment))
    check_params(config, params)
    return config, params
