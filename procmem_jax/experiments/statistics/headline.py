"""What a run came to: its last episodes against its first, each a mean over agents with its 95% interval."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.statistics.intervals import mean_interval, proportion_interval

LAST = 20  # episodes
Bounds = tuple[float, float, float]
# Scores of a headline: (key, words, factor, digits, unit).
SCORES = (
    ("success", "success", 100.0, 1, "%"),
    ("episode_return", "return of an episode", 1.0, 2, ""),
    ("steps", "steps per episode", 1.0, 1, ""),
    ("steps_over_optimal", "steps over the fewest possible", 1.0, 2, ""),
)


def window(num_episodes: int) -> int:
    """Returns how many episodes are looked at, at either end of a run: 20, or half of it."""
    return max(1, min(LAST, num_episodes // 2))


def over_agents(values: np.ndarray) -> Bounds:
    """Returns (mean, low, high) of each agent's mean, with the 95% interval over agents; NaN bounds with one agent.

    Args:
        values: `[A, E]`; of bools that all agents have alike, the interval is that of a share, not without a width.
    """
    values = np.asarray(values)
    mean, low, high = (float(bound) for bound in mean_interval(values.mean(axis=1, dtype=np.float64)))
    if values.dtype == np.bool_ and low == high:
        mean, low, high = (float(bound) for bound in proportion_interval(values.reshape(-1)))
    return mean, low, high


def headline(metrics: EpisodeMetrics, optimal: np.ndarray | None) -> dict[str, Bounds | int]:
    """Returns the headline of a run.

    `episodes` are as many at either end as are looked at (see `window`); `success` (`episode_return` where there is no
    success), `steps` and, where the fewest steps are known, `steps_over_optimal` are of the last of them,
    `first_success` and so on of the first, and `skills` those of the library at the end.

    Args:
        metrics: `[A, E]` in each field.
        optimal: `[A, E]` int, the fewest steps; None where unknown.
    """
    count = window(metrics.steps.shape[1])
    last = _scores_of(metrics, optimal, slice(-count, None))
    first = {f"first_{name}": bounds for name, bounds in _scores_of(metrics, optimal, slice(count)).items()}
    return {"episodes": count, **last, **first, "skills": over_agents(metrics.skills[:, -1:])}


def _scores_of(metrics: EpisodeMetrics, optimal: np.ndarray | None, part: slice) -> dict[str, Bounds]:
    scores = {name: values[:, part] for name, values in {**aims_of(metrics), "steps": metrics.steps}.items()}
    if optimal is not None:
        scores["steps_over_optimal"] = scores["steps"] / optimal[:, part]
    return {name: over_agents(values) for name, values in scores.items()}


def aims_of(metrics: EpisodeMetrics) -> dict[str, np.ndarray]:
    """Returns what the agents are after, by its name: success, or returns where there is no success; more is better."""
    name = "episode_return" if metrics.success is None else "success"
    return {name: getattr(metrics, name)}


def bounds_json(bounds: Sequence[float]) -> dict[str, float]:
    """Returns (value, low, high) by their names."""
    return dict(zip(("value", "low", "high"), bounds, strict=True))


def headline_json(found: Mapping[str, Bounds | int]) -> dict[str, dict[str, float] | int]:
    """Returns a headline with the bounds by their names."""
    return {name: each if isinstance(each, int) else bounds_json(each) for name, each in found.items()}


def bounds_words(bounds: Sequence[float], factor: float = 1.0, digits: int = 1, unit: str = "") -> str:
    """Returns "97.2% [95.1, 98.6]" of (value, low, high), without brackets where the interval is unknown."""
    value, low, high = (factor * bound for bound in bounds)
    text = f"{value:,.{digits}f}{unit}"
    return text if math.isnan(low) else f"{text} [{low:,.{digits}f}, {high:,.{digits}f}]"


def headline_lines(found: Mapping[str, Bounds | int]) -> list[str]:
    """Returns the headline of a run (see `headline`) as lines of text."""
    count = found["episodes"]
    lines = [f"last {count} episodes, mean over agents [95% interval], and in the first {count}:"]
    for key, words, factor, digits, unit in SCORES:
        if key in found:
            shown = bounds_words(found[key], factor, digits, unit)
            lines.append(f"{words} {shown}, at first {factor * found[f'first_{key}'][0]:,.{digits}f}{unit}")
    return [*lines, f"skills in the library {bounds_words(found['skills'])}"]
