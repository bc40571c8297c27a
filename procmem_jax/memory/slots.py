"""The least of the numbers of all slots, the lowest slot with a property, and long rows made short.

XLA's CPU backend has fast code for the minimum of rows of floats if these are 4,096 numbers or more together; fewer it
takes one after the other, if a row has more than 32. With lanes in batches of 16 the latter is the rule. The minimum of
16 rows of 192 takes 2.8 microseconds that way, and 0.4 if 16 columns are taken at once (one core of an Intel Xeon).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from procmem_jax.computed_once import computed_once

_ENOUGH_FOR_FAST_CODE, _SHORT_ROW, _COLUMNS = 4096, 32, 16


@custom_vmap
def least(rows: jax.Array) -> jax.Array:
    """Returns the least of each row of numbers, none of them NaN, `[...]` of `[..., N]`.

    Under `vmap` all rows of a batch are seen together.
    """

    def by_columns(rows: jax.Array) -> jax.Array:
        short = -rows.shape[-1] % _COLUMNS
        padded = jnp.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, short)], constant_values=jnp.inf)
        columns = padded.reshape(*rows.shape[:-1], -1, _COLUMNS)
        return jnp.min(computed_once(jnp.min(columns, axis=-2)), axis=-1)

    def at_once(rows: jax.Array) -> jax.Array:
        return jnp.min(rows, axis=-1)

    is_float = jnp.issubdtype(rows.dtype, jnp.floating)
    if not is_float or rows.size >= _ENOUGH_FOR_FAST_CODE or rows.shape[-1] <= _SHORT_ROW:
        return at_once(rows)
    return jax.lax.platform_dependent(rows, cpu=by_columns, default=at_once)


@least.def_vmap
def _of_batch(axis_size, in_batched, rows):
    del axis_size, in_batched
    return least(rows), True


def folded(row: jax.Array, combine: Callable[[jax.Array, jax.Array], jax.Array]) -> jax.Array:
    """Returns `[M]` of `[N]`, M <= 32 if N is a power of two, halves combined: what is left of a long row to reduce.

    XLA's CPU backend reduces a longer row in windows of 32, number by number: the greatest of 64 whole numbers takes it
    75 ns that way, and 12 ns of 32 greater halves (144 rows at once, one core of an Intel Xeon).

    Args:
        row: one example.
        combine: static, of two numbers what the reduction makes of many, in any order the same.
    """
    while row.shape[0] > _SHORT_ROW and row.shape[0] % 2 == 0:
        half = row.shape[0] // 2
        row = combine(row[:half], row[half:])
    return row


def lowest_slot(mask: jax.Array) -> jax.Array:
    """Returns the lowest slot at which `mask` (`[N]` bool, N below 2**24) is True, `()` int32; N if there is none.

    By the minimum of floats: for whole numbers XLA has no fast code on a CPU.
    """
    size = mask.shape[0]
    slots = jnp.arange(size, dtype=jnp.float32)
    return least(jnp.where(mask, slots, jnp.float32(size))).astype(jnp.int32)


def least_slot(costs: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (the lowest slot of the least cost `()` int32, that cost `()`) of `[N]` numbers, none of them NaN."""
    cost = least(costs)
    return lowest_slot(costs == cost), cost
