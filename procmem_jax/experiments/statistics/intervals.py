"""Statistics over agents: means and shares with 95% intervals, robust summaries, bootstrap intervals, comparisons."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import scipy.special

CONFIDENCE = 0.95
NUM_RESAMPLES = 2000
_BLOCK = 1 << 22  # counts of draws held at once, 32 MiB in float64


def mean_interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (mean, low, high) over the first axis, `[...]` float64: Student's t interval of the mean.

    Low and high are NaN where there is only one value, or one that is not finite.

    Args:
        values: `[A, ...]`, one row per agent.
    """
    values = np.asarray(values, np.float64)
    count = values.shape[0]
    with np.errstate(invalid="ignore"):
        mean = values.mean(axis=0)
    if count < 2:
        unknown = np.full_like(mean, np.nan)
        return mean, unknown, unknown
    with np.errstate(invalid="ignore"):
        half = scipy.special.stdtrit(count - 1, (1 + CONFIDENCE) / 2) * values.std(axis=0, ddof=1) / np.sqrt(count)
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
    z = scipy.special.ndtri((1 + CONFIDENCE) / 2)
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return share, np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Interval:
    """A statistic and the bounds of its interval.

    value: of the agents themselves.
    low, high: its bounds; infinite where the statistic is (success never reached), never NaN.
    """

    value: float
    low: float
    high: float


def interquartile_mean(values: np.ndarray) -> float:
    """Returns the mean of the middle half of all `values`.

    Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3: a quarter
    of the values, rounded down, is left out at either end, so that up to three values give their plain mean.

    Args:
        values: `[...]` numbers.

    Raises:
        ValueError: there are no values, or one is NaN.
    """
    import scipy.stats  # half a second, which a command should not wait for

    values = np.asarray(_check_numbers(values, "values"), np.float64)
    return float(scipy.stats.trim_mean(values, 0.25, axis=None))


def lower_percentile(values: np.ndarray, q: float = 20.0) -> np.ndarray:
    """Returns the `q`-th percentile over agents, `[...]` float64, linear between neighbours.

    What the unlucky agents get, where more is better. Where less is better (steps), theirs is `100 - q`.

    Args:
        values: `[A, ...]`, one row per agent.
        q: in percent, [0, 100].

    Raises:
        ValueError: there are no values, one is NaN, or `q` is out of range.
    """
    if not 0 <= q <= 100:
        raise ValueError(f"q={q} is no percentage; choose a number from 0 to 100")
    return np.percentile(np.asarray(_check_numbers(values, "values"), np.float64), q, axis=0)


def performance_profile(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Returns the share of agents whose score is above each threshold, `[M]` float64 in [0, 1].

    Agarwal et al. 2021, section 4.2: the tail of the run-score distribution, "above" strictly, so that no success rate
    is above 1. Pointwise bands: `proportion_interval(values[:, None] > thresholds)`.

    Args:
        values: `[A]`, one score per agent.
        thresholds: `[M]`, in any order.

    Raises:
        ValueError: `values` is not `[A]`, there are no values, or one is NaN.
    """
    values = np.sort(_check_numbers(values, "values", num_axes=1))
    num_not_above = np.searchsorted(values, np.asarray(thresholds, np.float64), side="right")
    return (len(values) - num_not_above) / len(values)


def bootstrap_interval(
    rows: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Returns `statistic(rows)` with its percentile bootstrap interval over agents.

    Efron & Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3. An agent's rows stay together, since
    they are not independent. The interval of one agent has no width: the bootstrap sees no spread there.

    One resample is held at a time. `np.mean` itself is recognised and is faster: each agent becomes one number first.

    Args:
        rows: `[A, ...]`, one row per agent.
        statistic: of resampled rows `[A, ...]`; may be infinite, not NaN.
        seed: of the resampling alone; the same seed gives the same interval.
        num_resamples: at least 1.
        confidence: in (0, 1).

    Raises:
        ValueError: there are no agents, a value or a statistic is NaN (for a mean: infinite), or a number is out of
            range.
    """
    rows = _check_numbers(rows, "rows", finite=statistic is np.mean)
    if statistic is np.mean:
        means = rows.reshape(len(rows), -1).mean(axis=1, dtype=np.float64)
        # Differences from the first agent, so that equal agents give exactly no width.
        base, offsets = means[0], means - means[0]
        totals = resample_totals(offsets[:, None], seed=seed, num_resamples=num_resamples)
        values = base + np.concatenate(list(totals))[:, 0] / len(rows)
        return interval_of(base + offsets.mean(), values, confidence)
    samples = _draw_agents(seed, len(rows), num_resamples)
    return interval_of(statistic(rows), np.asarray([statistic(rows[agents]) for agents in samples]), confidence)


def resample_totals(rows: np.ndarray, *, seed: int, num_resamples: int = NUM_RESAMPLES) -> Iterator[np.ndarray]:
    """Yields the sums over agents of bootstrap resamples, in blocks `[B, M]` float64, `num_resamples` in all.

    For statistics that depend on sums over agents alone: how often each agent was drawn, times the rows, is one matrix
    product for a block. The draws are those of `bootstrap_interval`; sums of whole numbers are exact.

    Args:
        rows: `[A, M]`, one row per agent.
        seed, num_resamples: as in `bootstrap_interval`.

    Raises:
        ValueError: as in `bootstrap_interval`, with the first block.
    """
    rows = np.asarray(_check_numbers(rows, "rows", num_axes=2, finite=True), np.float64)
    num_agents = len(rows)
    samples = _draw_agents(seed, num_agents, num_resamples)
    block = max(1, _BLOCK // num_agents)
    while counts := [np.bincount(agents, minlength=num_agents) for agents in itertools.islice(samples, block)]:
        yield np.asarray(counts, np.float64) @ rows


def interval_of(value: float, resampled: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
    """Returns `value` with the percentile interval of its resampled values.

    The bounds are resampled values, the next ones outwards, not interpolated: infinite values give no NaN.

    Args:
        value: of the agents themselves.
        resampled: `[R]`, of the resamples.
        confidence: in (0, 1).

    Raises:
        ValueError: `confidence` is out of range, or a value is NaN.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} is out of range; choose a number between 0 and 1, as 0.95")
    unknown = int(np.isnan(resampled).sum())
    if unknown or np.isnan(value):
        raise ValueError(
            f"the statistic is NaN for the agents or in {unknown} of {len(resampled)} resamples; "
            "give one that is a number, or infinite, for every choice of agents"
        )
    tail = (1 - confidence) / 2
    low = np.quantile(resampled, tail, method="lower")
    high = np.quantile(resampled, 1 - tail, method="higher")
    return Interval(float(value), float(low), float(high))


def paired_difference(
    a: np.ndarray,
    b: np.ndarray,
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Returns the mean over agents of `a - b`, agent by agent, with its bootstrap interval.

    Args:
        a, b: `[A, ...]`, the same agents (seed and number) in two settings.
        seed, num_resamples, confidence: as in `bootstrap_interval`.

    Raises:
        ValueError: the shapes differ, a value is infinite, or as in `bootstrap_interval`.
    """
    check_same_shape("a", a, "b", b)
    # float64 before the difference: bools have none, and unsigned numbers wrap.
    differences = np.asarray(_check_numbers(a, "a", finite=True), np.float64)
    differences = differences - np.asarray(_check_numbers(b, "b", finite=True), np.float64)
    return bootstrap_interval(differences, np.mean, seed=seed, num_resamples=num_resamples, confidence=confidence)


def probability_of_improvement(
    x: np.ndarray,
    y: np.ndarray,
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Returns P(X > Y) + P(X = Y) / 2 over all pairs of an agent of `x` and one of `y`, with its bootstrap interval.

    Agarwal et al. 2021, section 4.3: the Mann-Whitney statistic divided by the number of pairs, for one task. There
    each is drawn alone; here both are drawn together, as they are of the same agents. Where less is better (steps),
    swap the two.

    Args:
        x, y: `[A]`, one score per agent: the same agents (seed and number) in two settings.
        seed, num_resamples, confidence: as in `bootstrap_interval`.

    Raises:
        ValueError: the scores are not one per agent, they differ in number, or as in `bootstrap_interval`.
    """
    x, y = _check_numbers(x, "x", num_axes=1), _check_numbers(y, "y", num_axes=1)
    check_same_shape("x", x, "y", y)

    def improvement(rows: np.ndarray) -> float:
        x_scores, y_scores = rows[:, 0], np.sort(rows[:, 1])
        below, not_above = (np.searchsorted(y_scores, x_scores, side=side) for side in ("left", "right"))
        return (below.sum() + not_above.sum()) / (2 * len(rows) ** 2)

    rows = np.stack([x, y], axis=1)
    return bootstrap_interval(rows, improvement, seed=seed, num_resamples=num_resamples, confidence=confidence)


def check_same_shape(a_name: str, a: np.ndarray, b_name: str, b: np.ndarray) -> None:
    """Raises ValueError unless the two arrays have one shape, agent for agent."""
    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"{a_name} {np.shape(a)} and {b_name} {np.shape(b)} differ in shape; "
            "give both for the same agents and episodes"
        )


def _check_numbers(values: np.ndarray, name: str, *, num_axes: int | None = None, finite: bool = False) -> np.ndarray:
    """Returns `values` as an array; raises ValueError if it is empty, holds NaN or has other axes than asked for."""
    values = np.asarray(values)
    if values.ndim != num_axes if num_axes else values.ndim == 0:
        wanted = f"has {num_axes} axes" if num_axes else "has agents as its first axis"
        raise ValueError(f"{name} has shape {values.shape}; give an array that {wanted}")
    if values.size == 0:
        raise ValueError(f"{name} has shape {values.shape}, without a value; give at least one agent")
    if np.issubdtype(values.dtype, np.floating):
        unfit = ~np.isfinite(values) if finite else np.isnan(values)
        if unfit.any():
            kind = "NaN or infinite" if finite else "NaN"
            raise ValueError(f"{name} is {kind} in {int(unfit.sum())} of {values.size} values; leave those agents out")
    return values


def _draw_agents(seed: int, num_agents: int, num_resamples: int) -> Iterator[np.ndarray]:
    """Yields the agents of each resample, `[A]` int64: as many as there are, with replacement."""
    if num_resamples < 1:
        raise ValueError(f"num_resamples={num_resamples} is out of range; choose at least 1, as {NUM_RESAMPLES}")
    generator = np.random.Generator(np.random.Philox(seed))
    for _ in range(num_resamples):
        yield generator.integers(0, num_agents, num_agents)
