"""A memory for any environment: one function says what it may know, the rest is as for the grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax

from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.envs.adapters.adapted import AdaptedWorld, PerceiveFunction, shapes_of, strict_params
from procmem_jax.envs.adapters.gymnax import RawGymnax, is_gymnax
from procmem_jax.experiments.overrides import apply_overrides
from procmem_jax.experiments.presets import default_settings
from procmem_jax.records import check_count


def with_memory(
    env: Any,
    perceive: PerceiveFunction,
    *,
    max_steps: int,
    env_params: Any = None,
    num_actions: int | None = None,
    predicate_names: Sequence[str] | None = None,
    same_start: bool = False,
    use_skills: bool = True,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[Config, Params]:
    """Returns (config, params) for `train`: the default memory and a uniformly random explorer in `env`.

    Args:
        env: a gymnax environment, or an object with `reset(key, params) -> (obs, state)` and `step(key, state, action,
            params) -> (obs, state, reward, terminated, truncated, info)` that never resets itself; hashable.
        perceive: (observation, `AdaptedState`, env_params) -> `Percept`, one example. Its last predicate means success;
            what happened earlier in the episode is in the state (`rewarded`), not to be guessed. Pass the same function
            object again to reuse compiled programs.
        max_steps: steps after which an episode is truncated, if the environment does not end it sooner.
        env_params: by default `env.default_params`.
        num_actions: by default `env.num_actions`.
        predicate_names: P names; by default numbers.
        same_start: whether every episode of an agent begins as its first did (a fixed layout).
        use_skills: False switches the memory off.
        overrides: values for settings by their names (see `procmem presets default`).

    Raises:
        TypeError, ValueError: the environment or function lacks something, or a setting is out of bounds.
    """
    raw = RawGymnax(env) if is_gymnax(env) else env
    check_count("max_steps", max_steps, 1, 2**30)
    if env_params is None:
        env_params = getattr(raw, "default_params", None)
    if num_actions is None:
        num_actions = getattr(raw, "num_actions", None)
    if num_actions is None:
        raise ValueError("num_actions is unknown: the environment does not tell; give it")
    check_count("num_actions", num_actions, 1, 127)
    env_params = strict_params(env_params)
    shape = (raw, perceive, num_actions)
    probe = AdaptedWorld(*shape, (), 0, max_steps, same_start, shapes_of(env_params))
    predicates, context = _percept_shapes(probe, env_params)
    names = tuple(f"predicate_{i}" for i in range(predicates)) if predicate_names is None else tuple(predicate_names)
    if len(names) != predicates:
        raise ValueError(f"predicate_names has {len(names)} names, perceive gives {predicates} predicates; name each")
    world = AdaptedWorld(*shape, names, context, max_steps, same_start, shapes_of(env_params))
    config, params = default_settings(world, env_params, ("random", 0.0), use_skills)
    config, params = apply_overrides(config, params, overrides or {})
    check_params(config, params)
    return config, params


def _percept_shapes(world: AdaptedWorld, env_params: Any) -> tuple[int, int]:
    """Returns (P, C), found without running anything.

    Raises:
        TypeError: what `perceive` gives is no percept.
    """

    def first(words):
        state = world.begin(world.draw_layout(words, env_params), env_params)
        return world.perceive(world.observe(state, env_params), state, env_params)

    word = jax.ShapeDtypeStruct((), "uint32")
    percept = jax.eval_shape(first, (word, word))
    wanted = {"predicates": ("bool", 1), "context": ("float32", 1), "fingerprint": ("uint32", 0)}
    for name, (dtype, rank) in wanted.items():
        leaf = getattr(percept, name, None)
        if leaf is None or str(leaf.dtype) != dtype or leaf.ndim != rank:
            given = "nothing" if leaf is None else f"{leaf.dtype}{list(leaf.shape)}"
            raise TypeError(f"perceive gives {given} as {name}; give {dtype} of {rank} dimension{'s' * (rank != 1)}")
    return percept.predicates.shape[0], percept.context.shape[0]
