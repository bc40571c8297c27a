"""Rows that are gathered on a device before they are fetched."""

import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.experiments.training.lanes import fetch_rows


@pytest.mark.parametrize("places", [[3], [7, 0], [5, 1, 6, 2], [0, 1, 2, 3, 4, 5, 6, 7], []])
def test_rows_are_fetched_in_the_order_asked_for(places):
    columns = {"numbers": np.arange(24, dtype=np.int32).reshape(8, 3), "flags": np.arange(8) % 3 == 0}
    found = fetch_rows({name: jnp.asarray(column) for name, column in columns.items()}, np.asarray(places, int), 3)
    for name, column in columns.items():
        assert isinstance(found[name], np.ndarray) and found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name], column[np.asarray(places, int)])
