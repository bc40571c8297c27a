"""The least of the slots, and the lowest of them, against NumPy; how they and a path are searched."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.memory.default.path import any_explored, begin_path, find_loop
from procmem_jax.memory.slots import folded, least, least_slot, lowest_slot


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


@pytest.mark.parametrize("length", [1, 7, 32, 63, 64, 256])
def test_a_folded_row_has_the_same_greatest_number_and_answers_whether_any_is_true(length):
    rows = np.random.default_rng(length).integers(-1, 1 << 20, (3, length), dtype=np.int32)
    halved = jax.vmap(lambda row: folded(row, jnp.maximum))(jnp.asarray(rows))
    assert halved.shape[1] == (length if length in (1, 7, 63) else 32)
    np.testing.assert_array_equal(halved.max(axis=1), rows.max(axis=1))
    for place in range(length):
        assert jnp.any(folded(jnp.arange(length) == place, jnp.logical_or))
    assert not jnp.any(folded(jnp.zeros(length, bool), jnp.logical_or))


def test_no_part_of_a_long_path_is_searched_number_by_number():
    """XLA's way with rows of more than 32, see above."""
    path = begin_path(64, jnp.uint32(0), jnp.zeros(2))
    paths = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (16, *leaf.shape)), path)
    for question in (lambda path: find_loop(path, jnp.uint32(1)), lambda path: any_explored(path, 32)):
        program = jax.jit(jax.vmap(question)).lower(paths).compile().as_text()
        assert "reduce-window" not in program or jax.default_backend() != "cpu"
