"""The three kinds of record: configs (static), params (traced) and states (arrays).

A *config* is a frozen, hashable dataclass of Python values that decide shapes or the program. A *params* record is
a pytree of numbers that may be traced and swept. A *state* record is a pytree of arrays that change. Every field of
a config or params record carries its help text, bounds and kind, so that the command line can list and check it.
"""

import dataclasses
import math
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

Record = TypeVar("Record")


def state_record(cls: type[Record]) -> type[Record]:
    """Returns `cls` as a frozen dataclass registered as a pytree whose fields are all leaves or subtrees."""
    frozen = dataclasses.dataclass(frozen=True)(cls)
    names = [field.name for field in dataclasses.fields(frozen)]
    return jax.tree_util.register_dataclass(frozen, data_fields=names, meta_fields=[])


params_record = state_record


def setting(
    default: Any, help: str, *, minimum=None, maximum=None, choices: tuple[str, ...] = (), functions: bool = False
) -> Any:
    """Returns a dataclass field for a static value of a config.

    With `functions` it may also be a hashable function: its `choices` are then only those that have a name.
    """
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices, "functions": functions}
    return dataclasses.field(default=default, metadata={**metadata, "static": True})


def param(default: Any, dtype: Any, help: str, *, minimum=None, maximum=None) -> Any:
    """Returns a dataclass field for a traced number of a params record; `dtype` is the dtype of its array."""
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "dtype": dtype, "static": False}
    return dataclasses.field(default=default, metadata=metadata)


def check_range(name: str, value: Any, minimum: Any, maximum: Any) -> None:
    """Raises a ValueError if any element of `value` is not finite or lies outside [minimum, maximum]."""
    for element in np.asarray(value).reshape(-1).tolist():
        if isinstance(element, float) and not math.isfinite(element):
            raise ValueError(f"{name}={element} is not a finite number; give a finite one")
        if minimum is not None and element < minimum:
            raise ValueError(f"{name}={element} is below {minimum}; give at least {minimum}")
        if maximum is not None and element > maximum:
            raise ValueError(f"{name}={element} is above {maximum}; give at most {maximum}")


def check_count(name: str, value: Any, minimum: int, maximum: int) -> None:
    """Raises unless `value` is a whole number in [minimum, maximum].

    Raises:
        TypeError: `value` is not an integer.
        ValueError: `value` is out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}={value!r} is a {type(value).__name__}; give a whole number")
    check_range(name, value, minimum, maximum)


def check_settings(config: Any) -> None:
    """Raises for the first setting of `config` that has the wrong kind or lies outside its bounds.

    Raises:
        TypeError: a value is not of its default's type (nor a hashable function, where one may be given).
        ValueError: a value is out of bounds or not among the known names.
    """
    for field in dataclasses.fields(config):
        value, metadata = getattr(config, field.name), field.metadata
        if "static" not in metadata:
            continue
        if metadata["functions"] and callable(value):
            _check_hashable(field.name, value)
            continue
        if type(value) is not type(field.default):
            wanted = type(field.default).__name__ + " or a function" * metadata["functions"]
            raise TypeError(f"{field.name}={value!r} is a {type(value).__name__}; give a {wanted}")
        if metadata["choices"] and value not in metadata["choices"]:
            raise ValueError(f"{field.name}={value!r} is unknown; choose from {', '.join(metadata['choices'])}")
        if not isinstance(value, (str, bool)):
            check_range(field.name, value, metadata["minimum"], metadata["maximum"])


def _check_hashable(name: str, value: Any) -> None:
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not hashable; give a function or an instance of a frozen class") from None


def check_numbers(params: Any) -> None:
    """Raises a ValueError for the first number of the concrete record `params` outside its bounds or not whole."""
    for field in dataclasses.fields(params):
        if "static" in field.metadata:
            value = getattr(params, field.name)
            check_range(field.name, value, field.metadata["minimum"], field.metadata["maximum"])
            if jnp.issubdtype(field.metadata["dtype"], jnp.integer) and np.any(np.mod(value, 1) != 0):
                raise ValueError(f"{field.name}={value} is not a whole number; give one")


def as_arrays(params: Record) -> Record:
    """Returns `params` with every number, also in nested records, as an array of its field's dtype."""
    changes = {}
    for field in dataclasses.fields(params):
        value = getattr(params, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = as_arrays(value)
        elif "dtype" in field.metadata:
            changes[field.name] = jnp.asarray(value, field.metadata["dtype"])
    return dataclasses.replace(params, **changes)
