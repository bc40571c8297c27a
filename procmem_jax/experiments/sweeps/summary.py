"""What came of a sweep: the interquartile mean of every score in every setting, and by which score they are ranked."""

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from procmem_jax.experiments.statistics.intervals import Interval, interquartile_mean, interval_of
from procmem_jax.experiments.storage.parquet import read_table
from procmem_jax.experiments.sweeps.tables import ENDED, SCORES

# Failures count their steps: each asks for success and for short ways, and less is better. The first known is taken.
_BEST_SCORES = ("steps_over_optimal", "steps")
_BEST_RETURN = "episode_return"  # where there is no success, short ways may be bad ones: more is better
_NUM_RESAMPLES = 2000
_FEWEST_RESAMPLES = 200
_DRAWS = 40_000_000  # distinct values times resamples; with more distinct values there are fewer resamples
_BLOCK = 4_000_000


def iqm_interval(scores: np.ndarray, *, seed: int) -> Interval:
    """Returns the interquartile mean of `scores` (`[A]`) with its 95% percentile bootstrap interval.

    A resample is a count of how often each distinct value was drawn, which is multinomial: the same bootstrap as one
    that draws agents (Efron & Tibshirani 1993, section 13.3), but a million equal scores cost no more than one. 2,000
    resamples up to 20,000 distinct values; beyond, fewer, 200 at least.
    """
    values, counts = np.unique(scores, return_counts=True)
    number = int(np.clip(_DRAWS // len(values), _FEWEST_RESAMPLES, _NUM_RESAMPLES))
    resampled = [_iqm_of_counts(values, block) for block in _draw_counts(counts, number, seed)]
    return interval_of(float(interquartile_mean(scores)), np.concatenate(resampled))


def _draw_counts(counts: np.ndarray, number: int, seed: int) -> Iterator[np.ndarray]:
    generator = np.random.Generator(np.random.Philox(seed))
    total, block = int(counts.sum()), max(1, _BLOCK // len(counts))
    for start in range(0, number, block):
        yield generator.multinomial(total, counts / total, size=min(block, number - start))


def _iqm_of_counts(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Returns the interquartile means `[B]` of resamples: `values` (`[U]`, ascending), each `counts` (`[B, U]`) times.

    What `scipy.stats.trim_mean` cuts off, whole scores, is cut off the counts.
    """
    total = int(counts[0].sum())
    cut = int(0.25 * total)
    ends = np.clip(np.cumsum(counts, axis=1), cut, total - cut)
    kept = np.diff(ends, axis=1, prepend=cut)
    # Differences from the first value, so that equal scores give exactly no width.
    return values[0] + kept @ (values - values[0]) / (total - 2 * cut)


def summarize_sweep(runs: pa.Table) -> pa.Table:
    """Returns a row per setting: its values, `runs`, of each score `_mean`, `_iqm`, `_low` and `_high` (95%), and how
    often episodes of its runs ended in which way.

    Args:
        runs: of the whole sweep, every setting among them (see `sweep_results.run_schema`).
    """
    number = runs["setting"].to_numpy()
    num_settings = int(number.max()) + 1
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(num_settings + 1))
    names = runs.column_names[: runs.column_names.index("setting")]
    summary: dict[str, list] = {"setting": list(range(num_settings)), "runs": np.diff(starts).tolist()}
    first = order[starts[:-1]]
    swept = {name: runs[name].combine_chunks().take(pa.array(first)) for name in names}
    for score in SCORES:
        values = runs[score].to_numpy()[order]
        columns = {end: [] for end in ("mean", "iqm", "low", "high")}
        for setting in range(num_settings):
            own = values[starts[setting] : starts[setting + 1]]
            for end, value in zip(columns, _mean_and_interval(own, setting), strict=True):
                columns[end].append(value)
        summary |= {f"{score}_{end}": column for end, column in columns.items()}
    for name in (name for name in ENDED if name in runs.column_names):  # not in sweeps of earlier versions
        summary[name] = np.add.reduceat(runs[name].to_numpy()[order], starts[:-1], dtype=np.int64).tolist()
    return pa.table({**swept, **summary})


def _mean_and_interval(scores: np.ndarray, seed: int) -> tuple[float, float, float, float]:
    """Returns (mean, IQM, low, high); all but the mean are NaN where a score is unknown or infinite."""
    if not np.isfinite(scores).all():
        with np.errstate(invalid="ignore"):
            return (float(scores.mean()), *(np.nan,) * 3)
    interval = iqm_interval(scores, seed=seed)
    return float(scores.mean()), interval.value, interval.low, interval.high


def read_summary(path: pathlib.Path) -> pa.Table:
    """Returns the summary of a sweep.

    Raises:
        ValueError: the file cannot be read.
    """
    try:
        return read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read as the summary of a sweep ({error})") from None


def known_score(summary: pa.Table) -> str:
    """Returns the score by which settings are ranked: of foreign worlds the fewest steps or success are unknown."""
    if np.isnan(summary["success_iqm"].to_numpy()).any():
        return _BEST_RETURN
    return next(score for score in _BEST_SCORES if not np.isnan(summary[f"{score}_iqm"].to_numpy()).any())


def best_first(summary: pa.Table) -> list[dict[str, Any]]:
    """Returns the rows of a sweep's summary, the best setting first."""
    score = known_score(summary)
    sign = -1.0 if score == _BEST_RETURN else 1.0

    def place(row: dict[str, Any]) -> tuple[float, int]:
        value = sign * row[f"{score}_iqm"]
        return (np.inf if np.isnan(value) else value, row["setting"])

    return sorted(summary.to_pylist(), key=place)
