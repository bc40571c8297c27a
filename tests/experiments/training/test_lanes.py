"""Lanes: rows that are gathered on a device before they are fetched, and those that begin in the place of others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import make_experiment, run_key
from procmem_jax.experiments.training.lanes import Lanes, Rows, fetch_rows


@pytest.mark.parametrize("places", [[3], [7, 0], [5, 1, 6, 2], [0, 1, 2, 3, 4, 5, 6, 7], []])
def test_rows_are_fetched_in_the_order_asked_for(places):
    columns = {"numbers": np.arange(24, dtype=np.int32).reshape(8, 3), "flags": np.arange(8) % 3 == 0}
    found = fetch_rows({name: jnp.asarray(column) for name, column in columns.items()}, np.asarray(places, int), 3)
    for name, column in columns.items():
        assert isinstance(found[name], np.ndarray) and found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name], column[np.asarray(places, int)])


@pytest.mark.parametrize("num_devices", [1, 2])
def test_new_rows_begin_the_same_by_numpy_as_by_the_program(monkeypatch, num_devices):
    """Of 48 agents, 32 at once; on a GPU, and over several processes, a program puts the next ones in their places."""
    config, params = make_experiment("random-4", overrides={"capacity": 4})
    devices = jax.local_devices()[:num_devices]
    ways = {True: [], False: []}
    for by_numpy in ways:
        work = Lanes(run_key(0), config, Rows(np.arange(48), params), 2, 32, devices)
        assert work._selects_on_host
        monkeypatch.setattr(work, "_selects_on_host", by_numpy)
        state = work.begin()
        while not work.is_done(state):
            state, finished = work.collect_finished(work.advance(state, 64))
            ways[by_numpy] += [] if finished is None else [(finished.rows, finished.metrics, finished.libraries)]
    assert len(ways[True]) > 1
    jax.tree.map(np.testing.assert_array_equal, *ways.values())
