"""What is checked at the door of the memory: kinds and shapes always, values wherever they are known.

Inside `jit` and `vmap` a value is traced: it has a kind and a shape, and nobody can look at it. There a check becomes
a condition, `()` bool, of which the caller makes what he can; a concrete value that is wrong raises.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_KINDS = {
    "whole numbers": (jnp.integer,),
    "real numbers": (jnp.integer, jnp.floating),
    "booleans": (jnp.bool_,),
}


def is_traced(value: Any) -> bool:
    """Returns whether `value` is known only when the program runs."""
    return isinstance(value, jax.core.Tracer)


def as_checked(name: str, value: Any, kind: str, **axes: int) -> np.ndarray | jax.Array:
    """Returns `value`, anything that NumPy takes for an array: as it is if traced, else as a NumPy array.

    For the other arguments and the errors see `check_array`.
    """
    if not is_traced(value):
        value = np.asarray(value)
    check_array(name, value, kind, **axes)
    return value


def check_array(name: str, value: np.ndarray | jax.Array, kind: str, **axes: int) -> None:
    """Raises unless an array has this kind and shape; its values stay where they are.

    Args:
        name: of the value, for the errors.
        value: of any width.
        kind: "whole numbers", "real numbers" or "booleans".
        axes: its shape: for every axis the name of the setting that decides it, and its size.

    Raises:
        TypeError: the value is of another kind.
        ValueError: it has another shape.
    """
    if not any(jnp.issubdtype(value.dtype, allowed) for allowed in _KINDS[kind]):
        raise TypeError(f"{name} is of kind {value.dtype}, not {kind}; give {kind}")
    wanted = tuple(axes.values())
    if value.shape != wanted:
        sizes = ", ".join(f"{setting}={size}" for setting, size in axes.items()) or "one number"
        raise ValueError(
            f"{name} has shape {value.shape}, not {wanted} ({sizes}); give one example of that shape, and use vmap for "
            "batches"
        )


def inside(value: np.ndarray | jax.Array, low: float, high: float) -> np.ndarray | jax.Array:
    """Returns where `value` lies in [low, high], bool of its shape; NaN does not."""
    if jnp.issubdtype(value.dtype, jnp.integer):
        # A bound that the dtype cannot hold binds nothing, and cannot be compared with.
        low, high = max(low, jnp.iinfo(value.dtype).min), min(high, jnp.iinfo(value.dtype).max)
    return (value >= low) & (value <= high)


def all_met(
    name: str, value: np.ndarray | jax.Array, met: np.ndarray | jax.Array, condition: str, remedy: str
) -> bool | jax.Array:
    """Returns whether `met` is true everywhere, `()` bool: True, or an array where that is not known yet.

    Args:
        name: of the value.
        value: of which the first wrong element is named.
        met: bool, of its shape.
        condition, remedy: how the error goes on.

    Raises:
        ValueError: `met` is known, and false somewhere.
    """
    if is_traced(met):
        return jnp.all(met)
    if not np.all(met):
        raise ValueError(f"{name}={np.asarray(value)[~np.asarray(met)][0]} {condition}; {remedy}")
    return True


def all_inside(
    name: str, value: np.ndarray | jax.Array, low: float, high: float, remedy: str = "give a value in that range"
) -> bool | jax.Array:
    """Returns whether all of `value` lies in [low, high]; raises if it is known that it does not. See `all_met`."""
    return all_met(name, value, inside(value, low, high), f"is outside {low} to {high}", remedy)


def narrow(value: np.ndarray | jax.Array, low: int, high: int, dtype: Any) -> np.ndarray | jax.Array:
    """Returns whole numbers as `dtype`, those outside [low, high] as the nearest in it: none can wrap around."""
    info = jnp.iinfo(value.dtype)
    low, high = (min(max(bound, info.min), info.max) for bound in (low, high))
    library = jnp if is_traced(value) else np
    return library.clip(value, low, high).astype(dtype)


def as_float32(value: np.ndarray | jax.Array) -> jax.Array:
    """Returns real numbers as float32; what is beyond its range becomes infinite."""
    if is_traced(value):
        return value.astype(jnp.float32)
    with np.errstate(over="ignore"):
        return jnp.asarray(value.astype(np.float32))
