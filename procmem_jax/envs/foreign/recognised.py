"""Whose environment this is: the adapters that `with_memory` knows, tried in turn, none of their packages imported."""

from collections.abc import Callable
from typing import Any, NamedTuple

from procmem_jax.envs.foreign.gymnax import RawGymnax, is_gymnax


class Recognised(NamedTuple):
    """An environment as `with_memory` takes it, with what it tells of itself.

    Attributes:
        env: a `RawEnvironment`.
        params: its params.
        action_names: names of the actions 0, 1, ...; None where it tells no number of actions.
        episode_limit: steps after which it cuts an episode; None where it tells none.
    """

    env: Any
    params: Any
    action_names: tuple[str, ...] | None = None
    episode_limit: Any = None


def recognise(env: Any, env_params: Any = None) -> Recognised:
    """Returns `env` as a `RawEnvironment`, by the first adapter that knows it; otherwise it is one already.

    Args:
        env: an environment of a package in `_ADAPTERS`, or a `RawEnvironment`.
        env_params: by default `env.default_params`.
    """
    for knows, adapter in _ADAPTERS:
        if knows(env):
            return adapter(env, env_params)
    return recognise_raw(env, env_params)


def recognise_raw(raw: Any, env_params: Any = None) -> Recognised:
    """Returns a `RawEnvironment` with what its attributes tell: `num_actions`, `default_params` and their limit."""
    count = getattr(raw, "num_actions", None)
    names = None if count is None else tuple(f"action_{i}" for i in range(count))
    params = getattr(raw, "default_params", None) if env_params is None else env_params
    return Recognised(raw, params, names, getattr(params, "max_steps_in_episode", None))


def _recognise_gymnax(env: Any, env_params: Any) -> Recognised:
    return recognise_raw(RawGymnax(env), env_params)


# Whether an environment is of a package, told by attributes or `is_of`, and what makes a `Recognised` of it.
_ADAPTERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Any], Recognised]], ...] = (
    (is_gymnax, _recognise_gymnax),
)


def is_of(env: Any, package: str) -> bool:
    """Whether the class of `env`, or one that it inherits from, is defined in `package`; imports nothing."""
    return any(cls.__module__.partition(".")[0] == package for cls in type(env).__mro__)
