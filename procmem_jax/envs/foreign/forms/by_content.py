"""Objects that hold arrays, hashable by what they hold: equal ones share their compiled programs."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from procmem_jax.envs.foreign.forms.layers import attributes


class ByContent:
    """Any object, hashed and compared by what it holds when it is put in: arrays by their numbers.

    Attributes:
        value: the object; not to be changed.
    """

    def __init__(self, value: Any):
        self.value = value
        self._content = _content(value, ())

    def __eq__(self, other: Any) -> bool:
        return type(other) is type(self) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def __repr__(self) -> str:
        return repr(self.value)


class HashableEnvironment(ByContent):
    """A `RawEnvironment` that holds arrays, by its content; all else is as the environment has it."""

    never_resets = True

    def __getattr__(self, name: str) -> Any:
        if name in ("value", "_content") or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.value, name)


def hashable(env: Any) -> Any:
    """Returns a `RawEnvironment` if it can be hashed, else as one that can."""
    try:
        hash(env)
    except TypeError:
        return HashableEnvironment(env)
    return env


def _content(value: Any, above: tuple[int, ...]) -> Any:
    """Returns what `value` holds, hashable; what can be neither hashed nor looked into stands for itself."""
    if isinstance(value, (np.ndarray, jax.Array)) and not jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        array = np.asarray(value)
        return str(array.dtype), array.shape, array.tobytes()
    if isinstance(value, jax.Array):
        return "key", str(jax.random.key_impl(value)), _content(jax.random.key_data(value), above)
    if id(value) in above:
        return "above", above.index(id(value))
    above = (*above, id(value))
    if isinstance(value, (list, tuple)):
        return type(value), tuple(_content(item, above) for item in value)
    try:
        hash(value)
        return type(value), value
    except TypeError:
        held = _held(value)
    if not held:
        return type(value), id(value)
    return type(value), frozenset((key, _content(item, above)) for key, item in held.items())


def _held(value: Any) -> Mapping:
    """Returns the parts of what cannot be hashed: the items of a dict, the fields of a dataclass, else attributes."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return attributes(value)
