"""Rows of many settings are the agents of single training runs, bit for bit, in parts of a fixed size."""

import functools

import jax
import numpy as np
import pytest

from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training import lane_programs
from procmem_jax.experiments.training.driver import Driver, Kept, make_groups, rows_per_part
from procmem_jax.experiments.training.train import train
from procmem_jax.streams import run_key

NUM_SEEDS, NUM_EPISODES = 20, 30
VALUES = [(8, 0.0), (8, 0.5), (5, 0.0), (8, 0.25)]


@functools.cache
def settings():
    """Four settings, three of which share a program."""
    return tuple(
        make_experiment(
            "random-3",
            "tutorial",
            explorer="random",
            overrides={"capacity": capacity, "sticky": sticky, "step_budget": 80},
        )
        for capacity, sticky in VALUES
    )


@functools.cache
def single_runs():
    """The metrics of every setting by itself, `[G * S, E]`."""
    runs = [train(run_key(5), config, params, NUM_SEEDS, NUM_EPISODES).metrics for config, params in settings()]
    return jax.tree.map(lambda *columns: np.concatenate(columns), *runs)


def driver(rows_per_part, **changes):
    where = {"lanes": 32, "devices": jax.devices()[:1]} | changes
    return Driver(run_key(5), settings(), NUM_SEEDS, NUM_EPISODES, Kept(rows_per_part), **where)


def gather(parts):
    parts = sorted(parts, key=lambda part: part.number)
    rows = np.concatenate([part.rows for part in parts])
    assert all(part.libraries is None for part in parts)
    return rows, jax.tree.map(lambda *columns: np.concatenate(columns), *(part.metrics for part in parts))


@pytest.mark.slow
def test_rows_are_the_agents_of_single_runs_and_traced_settings_share_a_program():
    single_runs()
    builds = lane_programs.build_programs.cache_info().misses
    rows, metrics = gather(driver(7).parts())
    assert (
        lane_programs.build_programs.cache_info().misses <= builds + 2
    )  # one for each capacity, whatever else is swept
    assert rows.tolist() == list(range(4 * NUM_SEEDS))
    jax.tree.map(np.testing.assert_array_equal, metrics, single_runs())
    assert not np.array_equal(metrics.steps[:20], metrics.steps[20:40]) and metrics.success.mean() > 0.03


@pytest.mark.parametrize("bounds", [(0, 27), pytest.param((27, 53), marks=pytest.mark.slow), (53, 80)])
def test_a_shard_holds_its_rows_of_the_whole(bounds):
    parts = list(driver(10, first_row=bounds[0], last_row=bounds[1]).parts())
    assert all(part.number == part.rows[0] // 10 == part.rows[-1] // 10 for part in parts)
    rows, metrics = gather(parts)
    assert rows.tolist() == list(range(*bounds))
    jax.tree.map(lambda ours, whole: np.testing.assert_array_equal(ours, whole[slice(*bounds)]), metrics, single_runs())


def test_groups_hold_every_row_once_by_program():
    groups = make_groups(settings(), NUM_SEEDS, 15, 75)
    assert [group.config.library.capacity for group in groups] == [8, 5]
    assert groups[0].ids.tolist() == [*range(15, 40), *range(60, 75)]
    assert groups[0].settings.tolist() == [0] * 5 + [1] * 20 + [2] * 15
    np.testing.assert_array_equal(groups[0].params.environment.sticky, np.float32([0.0, 0.5, 0.25]))
    assert groups[1].ids.tolist() == list(range(40, 60)) and groups[1].settings is None


def test_parts_hold_about_a_million_episodes():
    assert [rows_per_part(episodes) for episodes in (1, 15, 16, 200, 10**7)] == [65536, 65536, 65536, 5242, 1]


def test_libraries_are_kept_and_rows_begin_with_those_given():
    """A training is one setting whose rows are one part; agents are numbered from `first_agent` in each setting."""
    config, params = settings()[0]
    whole = train(run_key(5), config, params, 8, 4)
    kept = Kept(rows_per_part=3, libraries=True, first_agent=2)
    where = {"lanes": 32, "devices": jax.devices()[:1]}
    parts = list(Driver(run_key(5), [(config, params)], 6, 4, kept, **where).parts())
    assert [part.rows.tolist() for part in parts] == [[0, 1, 2], [3, 4, 5]]
    for name in ("metrics", "libraries"):
        found = jax.tree.map(lambda *columns: np.concatenate(columns), *(getattr(part, name) for part in parts))
        jax.tree.map(lambda ours, all_: np.testing.assert_array_equal(ours, all_[2:]), found, getattr(whole, name))
    given = Kept(6, libraries=True, initial_libraries=jax.tree.map(lambda leaf: leaf[:6], whole.libraries))
    [part] = Driver(run_key(6), [(config, params)], 6, 4, given, **where).parts()
    expected = train(run_key(6), config, params, 6, 4, libraries=given.initial_libraries)
    assert_same(part, expected)
    begun_with = whole.libraries.used[:6].sum(axis=1)
    assert begun_with.max() > 0 and (part.metrics.skills[:, 0] >= begun_with).all()


def assert_same(part, result):
    pairs = (part.metrics, result.metrics), (part.libraries, result.libraries)
    for ours, theirs in pairs:
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)
