"""Which settings a sweep has."""

import functools
import math

import numpy as np
import pytest

from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.sweeps.grid import make_settings
from procmem_jax.experiments.sweeps.ranges import Range


def make(overrides):
    return make_experiment("random-4", overrides=overrides)


settings_of = functools.partial(make_settings, make)


def values_of(*arguments):
    return [setting.values for setting in settings_of(*arguments)]


def test_every_combination_by_program():
    grid = {"novelty": ["0.0", "0.5"], "capacity": ["8", "4"]}
    assert values_of(grid, {}, 0, 0) == [
        {"novelty": 0.0, "capacity": 8},
        {"novelty": 0.5, "capacity": 8},
        {"novelty": 0.0, "capacity": 4},
        {"novelty": 0.5, "capacity": 4},
    ]


def test_a_setting_is_what_set_makes_of_it():
    [setting] = settings_of({"size": [6], "capacity": ["9"]}, {}, 0, 0)
    assert (setting.config, setting.params) == make({"size": 6, "capacity": 9})
    assert setting.params.environment.size == 6


def test_points_lie_in_their_ranges_and_the_first_stay_the_same():
    ranges = {"novelty": Range(0.1, 0.9), "distance_cost": Range(0.01, 1.0, log=True), "capacity": Range(3.5, 6)}
    few, many = (values_of({}, ranges, count, 5) for count in (20, 200))
    key = functools.partial(sorted, key=str)
    assert all(point in many for point in few) and key(few) != key(values_of({}, ranges, 20, 6))
    columns = {name: np.asarray([point[name] for point in many]) for name in ranges}
    assert set(columns["capacity"]) == {4, 5, 6}
    assert 0.1 <= columns["novelty"].min() < 0.15 and 0.85 < columns["novelty"].max() <= 0.9
    # Half of a logarithmic draw lies below the geometric mean.
    assert 0.01 <= columns["distance_cost"].min() and 70 < np.sum(columns["distance_cost"] < math.sqrt(0.01)) < 130
    assert all(float(f"{value:.6g}") == value for value in columns["novelty"])


@pytest.mark.parametrize(("count", "found"), [(3, 3), (4, 4), (12, 4)])
def test_points_that_coincide_are_drawn_again_while_there_are_others(count, found):
    points = values_of({}, {"capacity": Range(4, 7)}, count, 0)
    assert len({point["capacity"] for point in points}) == len(points) == found
    assert {point["capacity"] for point in points} <= {4, 5, 6, 7}


def test_numbers_of_numpy_are_numbers():
    grid = {"capacity": np.asarray([4, 8]), "novelty": np.asarray([0.1], np.float32), "learn": [np.bool_(False)]}
    assert values_of(grid, {}, 0, 0) == [{"capacity": n, "novelty": 0.1, "learn": False} for n in (4, 8)]


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, math.inf), (math.nan, 1), (0, 1, True)])
def test_ranges_that_hold_nothing(ends):
    with pytest.raises(ValueError, match="is empty or endless|needs LOW above 0"):
        Range(*ends)


def test_points_are_joined_with_the_grid():
    values = values_of({"count_failures": [True, False]}, {"novelty": Range(0, 1)}, 3, 0)
    assert [point["count_failures"] for point in values] == [True] * 3 + [False] * 3
    assert values[0]["novelty"] == values[3]["novelty"] != values[1]["novelty"]


@pytest.mark.parametrize(
    ("grid", "ranges", "count", "why"),
    [
        ({"novelty": ["0"]}, {"novelty": Range(0, 1)}, 1, "novelty is in --grid and in --random"),
        ({}, {"novelty": Range(0, 1)}, 0, "draws 0 points from 1 ranges"),
        ({}, {}, 3, "draws 3 points from 0 ranges"),
        ({}, {"nowelty": Range(0, 1)}, 1, "setting 'nowelty' is unknown"),
        ({}, {"count_failures": Range(0, 1)}, 1, "count_failures is a bool, which has no range"),
        ({}, {"novelty": Range(-2, -1)}, 1, "novelty=-1.* is below 0"),
        ({"novelty": ["much"]}, {}, 0, "novelty=much is not a number"),
        ({"capacity": 4}, {}, 0, "grid: capacity=4 is a int; give a list of values"),
        ({"eviction": "lru"}, {}, 0, "grid: eviction='lru' is a str; give a list of values"),
        ({"capacity": []}, {}, 0, "grid: capacity has no values"),
        ({"capacity": range(10**9)}, {}, 0, "the sweep has 1,000,000,000 settings, more than 100,000"),
        ({}, {"novelty": Range(0, 1)}, 10**9, "the sweep has 1,000,000,000 settings"),
        ({}, {"novelty": Range(0, 1)}, 2.5, "num_random=2.5 is a float; give a whole number"),
        ({}, {"novelty": (0, 1)}, 2, r"ranges: novelty=\(0, 1\) is a tuple; give a Range"),
        ({}, {"capacity": Range(4.2, 4.8)}, 2, "capacity is a whole number, and 4.2:4.8 holds none"),
        ({"capacity": [np.float64(4.5)]}, {}, 0, "capacity=4.5 is a float; give a int"),
    ],
)
def test_impossible_settings(grid, ranges, count, why):
    with pytest.raises((TypeError, ValueError), match=why):
        settings_of(grid, ranges, count, 0)
