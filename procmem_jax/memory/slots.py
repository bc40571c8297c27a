"""The lowest slot with a property."""

import jax
import jax.numpy as jnp


def lowest_slot(mask: jax.Array) -> jax.Array:
    """Returns the lowest slot at which `mask` (`[N]` bool, N below 2**24) is True, `()` int32; N if there is none.

    By the minimum of floats: XLA has fast code for that on a CPU, and slow code for the minimum of whole numbers.
    """
    size = mask.shape[0]
    slots = jnp.arange(size, dtype=jnp.float32)
    return jnp.min(jnp.where(mask, slots, jnp.float32(size))).astype(jnp.int32)


def least_slot(costs: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (the lowest slot of the least cost `()` int32, that cost `()`) of `[N]` numbers, none of them NaN."""
    least = jnp.min(costs)
    return lowest_slot(costs == least), least
