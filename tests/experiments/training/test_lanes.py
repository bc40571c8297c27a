"""Lanes: rows that are gathered on a device before they are fetched, and those that begin in the place of others."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import make_experiment, run_key, train
from procmem_jax.experiments.processes import rows_to_host
from procmem_jax.experiments.training.lane_programs import Placement
from procmem_jax.experiments.training.lanes import Lanes, Rows, fetch_rows
from procmem_jax.records import as_arrays


@pytest.mark.parametrize("places", [[3], [7, 0], [5, 1, 6, 2], [0, 1, 2, 3, 4, 5, 6, 7], []])
def test_rows_are_fetched_in_the_order_asked_for(places):
    columns = {"numbers": np.arange(24, dtype=np.int32).reshape(8, 3), "flags": np.arange(8) % 3 == 0}
    found = fetch_rows({name: jnp.asarray(column) for name, column in columns.items()}, np.asarray(places, int), 3)
    for name, column in columns.items():
        assert isinstance(found[name], np.ndarray) and found[name].dtype == column.dtype
        np.testing.assert_array_equal(found[name], column[np.asarray(places, int)])


@pytest.mark.parametrize("places", [[0, 3, 4, 7], [5], [1, 2], [], [0, 1, 2, 3, 4, 5, 6, 7]])
@pytest.mark.parametrize("num_devices", [1, 2])
def test_rows_come_from_the_devices_that_hold_them(places, num_devices):
    columns = np.arange(24, dtype=np.int32).reshape(8, 3)
    there = Placement(tuple(jax.local_devices()[:num_devices])).put(columns, is_split=True)
    np.testing.assert_array_equal(rows_to_host(there, np.asarray(places, int)), columns[np.asarray(places, int)])


@pytest.mark.parametrize("num_devices", [1, 2])
@pytest.mark.parametrize("given", [False, True])
def test_a_row_is_the_same_whatever_ran_in_its_lane_before(num_devices, given):
    """48 rows of two settings, 32 at once and all at once, without skills to begin with and with some."""
    config, params = make_experiment("random-4", overrides={"capacity": 4})
    more = dataclasses.replace(params, step_budget=50)
    both = jax.tree.map(
        lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), as_arrays(params), as_arrays(more)
    )
    learned = train(run_key(1), config, params, 48, 4).libraries if given else None
    assert learned is None or (np.asarray(learned.lengths) > 0).any()
    rows = Rows(np.arange(48), both, np.arange(48, dtype=np.int32) % 2, learned)

    def run(width):
        found = []
        work = Lanes(run_key(0), config, rows, 2, width, jax.local_devices()[:num_devices])
        state = work.begin()
        while not work.is_done(state):
            state, finished = work.collect_finished(work.advance(state, 64))
            found += [] if finished is None else [(finished.rows, finished.metrics, finished.libraries)]
        together = jax.tree.map(lambda *leaves: np.concatenate(leaves), *found)
        return len(found), jax.tree.map(lambda leaf: leaf[np.argsort(together[0])], together)

    (times, few), (_, all_at_once) = run(32), run(48 if num_devices == 1 else 64)
    assert times > 1
    jax.tree.map(np.testing.assert_array_equal, few, all_at_once)
