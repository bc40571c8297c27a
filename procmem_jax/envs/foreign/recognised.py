"""Whose environment this is: the adapters that `with_memory` knows, tried in turn, none of their packages imported."""

from collections.abc import Callable
from typing import Any, NamedTuple

from procmem_jax.envs.foreign.forms.layers import is_gymnax, is_of, layer_names
from procmem_jax.envs.foreign.forms.limits import limit_of
from procmem_jax.envs.foreign.gymnax import RawGymnax
from procmem_jax.envs.foreign.suites.brax import from_brax
from procmem_jax.envs.foreign.suites.faults import warn_of_faults
from procmem_jax.envs.foreign.suites.jumanji import from_jumanji
from procmem_jax.envs.foreign.suites.layers import belongs_to, layers_of
from procmem_jax.envs.foreign.suites.navix import from_navix
from procmem_jax.envs.foreign.suites.pgx import from_pgx
from procmem_jax.envs.foreign.suites.stoa import from_stoa
from procmem_jax.envs.foreign.suites.xland import from_xland


class Recognised(NamedTuple):
    """An environment as `with_memory` takes it, with what it tells of itself.

    Attributes:
        env: a `RawEnvironment`.
        params: its params.
        action_names: names of the actions 0, 1, ...; None where `action_space` or `env.num_actions` is to tell.
        episode_limit: steps after which it cuts an episode; None where it tells none.
        action_space: of its actions; None where it has none.
    """

    env: Any
    params: Any
    action_names: tuple[str, ...] | None = None
    episode_limit: Any = None
    action_space: Any = None


def recognise(env: Any, env_params: Any = None) -> Recognised:
    """Returns `env` as a `RawEnvironment`, by the first adapter that knows it; otherwise it is one already.

    Warns of what is known to be wrong with it in the installed version of its package.

    Args:
        env: an environment of a package in `_ADAPTERS`, or a `RawEnvironment`.
        env_params: by default `env.default_params`.

    Raises:
        TypeError: `env` is a class, or keeps its own state.
        ValueError: one of its wrappers cannot be honoured.
    """
    if isinstance(env, type):
        raise TypeError(f"env={env.__name__} is the class itself; give an instance")
    if is_of(env, "gymnasium") or is_of(env, "gym"):
        raise TypeError(f"{layer_names(env)} is of Gymnasium, which keeps its state; give a JAX environment")
    for layer in layers_of(env):
        warn_of_faults(type(layer))
    for knows, adapter in _ADAPTERS:
        if knows(env):
            return adapter(env, env_params)
    return recognise_raw(env, env_params)


def recognise_raw(raw: Any, env_params: Any = None) -> Recognised:
    """Returns a `RawEnvironment` with what it tells by `default_params`, `episode_limit`, `action_space(params)`."""
    params = getattr(raw, "default_params", None) if env_params is None else env_params
    space = getattr(raw, "action_space", None)
    space = space(params) if callable(space) else space
    limit = limit_of(params)
    return Recognised(raw, params, None, getattr(raw, "episode_limit", None) if limit is None else limit, space)


def _recognise_xland(env: Any, env_params: Any) -> Recognised:
    return recognise_raw(from_xland(env, env_params))


def _recognise_gymnax(env: Any, env_params: Any) -> Recognised:
    return recognise_raw(RawGymnax(env), env_params)


def _with(make: Callable[[Any], Any]) -> Callable[[Any, Any], Recognised]:
    return lambda env, env_params: recognise_raw(make(env), env_params)


def _from(*packages: str) -> Callable[[Any], bool]:
    return lambda env: belongs_to(env, *packages)


# Whether an environment is of a package, and what makes a `Recognised` of it. Stoa's may hold a gymnax environment.
_ADAPTERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Any], Recognised]], ...] = (
    (_from("stoa"), _with(from_stoa)),
    (is_gymnax, _recognise_gymnax),
    (_from("jumanji"), _with(from_jumanji)),
    (_from("pgx"), _with(from_pgx)),
    (_from("xminigrid"), _recognise_xland),
    (_from("navix"), _with(from_navix)),
    (_from("brax"), _with(from_brax)),
)
