"""Sums and layers in a fixed order: right, and the same bits in any batch."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.fixed_order import dense, fixed_order_dot, fixed_order_sum
from quick import quick_first

WIDTHS = (1, 7, 16, 1000)
SIZES = ((13, 8), (1, 4), (37, 5), (64, 64))


@functools.cache
def layer(size, other):
    """1,000 inputs `[I]`, weights and bias."""
    rng = np.random.default_rng(size)
    shapes = ((1000, size), (size, other), (other,))
    return [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]


def widths_that_differ(function, size, other):
    """In how many of `WIDTHS` but the last a row has other bits than in the last."""
    inputs, weights, bias = layer(size, other)
    program = jax.jit(jax.vmap(lambda x: function(x, weights, bias)))
    whole = np.asarray(program(inputs))
    return [width for width in WIDTHS if not np.array_equal(program(inputs[:width]), whole[:width])]


@pytest.mark.parametrize(("size", "other"), quick_first(SIZES, optimized=True))
def test_a_layer_is_a_matrix_product(size, other):
    inputs, weights, bias = layer(size, other)
    found = jax.jit(jax.vmap(lambda x: dense(x, weights, bias)))(inputs)
    assert found.shape == (1000, other) and found.dtype == jnp.float32
    exact = np.asarray(inputs, np.float64) @ np.asarray(weights, np.float64) + np.asarray(bias, np.float64)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found[3], dense(inputs[3], weights, bias))  # alone, and without jit


@pytest.mark.parametrize(("size", "other"), quick_first(SIZES, optimized=True))
def test_its_bits_do_not_change_with_the_batch(size, other):
    assert widths_that_differ(dense, size, other) == []


def test_those_of_a_plain_product_do():
    """Else the test above would show nothing; on the CPUs where this was written they do."""

    def plain(x, weights, bias):
        return x @ weights + bias

    if not any(widths_that_differ(plain, *sizes) for sizes in SIZES):
        pytest.skip("on this processor products of these sizes have one order, whatever the batch")


def halved(x):
    """The sum over the last axis by halves, padded with zeros, in NumPy."""
    size = x.shape[-1]
    x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, (1 << (size - 1).bit_length()) - size)])
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        x = x[..., :half] + x[..., half:]
    return x[..., 0]


@pytest.mark.parametrize("size", (1, 2, 3, 5, 8, 13))
def test_a_sum_is_a_tree_of_halves(size):
    x = np.random.default_rng(size).normal(size=(4, size)).astype(np.float32)
    np.testing.assert_array_equal(fixed_order_sum(jnp.asarray(x)), halved(x))


@pytest.mark.parametrize("size", quick_first((100, 8, 9, 16, 24, 37, 48, 64, 130, 256, 1, 7), 8, optimized=True))
def test_a_product_is_summed_by_halves(size):
    rng = np.random.default_rng(size)
    rows, one = rng.normal(size=(40, 6, size)).astype(np.float32), rng.normal(size=(40, size)).astype(np.float32)
    expected = halved(rows * one[:, None])
    many = jax.jit(jax.vmap(lambda x, y: fixed_order_dot(x, y[None])))
    np.testing.assert_array_equal(many(rows, one), expected)
    np.testing.assert_array_equal(many(rows[:3], one[:3]), expected[:3])
    np.testing.assert_array_equal(fixed_order_dot(jnp.asarray(rows[0]), jnp.asarray(one[0])[None]), expected[0])


def test_a_layer_can_be_learned():
    inputs, weights, bias = layer(37, 5)

    def total(weights, x):
        return jnp.sum(jnp.tanh(dense(x, weights, bias)))

    slopes = jax.jit(jax.vmap(jax.grad(total), in_axes=(None, 0)))(weights, inputs[:8])
    through = 1 - np.tanh(np.asarray(inputs[:8]) @ np.asarray(weights) + np.asarray(bias)) ** 2
    np.testing.assert_allclose(slopes, inputs[:8, :, None] * through[:, None], rtol=1e-3, atol=1e-4)
