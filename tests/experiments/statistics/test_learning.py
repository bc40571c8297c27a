"""Learning measures, worked out by hand."""

import numpy as np
import pytest

from experiments.resamples import FEW
from procmem_jax.experiments.statistics import learning
from procmem_jax.experiments.statistics.intervals import Interval, bootstrap_interval


def draw_bools(shape, share, seed=0):
    return np.random.default_rng(seed).random(shape) < share


SUCCESS = np.asarray([[0, 1, 1, 1], [0, 0, 1, 1]], bool)
ENV_STEPS = np.asarray([[10, 15, 20, 25], [10, 20, 24, 28]])


def test_steps_to_success_by_hand():
    """Two agents, windows of two: 1/4, 3/4, 4/4 after episodes 2, 3, 4; mean steps then 17.5, 22, 26.5."""
    found = [
        learning.steps_to_success(SUCCESS, ENV_STEPS, threshold=threshold, window=2) for threshold in (0.25, 0.75, 0.76)
    ]
    assert found == [17.5, 22, 26.5]
    assert learning.steps_to_success(SUCCESS, ENV_STEPS, threshold=1, window=1) == 22
    assert learning.steps_to_success(SUCCESS[:1], ENV_STEPS[:1], threshold=1, window=2) == 20  # one agent


def test_no_partial_window_counts():
    success, env_steps = np.ones((3, 25), bool), np.cumsum(np.full((3, 25), 4), axis=1)
    assert learning.steps_to_success(success, env_steps) == 80  # the end of the 20th episode
    assert learning.steps_to_success(success[:, :19], env_steps[:, :19]) == np.inf


def test_success_never_reached_is_infinite():
    failure = np.zeros_like(SUCCESS)
    assert learning.steps_to_success(failure, ENV_STEPS, window=2) == np.inf
    never = learning.steps_to_success_interval(failure, ENV_STEPS, seed=0, window=2, num_resamples=FEW)
    assert never == Interval(np.inf, np.inf, np.inf)
    mixed = learning.steps_to_success_interval(
        np.asarray([[1, 1], [0, 0]], bool), np.asarray([[3, 6], [50, 100]]), seed=0, window=2, num_resamples=FEW
    )
    assert mixed == Interval(np.inf, 6, np.inf)  # a resample of the first agent alone gets there


@pytest.mark.parametrize("num_agents", [3, 128, 1000])
def test_a_share_equal_to_the_threshold_has_reached_it(num_agents):
    """18 successes of 20: 0.9, though sums of rounded means fall short of it."""
    success = np.tile(np.arange(20) % 10 > 0, (num_agents, 1))
    env_steps = np.tile(np.arange(1, 21), (num_agents, 1))
    assert learning.steps_to_success(success, env_steps) == 20
    interval = learning.steps_to_success_interval(success, env_steps, seed=0, num_resamples=FEW)
    assert interval == Interval(20, 20, 20)


def test_steps_to_success_interval_is_the_bootstrap_of_it():
    success = draw_bools((12, 30), np.linspace(0, 1, 30))
    env_steps = np.cumsum(np.random.default_rng(3).integers(5, 50, (12, 30)), axis=1)
    settings = {"threshold": 0.7, "window": 5}
    expected = bootstrap_interval(
        np.stack([success, env_steps], axis=1),
        lambda rows: learning.steps_to_success(rows[:, 0], rows[:, 1], **settings),
        seed=1,
        num_resamples=FEW,
    )
    found = learning.steps_to_success_interval(success, env_steps, seed=1, num_resamples=FEW, **settings)
    assert found == expected
    assert found.low < found.value < found.high < np.inf


@pytest.mark.parametrize(
    ("env_steps", "settings", "message"),
    [
        (ENV_STEPS[:, ::-1], {}, "falls from one episode to the next"),
        (ENV_STEPS[:, 1:], {}, r"success \(2, 4\) and env_steps \(2, 3\) differ"),
        (ENV_STEPS, {"threshold": 90}, "threshold=90 is no share"),
        (ENV_STEPS, {"window": 0}, "window=0 is out of range"),
    ],
)
def test_unfit_curves_are_named(env_steps, settings, message):
    with pytest.raises(ValueError, match=message):
        learning.steps_to_success(SUCCESS, env_steps, **settings)
    with pytest.raises(ValueError, match=message):
        learning.steps_to_success_interval(SUCCESS, env_steps, seed=0, **settings)


def test_steps_over_optimal_by_hand():
    """Ratios 1, 2, 3, 20: the middle two 2.5, all four 6.5; the 90th percentile at rank 2.7 is 3 + 0.7 * 17."""
    ratios = learning.steps_over_optimal(
        np.asarray([[2, 4], [9, 100]]), np.asarray([[2, 2], [3, 5]]), seed=0, num_resamples=FEW
    )
    assert ratios.interquartile_mean.value == 2.5
    assert (ratios.mean, ratios.percentile_90) == pytest.approx((6.5, 14.9))
    # One agent twice: the mean of 1, 1, 2, 2 or of 3, 3, 20, 20 without their ends.
    assert (ratios.interquartile_mean.low, ratios.interquartile_mean.high) == pytest.approx((1.5, 11.5))


def test_steps_over_optimal_where_all_walk_the_shortest_path():
    optimal = np.asarray([[3, 7, 5]], np.int32)
    ratios = learning.steps_over_optimal(optimal, optimal, seed=0, num_resamples=FEW)
    assert ratios == learning.StepsOverOptimal(Interval(1, 1, 1), 1, 1)
    with pytest.raises(ValueError, match=r"optimal is below 1 or unknown in 1 episodes"):
        learning.steps_over_optimal(optimal, np.asarray([[3.0, np.nan, 5.0]]), seed=0)
    with pytest.raises(ValueError, match=r"optimal is below 1 or unknown in 2 episodes"):
        learning.steps_over_optimal(optimal, np.asarray([[0, -1, 5]]), seed=0)


def layouts_of(*successes, shift_every):
    """Returns success `[1, E]` of one agent with so many successes at the end of each visit."""
    return np.concatenate([np.arange(shift_every) >= shift_every - count for count in successes])[None]


def test_forward_transfer_by_hand():
    """Layout 1: 6 of 8 against 4: (6 - 4) / 4. Layout 2: 3 against 4: -1/4. Mean 1/8; layout 0 is left out."""
    success = np.concatenate([layouts_of(0, 4, 3, 4, shift_every=4), layouts_of(4, 2, 0, 4, shift_every=4)])
    reference = np.concatenate([layouts_of(4, 1, 2, shift_every=4), layouts_of(4, 3, 2, shift_every=4)])
    interval = learning.forward_transfer(success, reference.reshape(2, 3, 4), seed=0, num_resamples=FEW)
    assert interval.value == 1 / 8
    # The first agent twice: (8 - 2) / 6 and (6 - 4) / 4; the second: (4 - 6) / 2 and -4 / 4.
    assert (interval.low, interval.high) == (-1, 0.75)


def test_forward_transfer_of_one_agent_and_of_none_to_gain():
    full, half = layouts_of(4, 4, shift_every=4), layouts_of(4, 2, shift_every=4)

    def transfer(success, reference):
        return learning.forward_transfer(success, reference.reshape(1, 2, 4), seed=0, num_resamples=FEW)

    assert transfer(full, half) == Interval(1, 1, 1)
    assert transfer(half, half) == Interval(0, 0, 0)
    assert transfer(full, full) == Interval(0, 0, 0)
    assert transfer(half, full) == Interval(-np.inf, -np.inf, -np.inf)


def test_forward_transfer_interval_is_the_bootstrap_of_it():
    success, reference = draw_bools((10, 40), 0.7), draw_bools((10, 2, 20), 0.5, seed=1)

    def transfer(rows):
        gained, expected = rows[:, 0, 1].mean(), rows[:, 1, 1].mean()
        return (gained - expected) / (1 - expected)

    rows = np.stack([success.reshape(10, 2, 20), reference], axis=1)
    expected = bootstrap_interval(rows, transfer, seed=7, num_resamples=FEW)
    found = learning.forward_transfer(success, reference, seed=7, num_resamples=FEW)
    assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 20), r"reference has shape \(2, 20\) for 2 agents; give \[agents, num_layouts, shift_every\]"),
        ((3, 2, 4), r"shape \(3, 2, 4\) for 2 agents"),
        ((2, 1, 4), "at least two layouts"),
        ((2, 3, 4), r"success has 8 episodes, below num_layouts \* shift_every = 12"),
    ],
)
def test_unfit_references_are_named(shape, message):
    with pytest.raises(ValueError, match=message):
        learning.forward_transfer(np.ones((2, 8), bool), np.ones(shape, bool), seed=0)


def test_forgetting_by_hand():
    """Layouts A B A B of four episodes, windows of two. A: 2 of 2, then 1 of 2; B: 1 of 2, then 0 of 2. 50 points."""
    success = np.asarray([[0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1]], bool)
    assert learning.forgetting(success, 4, 2, seed=0, num_episodes=2) == Interval(50, 50, 50)
    # The second agent: all before, none after. 100 points.
    forgetful = np.asarray([[1] * 8 + [0] * 8], bool)
    interval = learning.forgetting(np.concatenate([success, forgetful]), 4, 2, seed=0, num_episodes=2)
    assert interval == Interval(75, 50, 100)
    assert learning.forgetting(~forgetful, 4, 2, seed=0, num_episodes=4).value == -100


def test_forgetting_looks_at_the_last_two_visits():
    """A B A B A B: what was lost before the fourth visit is not counted."""
    visits = np.asarray([[1], [1], [0], [0], [0], [0]], bool)
    success = np.repeat(visits, 12, axis=1).reshape(1, -1)
    assert learning.forgetting(success, 12, 2, seed=0).value == 0
    assert learning.forgetting(success[:, :48], 12, 2, seed=0).value == 100
    # The fifth visit stops short of ten episodes: it does not count. With ten it does, for layout A alone.
    assert learning.forgetting(success[:, : 48 + 9], 12, 2, seed=0).value == 100
    assert learning.forgetting(success[:, : 48 + 10], 12, 2, seed=0).value == 50


def test_forgetting_with_one_layout_compares_neighbouring_visits():
    assert learning.forgetting(np.asarray([[1, 1, 0, 1]], bool), 2, 1, seed=0, num_episodes=1).value == 100


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shift_every": 4}, r"success has 12 episodes, below the 14 of a second visit to each of 2 layouts"),
        ({"shift_every": 1}, r"num_episodes=2 is out of range; choose 1 to shift_every=1"),
        ({"num_layouts": 0}, "num_layouts=0 is out of range"),
        ({"num_episodes": 0}, "num_episodes=0 is out of range"),
    ],
)
def test_unfit_visits_are_named(settings, message):
    settings = {"shift_every": 3, "num_layouts": 2, "num_episodes": 2} | settings
    with pytest.raises(ValueError, match=message):
        learning.forgetting(np.ones((2, 12), bool), seed=0, **settings)
