"""Robust summaries, bootstrap intervals and comparisons, worked out by hand."""

import numpy as np
import pytest
import scipy.stats

from experiments.resamples import FEW
from procmem_jax.experiments.statistics import intervals as statistics
from procmem_jax.experiments.statistics.intervals import Interval, bootstrap_interval, interquartile_mean


def test_interquartile_mean_by_hand():
    """Of eight values two go at either end: (2 + 3 + 4 + 5) / 4; of five one: (1 + 2 + 3) / 3."""
    assert interquartile_mean(np.asarray([100, 1, 5, 3, 0, 4, 6, 2], np.int32)) == 3.5
    assert interquartile_mean(np.asarray([2, 3, 1, -50, 70])) == 2
    assert interquartile_mean(np.asarray([[100, 1, 5, 3], [0, 4, 6, 2]])) == 3.5


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


def test_the_fast_mean_is_the_mean():
    rows = np.random.default_rng(0).normal(size=(6, 3, 2)).astype(np.float32)
    fast = bootstrap_interval(rows, np.mean, seed=5)
    slow = bootstrap_interval(rows, lambda sample: sample.mean(dtype=np.float64), seed=5)
    assert (fast.value, fast.low, fast.high) == pytest.approx((slow.value, slow.low, slow.high), abs=1e-12)


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
    x, y = generator.integers(0, 9, 30), generator.integers(0, 7, 30)
    expected = scipy.stats.mannwhitneyu(x, y).statistic / 900
    interval = statistics.probability_of_improvement(x, y, seed=0, num_resamples=FEW)
    assert interval.value == pytest.approx(expected)
    assert 0 < interval.low < interval.value < interval.high < 1


def test_probability_of_improvement_of_equals():
    scores = np.arange(10.0)
    together = statistics.probability_of_improvement(scores, scores, seed=0, num_resamples=FEW)
    assert together == Interval(0.5, 0.5, 0.5)
    apart = statistics.probability_of_improvement(scores, scores[::-1], seed=0, num_resamples=FEW)
    assert apart.value == 0.5 and apart.low < 0.4 and apart.high > 0.6
    assert statistics.probability_of_improvement([2.0], [1.0], seed=0, num_resamples=FEW) == Interval(1, 1, 1)
    with pytest.raises(ValueError, match=r"x \(4,\) and y \(3,\) differ"):
        statistics.probability_of_improvement(np.ones(4), np.ones(3), seed=0)
