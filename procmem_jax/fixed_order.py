"""Sums and layers whose bits do not change with the batch."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once

_VECTOR = 8  # numbers that a CPU adds at once


def fixed_order_sum(x: jax.Array) -> jax.Array:
    """Returns the sum over the last axis by a halving tree, padded with zeros to a power of two.

    `sum` and `dot` choose an order by the shape of the whole batch, and so change in the last bit with its size.
    """
    size = x.shape[-1]
    padded = 1 << max(size - 1, 0).bit_length()
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, padded - size)])
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        x = x[..., :half] + x[..., half:]
    return x[..., 0]


def fixed_order_dot(x: jax.Array, y: jax.Array) -> jax.Array:
    """Returns `fixed_order_sum(rounded_product(x, y))` to the bit, on a CPU much faster for more than 8 numbers.

    The first halvings are sums of slices of 8 numbers, which a CPU adds as vectors.

    Args:
        x, y: `[..., D]` float32, shapes that broadcast, but for the last axis.
    """
    size = x.shape[-1]
    if size <= _VECTOR:
        return fixed_order_sum(rounded_product(x, y))
    slices = [_slice_of_products(x, y, start) for start in range(0, size, _VECTOR)]
    return fixed_order_sum(computed_once(sum_by_halves(slices)))


def _slice_of_products(x: jax.Array, y: jax.Array, start: int) -> jax.Array:
    """Returns eight products, zeros behind the last number."""
    products = rounded_product(x[..., start : start + _VECTOR], y[..., start : start + _VECTOR])
    return jnp.pad(products, [(0, 0)] * (products.ndim - 1) + [(0, _VECTOR - products.shape[-1])])


def sum_by_halves(parts: Sequence[jax.Array]) -> jax.Array:
    """Returns the sum of arrays in the order of `fixed_order_sum`, where none of them holds -0.0.

    The zeros that would make them a power of two are left out, for they change no bit.
    """
    padded = [*parts, *[None] * ((1 << (len(parts) - 1).bit_length()) - len(parts))]
    while len(padded) > 1:
        half = len(padded) // 2
        pairs = zip(padded[:half], padded[half:], strict=True)
        padded = [low if high is None else low + high for low, high in pairs]
    return padded[0]


def rounded_product(x: jax.Array, y: jax.Array) -> jax.Array:
    """Returns `x * y` (float32, shapes that broadcast), rounded before anything is added to it.

    A bare product may be fused with the sum that follows, into one rounding instead of two, and the compiler does so
    in some loops and not in others: the last bit then changes with the batch. A selection in between prevents it.
    """
    product = x * y
    return jnp.where(product == 0, 0.0, product)


def rounded_quotient(x: jax.Array, y: jax.Array) -> jax.Array:
    """Returns `x / y` (float32, shapes that broadcast), rounded before anything is added to it, like `rounded_product`.

    A quotient may be computed as a product with 1 / y, and fused like one.
    """
    quotient = x / y
    return jnp.where(quotient == 0, 0.0, quotient)


def dense(x: jax.Array, weights: jax.Array, bias: jax.Array) -> jax.Array:
    """Returns `x @ weights + bias`, `[O]` float32, summed in a fixed order; one example, `vmap` for batches.

    `x @ weights` changes in the last bit with the batch, and so would the actions of a policy made of it. A policy of
    layers like this one, sums, products, maxima, `tanh` and the like acts alike alone and among a million agents.

    Args:
        x: `[I]` float32.
        weights: `[I, O]` float32.
        bias: `[O]` float32.
    """
    return fixed_order_dot(weights.T, x[None, :]) + bias
