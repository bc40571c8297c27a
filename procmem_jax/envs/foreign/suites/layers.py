"""Wrappers of other packages that hide the ends of episodes, or hold many environments."""

import types
from collections.abc import Iterator, Sequence
from typing import Any

from procmem_jax.envs.foreign.forms.layers import attributes, is_of
from procmem_jax.records import function_text

_RESETTING = ("AutoReset", "OptimisticReset")


class NamedByInside:
    """A `RawEnvironment` with the name of the environment in it, by which libraries of two worlds are told apart."""

    @property
    def name(self) -> str:
        """The environment's own, else that of its class."""
        return getattr(self.env, "name", None) or function_text(self.env, {})


def belongs_to(env: Any, *packages: str) -> bool:
    """Whether `env` is an environment of one of `packages`, or a wrapper of anybody's around one; imports nothing."""
    if isinstance(env, type) or getattr(type(env), "never_resets", False):
        return False
    return any(is_of(layer, package) for layer in layers_of(env) for package in packages)


def check_layers(env: Any, maker: str, methods: Sequence[str]) -> None:
    """Raises unless `env` has these methods and neither it nor what it wraps resets itself or is a batch.

    Args:
        env: an environment, or wrappers around one.
        maker: the name of the adapter.
        methods: that its package promises.

    Raises:
        TypeError: a method is missing.
        ValueError: a wrapper resets it inside `step`, or holds many environments.
    """
    if isinstance(env, type):
        raise TypeError(f"{maker}: {env.__name__} is the class itself; give an instance")
    missing = [name for name in methods if not hasattr(env, name)]
    if missing:
        raise TypeError(f"{maker}: a {type(env).__name__} has no {', '.join(missing)}; use its own package's adapter")
    for layer in layers_of(env):
        names = [cls.__name__ for cls in type(layer).__mro__]
        if any(word in name for word in _RESETTING for name in names):
            raise ValueError(f"{maker}: {names[0]} resets inside step, which hides ends; give the environment without")
        if any("Vmap" in name for name in names):
            raise ValueError(f"{maker}: {names[0]} holds many environments; give a single one, train makes many")


def layers_of(env: Any, above: tuple[int, ...] = ()) -> Iterator[Any]:
    """Yields `env` and all that it holds, however deep, that can be stepped; `above` are the ids of what holds it."""
    yield env
    for value in attributes(env).values():
        if hasattr(value, "step") and not isinstance(value, (type, types.ModuleType)) and id(value) not in above:
            yield from layers_of(value, (*above, id(env)))
