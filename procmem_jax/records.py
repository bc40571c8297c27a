"""The three kinds of record: configs (static), params (traced) and states (arrays).

A *config* is a frozen, hashable dataclass of Python values that decide shapes or the program. A *params* record is
a pytree of numbers that may be traced and swept. A *state* record is a pytree of arrays that change. Every field of
a config or params record carries its help text, bounds and kind, so that the command line can list and check it.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.near_misses import choose_from

Record = TypeVar("Record")


def state_record(cls: type[Record]) -> type[Record]:
    """Returns `cls` as a frozen dataclass registered as a pytree whose fields are all leaves or subtrees."""
    frozen = dataclasses.dataclass(frozen=True)(cls)
    names = [field.name for field in dataclasses.fields(frozen)]
    return jax.tree_util.register_dataclass(frozen, data_fields=names, meta_fields=[])


params_record = state_record


def setting(
    default: Any,
    help: str,
    *,
    minimum=None,
    maximum=None,
    choices: tuple[str, ...] = (),
    functions: Mapping[str, Callable] | None = None,
    name: str | None = None,
    base: type | None = None,
) -> Any:
    """Returns a dataclass field for a static value of a config.

    Args:
        default: of a type that all values have; with `functions` a function, or the name of one if names will do.
        help: a line for the command line.
        minimum, maximum: bounds of a number, None for none.
        choices: the texts that a text may be.
        functions: by name, those that the command line offers; from Python any function may be given. By default the
            default alone, if it is a function or has a `base`.
        name: what the command line calls it, by default the field's own name.
        base: the class of `functions` that are no functions but objects with several methods.
    """
    if functions is None and (callable(default) or base is not None):
        functions = {getattr(default, "__name__", type(default).__name__): default}
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "choices": choices, "static": True}
    own = {"functions": functions or {}, "name": name, "base": base}
    return dataclasses.field(default=default, metadata={**metadata, **own})


def param(default: Any, dtype: Any, help: str, *, minimum=None, maximum=None, name: str | None = None) -> Any:
    """Returns a dataclass field for a traced number of a params record; `dtype` is the dtype of its array."""
    metadata = {"help": help, "minimum": minimum, "maximum": maximum, "dtype": dtype, "static": False, "name": name}
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
        TypeError: a value is not of its default's type.
        ValueError: a value is out of bounds or not among the known names.
    """
    for field in dataclasses.fields(config):
        value, metadata = getattr(config, field.name), field.metadata
        if "static" not in metadata:
            continue
        if metadata["functions"]:
            _check_function(field, value)
            continue
        if type(value) is not type(field.default):
            wanted = type(field.default).__name__
            raise TypeError(f"{field.name}={value!r} is a {type(value).__name__}; give a {wanted}")
        if metadata["choices"] and value not in metadata["choices"]:
            raise ValueError(f"{field.name}={value!r} is unknown; {choose_from(value, metadata['choices'])}")
        if not isinstance(value, (str, bool)):
            check_range(field.name, value, metadata["minimum"], metadata["maximum"])


def _check_function(field: dataclasses.Field, value: Any) -> None:
    functions, takes_names = field.metadata["functions"], isinstance(field.default, str)
    base = field.metadata["base"]
    if takes_names and isinstance(value, str):
        if value not in functions:
            raise ValueError(f"{field.name}={value!r} is unknown; {choose_from(value, functions)}")
    elif isinstance(value, type) or not (callable(value) if base is None else isinstance(value, base)):
        wanted = "a str or a function" if takes_names else "a function"
        if base is not None:
            wanted = f"an object that inherits from {base.__name__}"
        what = "the class itself" if isinstance(value, type) else f"a {type(value).__name__}"
        raise TypeError(f"{field.name}={value!r} is {what}; give {wanted}")
    try:
        hash(value)
    except TypeError:
        text = f"{field.name}={value!r} is not hashable; give a function or an instance of a frozen class"
        raise TypeError(text) from None
    if dataclasses.is_dataclass(value):
        check_settings(value)


def function_text(function: Callable, functions: Mapping[str, Callable]) -> str:
    """Returns the name of a function among `functions`, else where it can be imported from, `module:name`."""
    for name, known in functions.items():
        if known == function:
            return name
    where = function if hasattr(function, "__qualname__") else type(function)
    return f"{where.__module__}:{where.__qualname__}"


def check_numbers(params: Any) -> None:
    """Raises a ValueError for the first number of the concrete record `params` outside its bounds or not whole."""
    for field in dataclasses.fields(params):
        if "static" in field.metadata:
            value = getattr(params, field.name)
            check_range(field.name, value, field.metadata["minimum"], field.metadata["maximum"])
            if jnp.issubdtype(field.metadata["dtype"], jnp.integer) and np.any(np.mod(value, 1) != 0):
                raise ValueError(f"{field.name}={value} is not a whole number; give one")


def as_arrays(params: Record) -> Record:
    """Returns `params` with every number as an array: of its field's dtype, elsewhere of its own."""
    if not (dataclasses.is_dataclass(params) and any("dtype" in field.metadata for field in _all_fields(params))):
        return jax.tree.map(lambda leaf: jnp.asarray(leaf, canonical_dtype(leaf)), params)
    changes = {}
    for field in dataclasses.fields(params):
        value = getattr(params, field.name)
        changes[field.name] = (
            jnp.asarray(value, field.metadata["dtype"]) if "dtype" in field.metadata else as_arrays(value)
        )
    return dataclasses.replace(params, **changes)


def _all_fields(record: Any) -> Iterator[dataclasses.Field]:
    """Yields the fields of a record and of those in it."""
    for field in dataclasses.fields(record):
        yield field
        if dataclasses.is_dataclass(getattr(record, field.name)):
            yield from _all_fields(getattr(record, field.name))


def canonical_dtype(leaf: Any) -> np.dtype:
    """Returns the dtype that a number or array has once jax holds it."""
    # NumPy would take a jax array for a dtype, which jax warns about.
    dtype = leaf.dtype if isinstance(leaf, jax.Array) else np.result_type(leaf)
    return jax.dtypes.canonicalize_dtype(dtype)


def shapes_of(params: Any) -> tuple:
    """Returns the structure of a pytree of numbers, hashable: (tree, ((shape, dtype), ...))."""
    leaves, treedef = jax.tree.flatten(params)
    return treedef, tuple((np.shape(leaf), str(canonical_dtype(leaf))) for leaf in leaves)


def structs_of(shapes: tuple) -> Any:
    """Returns the pytree of `jax.ShapeDtypeStruct` that `shapes_of` has told of."""
    treedef, leaves = shapes
    return jax.tree.unflatten(treedef, [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in leaves])
