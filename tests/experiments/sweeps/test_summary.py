"""Scores of settings: the interquartile mean, its interval, row by row."""

import numpy as np
import pyarrow as pa
import pytest

from procmem_jax.experiments.statistics.intervals import interquartile_mean
from procmem_jax.experiments.sweeps import summary as sweep_summary
from procmem_jax.experiments.sweeps.summary import iqm_interval, summarize_sweep


@pytest.mark.parametrize("count", [1, 2, 3, 5, 64, 101])
def test_counts_give_the_interquartile_mean_of_what_they_count(count):
    generator = np.random.default_rng(count)
    values = np.unique(generator.normal(size=7))
    counts = generator.multinomial(count, np.full(7, 1 / 7), size=50)
    expected = [interquartile_mean(np.repeat(values, row)) for row in counts]
    np.testing.assert_allclose(sweep_summary._iqm_of_counts(values, counts), expected, rtol=1e-12, atol=1e-12)


def test_the_interval_is_that_of_a_plain_bootstrap():
    scores = np.random.default_rng(1).gamma(2.0, size=80)
    found = iqm_interval(scores, seed=3)
    drawn = np.random.default_rng(2).choice(scores, (4000, 80))
    low, high = np.percentile([interquartile_mean(row) for row in drawn], [2.5, 97.5])
    assert found.value == pytest.approx(float(interquartile_mean(scores)))
    assert found.low == pytest.approx(low, abs=0.04) and found.high == pytest.approx(high, abs=0.04)
    assert iqm_interval(scores, seed=3) == found


def test_equal_scores_have_no_width_and_blocks_leave_no_trace(monkeypatch):
    same = iqm_interval(np.full(30, 0.1), seed=0)
    assert same.low == same.value == same.high == 0.1
    scores = np.random.default_rng(4).normal(size=50)
    whole = iqm_interval(scores, seed=0)
    monkeypatch.setattr(sweep_summary, "_BLOCK", 1000)
    assert iqm_interval(scores, seed=0) == whole


def runs_of(scores):
    """A table of runs, with the same numbers for every score."""
    count = [len(row) for row in scores]
    flat = np.concatenate([np.asarray(row, float) for row in scores])
    setting = np.repeat(np.arange(len(scores), dtype=np.int32), count)
    columns = {"knob": setting * 0.5, "setting": setting, "seed": setting * 0, "agent": setting * 0}
    return pa.table({**columns, **dict.fromkeys(sweep_summary.SCORES, flat)})


def test_a_row_per_setting_by_hand():
    table = summarize_sweep(runs_of([[1, 2, 3, 100], [5, 5, 5, 5]])).to_pylist()
    assert [row["knob"] for row in table] == [0.0, 0.5] and [row["runs"] for row in table] == [4, 4]
    assert (table[0]["steps_mean"], table[0]["steps_iqm"]) == (26.5, 2.5)
    assert [table[1][f"steps_{end}"] for end in ("mean", "iqm", "low", "high")] == [5.0] * 4
    assert 1 <= table[0]["steps_low"] < 2.5 < table[0]["steps_high"] <= 100


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_an_infinite_score_leaves_its_setting_without_an_interval(strange):
    first, second = summarize_sweep(runs_of([[1, strange, 3, np.inf], [5, 5, 5, 5]])).to_pylist()
    assert not np.isfinite(first["steps_mean"]) and second["steps_iqm"] == 5.0
    assert np.isnan([first[f"steps_{end}"] for end in ("iqm", "low", "high")]).all()
