"""Means over agents with 95% intervals."""

import numpy as np
import scipy.stats

CONFIDENCE = 0.95


def mean_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (mean, low, high) over the first axis, `[...]` float64: Student's t interval of the mean.

    Low and high are NaN where there is only one value.

    Args:
        values: `[A, ...]`, one row per agent.
    """
    values = np.asarray(values, np.float64)
    count = values.shape[0]
    mean = values.mean(axis=0)
    if count < 2:
        unknown = np.full_like(mean, np.nan)
        return mean, unknown, unknown
    half = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * values.std(axis=0, ddof=1) / np.sqrt(count)
    return mean, mean - half, mean + half


def proportion_interval(outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (share of True, low, high) over the first axis, `[...]` float64, in [0, 1].

    The interval is Wilson's (1927, "Probable inference"), which keeps its width where all outcomes are alike.

    Args:
        outcomes: `[A, ...]` bool, one row per agent.
    """
    outcomes = np.asarray(outcomes, np.float64)
    count = outcomes.shape[0]
    share = outcomes.mean(axis=0)
    z = scipy.stats.norm.ppf((1 + CONFIDENCE) / 2)
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return share, np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)
