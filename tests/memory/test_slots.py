"""The lowest slot, against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.memory.slots import least_slot, lowest_slot


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
