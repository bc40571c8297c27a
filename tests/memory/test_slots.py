"""The lowest slot, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.memory.slots import least, least_slot, lowest_slot


@pytest.mark.parametrize("capacity", [1, 7, 64, 65536])
def test_the_lowest_slot_is_numpys(capacity):
    draws = np.random.default_rng(capacity).random((20, capacity))
    masks = draws < np.linspace(0, 3 / capacity, 20)[:, None]
    found = jax.jit(jax.vmap(lowest_slot))(jnp.asarray(masks))
    assert found.tolist() == [int(np.argmax(mask)) if mask.any() else capacity for mask in masks]


def test_the_least_of_equals_is_the_lowest():
    costs = jnp.asarray([3.0, jnp.inf, -0.0, 2.0, 0.0])
    assert [float(x) for x in least_slot(costs)] == [2, 0]
    assert [float(x) for x in least_slot(jnp.full(3, jnp.inf))] == [0, jnp.inf]
    assert least_slot(jnp.asarray([5, 4, 4], jnp.int32))[0] == 1


@pytest.mark.parametrize("shape", [(1, 33), (16, 7), (16, 192), (16, 100), (64, 64), (2, 3, 50), (4, 20, 90)])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_the_least_is_numpys_however_many_rows_there_are(shape, dtype):
    rows = (5000 + 1000 * np.random.default_rng(0).normal(size=shape)).astype(dtype)
    function = least
    for _ in shape[:-1]:
        function = jax.vmap(function)
    np.testing.assert_array_equal(function(jnp.asarray(rows)), rows.min(axis=-1))
    np.testing.assert_array_equal(jax.jit(function)(jnp.asarray(rows)), rows.min(axis=-1))
    assert least(jnp.full(50, jnp.inf)) == jnp.inf and least(jnp.arange(-50.0, 0)) == -50


def test_few_rows_are_not_searched_number_by_number():
    """XLA's way with few numbers on a CPU: windows of 32, each a loop."""
    program = jax.jit(jax.vmap(least)).lower(jax.ShapeDtypeStruct((16, 192), jnp.float32)).compile().as_text()
    assert "reduce-window" not in program or jax.default_backend() != "cpu"
