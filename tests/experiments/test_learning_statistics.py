"""Robust summaries, bootstrap intervals and learning measures, worked out by hand."""

import numpy as np
import pytest
import scipy.stats

from procmem_jax.experiments import learning_statistics as learning
from procmem_jax.experiments import statistics
from procmem_jax.experiments.statistics import Interval, bootstrap_interval, interquartile_mean

FEW = 200  # resamples, where any number does


def draw_bools(shape, share, seed=0):
    return np.random.default_rng(seed).random(shape) < share


def test_interquartile_mean_by_hand():
    """Of eight values two go at either end: (2 + 3 + 4 + 5) / 4; of five one: (1 + 2 + 3) / 3."""
    assert interquartile_mean(np.asarray([100, 1, 5, 3, 0, 4, 6, 2], np.int32)) == 3.5
    assert interquartile_mean(np.asarray([2, 3, 1, -50, 70])) == 2
    assert interquartile_mean(np.asarray([[0, 9], [1, 1], [2, 2], [50, 3]]), axis=0).tolist() == [1.5, 2.5]


def test_interquartile_mean_of_few_or_equal_values():
    assert interquartile_mean(np.asarray([0.0, 0.0, 9.0])) == 3  # a quarter of three is none
    assert interquartile_mean(np.asarray([7.0])) == 7
    assert interquartile_mean(np.asarray([True, True, False, True])) == 1
    with pytest.raises(ValueError, match=r"without a value; give at least one agent"):
        interquartile_mean(np.empty((3, 0)))
    with pytest.raises(ValueError, match=r"values is NaN in 1 of 2 values"):
        interquartile_mean(np.asarray([1.0, np.nan]))


def test_lower_percentile_by_hand():
    """Of 0 to 10 the 20th percentile is 2; between 1 and 2 it lies a fifth of the way."""
    assert statistics.lower_percentile(np.arange(11)[::-1]) == 2
    assert statistics.lower_percentile(np.asarray([[1, 5.0], [2, 5.0]])) == pytest.approx([1.2, 5])
    assert statistics.lower_percentile(np.asarray([3.0])) == 3
    assert statistics.lower_percentile(np.arange(11), q=90) == 9
    with pytest.raises(ValueError, match=r"q=101 is no percentage"):
        statistics.lower_percentile(np.arange(3), q=101)


def test_performance_profile_by_hand():
    """Scores 0, 0.5, 0.5, 1: above 0 are three of four, above 0.5 one, above 1 none."""
    profile = statistics.performance_profile(np.asarray([0.5, 1, 0, 0.5]), np.asarray([-1, 0, 0.4, 0.5, 0.9, 1, 2]))
    assert profile.tolist() == [1, 0.75, 0.75, 0.25, 0.25, 0, 0]
    assert statistics.performance_profile(np.asarray([np.inf]), np.asarray([3.0])).tolist() == [1]
    with pytest.raises(ValueError, match=r"shape \(2, 2\); give an array that has 1 axes"):
        statistics.performance_profile(np.eye(2), np.asarray([0.5]))


def test_bootstrap_of_two_agents_by_hand():
    """Means of resamples of (0, 1) are 0, 1/2, 1 with probability 1/4, 1/2, 1/4: tails of 2.5% and 30%."""
    rows = np.asarray([False, True])
    assert bootstrap_interval(rows, np.mean, seed=3) == Interval(0.5, 0, 1)
    assert bootstrap_interval(rows, np.mean, seed=3, confidence=0.4) == Interval(0.5, 0.5, 0.5)


def test_bounds_are_the_next_values_outwards():
    """Of 0 to 100, tails of 2.5% end at 2.5 and 97.5: 2 and 98."""
    assert statistics.interval_of(50, np.arange(101.0)[::-1]) == Interval(50, 2, 98)
    assert statistics.interval_of(0, np.asarray([-np.inf, 1, np.inf]), 0.5) == Interval(0, -np.inf, np.inf)
    with pytest.raises(ValueError, match=r"NaN for the agents or in 1 of 2 resamples"):
        statistics.interval_of(0, np.asarray([1, np.nan]))
    with pytest.raises(ValueError, match=r"confidence=95 is out of range"):
        statistics.interval_of(0, np.zeros(2), 95)


def test_bootstrap_of_a_share_is_as_wide_as_the_normal_approximation():
    """200 of 400: standard error sqrt(0.25 / 400) = 0.025."""
    interval = bootstrap_interval(np.arange(400) % 2, np.mean, seed=0)
    assert interval.value == 0.5
    assert (interval.low, interval.high) == pytest.approx((0.451, 0.549), abs=0.006)


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    """Means of 60 exponential times, 150 studies: 95% intervals hold 1 in about 93 of 100."""
    studies = np.random.default_rng(1).exponential(size=(150, 60))
    held = [
        interval.low <= 1 <= interval.high
        for number, rows in enumerate(studies)
        for interval in [bootstrap_interval(rows, np.mean, seed=number, num_resamples=400)]
    ]
    assert 0.87 < np.mean(held) < 0.98


def test_an_agents_rows_are_drawn_together():
    rows = np.repeat([[0], [1], [2]], 7, axis=1)

    def statistic(resampled):
        assert resampled.shape == rows.shape
        assert (resampled == resampled[:, :1]).all()
        return resampled.max()

    assert bootstrap_interval(rows, statistic, seed=0, num_resamples=FEW) == Interval(2, 0, 2)


def test_bootstrap_depends_on_its_seed_alone():
    rows = np.random.default_rng(0).normal(size=(20, 3))
    np.random.seed(0)  # noqa: NPY002
    first = bootstrap_interval(rows, interquartile_mean, seed=5, num_resamples=FEW)
    np.random.seed(1)  # noqa: NPY002
    assert bootstrap_interval(rows, interquartile_mean, seed=5, num_resamples=FEW) == first
    assert bootstrap_interval(rows, interquartile_mean, seed=6, num_resamples=FEW) != first


@pytest.mark.parametrize("strata", [None, np.asarray(["b", "a", "b", "b", "a", "c"])])
def test_the_fast_mean_is_the_mean(strata):
    rows = np.random.default_rng(0).normal(size=(6, 3, 2)).astype(np.float32)
    fast = bootstrap_interval(rows, np.mean, seed=5, strata=strata)
    slow = bootstrap_interval(rows, lambda sample: sample.mean(dtype=np.float64), seed=5, strata=strata)
    assert (fast.value, fast.low, fast.high) == pytest.approx((slow.value, slow.low, slow.high), abs=1e-12)


def test_strata_keep_their_sizes():
    """Two tasks whose agents are all alike: within them nothing varies, across them all does."""
    rows = np.repeat([0.1, 0.7], [3, 9])
    assert bootstrap_interval(rows, interquartile_mean, seed=0, strata=rows).low == pytest.approx(0.7)
    inside = bootstrap_interval(rows, np.mean, seed=0, strata=rows)
    across = bootstrap_interval(rows, np.mean, seed=0)
    assert (inside.low, inside.high) == pytest.approx((0.55, 0.55))
    assert across.low < 0.45 and across.high > 0.65
    one = bootstrap_interval(rows, np.mean, seed=0, strata=np.zeros(12))
    assert one == across


@pytest.mark.parametrize("statistic", [np.mean, interquartile_mean])
@pytest.mark.parametrize("rows", [np.full(7, 0.1), np.asarray([[0.1, 0.3]])])
def test_no_spread_gives_exactly_no_width(rows, statistic):
    interval = bootstrap_interval(rows, statistic, seed=0, num_resamples=FEW)
    assert interval.low == interval.value == interval.high == pytest.approx(rows.mean())


def test_resamples_come_in_bounded_blocks(monkeypatch):
    rows = np.arange(10).reshape(5, 2)
    whole = np.concatenate(list(statistics.resample_totals(rows, seed=4, num_resamples=50)))
    monkeypatch.setattr(statistics, "_BLOCK", 35)
    blocks = list(statistics.resample_totals(rows, seed=4, num_resamples=50))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert (np.concatenate(blocks) == whole).all()
    assert (whole[:, 1] - whole[:, 0] == 5).all()  # five agents in each
    monkeypatch.setattr(statistics, "_BLOCK", 1)
    assert len(list(statistics.resample_totals(rows, seed=4, num_resamples=3))) == 3


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (np.zeros((0, 3)), {}, r"shape \(0, 3\), without a value"),
        (np.zeros(()), {}, r"shape \(\); give an array that has agents as its first axis"),
        (np.asarray([1.0, np.nan]), {}, r"rows is NaN or infinite in 1 of 2 values; leave those agents out"),
        (np.zeros(3), {"strata": np.zeros(2)}, r"shape \(2,\) for 3 agents; give one label per agent"),
        (np.zeros(3), {"num_resamples": 0}, r"num_resamples=0 is out of range; choose at least 1"),
        (np.zeros(3), {"confidence": 1}, r"confidence=1 is out of range"),
    ],
)
def test_unfit_rows_are_named(rows, settings, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(rows, np.mean, seed=0, **settings)


def test_infinite_rows_give_infinite_bounds_not_nan():
    rows = np.asarray([1.0, np.inf, 2.0])
    assert bootstrap_interval(rows, np.max, seed=0, num_resamples=FEW) == Interval(np.inf, 1, np.inf)
    with pytest.raises(ValueError, match="NaN or infinite in 1 of 3"):
        bootstrap_interval(rows, np.mean, seed=0)


def test_paired_difference_by_hand():
    """Per agent 1 - 0, 3 - 1, 5 - 2 over mean episodes: 1, 2, 3; the agents' own spread falls out."""
    a, b = np.asarray([[1, 1], [2, 4], [5, 5]], np.uint8), np.asarray([[0, 0], [1, 1], [1, 3]], np.uint8)
    interval = statistics.paired_difference(a, b, seed=0)
    assert interval.value == pytest.approx(2)
    assert (interval.low, interval.high) == pytest.approx((1, 3))
    back = statistics.paired_difference(b, a, seed=0)
    assert (back.value, back.low, back.high) == pytest.approx((-interval.value, -interval.high, -interval.low))
    level = np.asarray([0.0, 100.0, 1000.0])
    assert statistics.paired_difference(level + 1, level, seed=0) == Interval(1, 1, 1)
    assert statistics.paired_difference(np.asarray([True]), np.asarray([False]), seed=0) == Interval(1, 1, 1)
    with pytest.raises(ValueError, match=r"a \(2,\) and b \(3,\) differ in shape"):
        statistics.paired_difference(np.zeros(2), np.zeros(3), seed=0)


def test_probability_of_improvement_by_hand():
    """1 beats one of (2, 2, 0), 2 beats one and ties two, 3 beats all: (1 + 2 + 3) / 9."""
    x, y = np.asarray([1, 2, 3]), np.asarray([2, 2, 0])
    assert statistics.probability_of_improvement(x, y, seed=0, num_resamples=FEW).value == pytest.approx(6 / 9)
    assert statistics.probability_of_improvement(y, x, seed=0, num_resamples=FEW).value == pytest.approx(3 / 9)


def test_probability_of_improvement_is_the_mann_whitney_statistic():
    generator = np.random.default_rng(2)
    x, y = generator.integers(0, 9, 30), generator.integers(0, 7, 20)
    expected = scipy.stats.mannwhitneyu(x, y).statistic / 600
    interval = statistics.probability_of_improvement(x, y, seed=0, num_resamples=FEW)
    assert interval.value == pytest.approx(expected)
    assert 0 < interval.low < interval.value < interval.high < 1


def test_probability_of_improvement_of_equals():
    scores = np.arange(10.0)
    apart = statistics.probability_of_improvement(scores, scores, seed=0, num_resamples=FEW)
    assert apart.value == 0.5 and apart.low < 0.4 and apart.high > 0.6
    together = statistics.probability_of_improvement(scores, scores, seed=0, num_resamples=FEW, paired=True)
    assert together == Interval(0.5, 0.5, 0.5)
    alike = statistics.probability_of_improvement(np.ones(4), np.ones(3), seed=0, num_resamples=FEW)
    assert alike == Interval(0.5, 0.5, 0.5)
    assert statistics.probability_of_improvement([2.0], [1.0], seed=0, num_resamples=FEW) == Interval(1, 1, 1)
    with pytest.raises(ValueError, match=r"x \(4,\) and y \(3,\) differ"):
        statistics.probability_of_improvement(np.ones(4), np.ones(3), seed=0, paired=True)


def test_negative_transfer_rate_by_hand():
    """More steps with memory in two of six episodes; a tie is none."""
    steps_with, steps_without = np.asarray([[5, 9, 3], [4, 4, 8]]), np.asarray([[6, 8, 3], [4, 9, 2]])
    assert learning.negative_transfer_rate(steps_with, steps_without) == pytest.approx(2 / 6)
    assert learning.negative_transfer_rate(steps_with, steps_with) == 0
    assert learning.negative_transfer_rate([[2]], [[1]]) == 1
    with pytest.raises(ValueError, match=r"steps_with \(1, 3\) and steps_without \(2, 3\) differ"):
        learning.negative_transfer_rate(steps_with[:1], steps_without)
    with pytest.raises(ValueError, match=r"shape \(3,\); give \[agents, episodes\]"):
        learning.negative_transfer_rate(np.ones(3), np.ones(3))


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
    strata = np.arange(12) % 3
    settings = {"threshold": 0.7, "window": 5}
    expected = bootstrap_interval(
        np.stack([success, env_steps], axis=1),
        lambda rows: learning.steps_to_success(rows[:, 0], rows[:, 1], **settings),
        seed=1,
        num_resamples=FEW,
        strata=strata,
    )
    found = learning.steps_to_success_interval(success, env_steps, seed=1, num_resamples=FEW, strata=strata, **settings)
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
