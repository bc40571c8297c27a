"""Two runs of the same agents, agent by agent: paired differences, and how probably one is better."""

import dataclasses
from typing import Any

import numpy as np

from procmem_jax.experiments.statistics.headline import Bounds, bounds_json, over_agents, window
from procmem_jax.experiments.statistics.intervals import (
    Interval,
    interval_of,
    paired_difference,
    probability_of_improvement,
)
from procmem_jax.reports.runs import RunFiles
from procmem_jax.reports.words import differing_settings

_MOST_DRAWS = 40_000_000  # agents times resamples; with more agents there are fewer resamples


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What the first of two runs did against the second; every interval is of 95%, over agents.

    Attributes:
        num_agents: those that both have.
        first_episode, last_episode: that are compared, counted from 0 as everywhere.
        scores: by name ("success", "steps", and "steps_over_optimal" where known; "episode_return" alone where a run
            has no success, so that more steps may be better ones): (of the first run, of the second, mean difference
            first less second, probability that the first is better: less is better but for success and return).
        settings: by name, the values that differ.
    """

    num_agents: int
    first_episode: int
    last_episode: int
    scores: dict[str, tuple[Bounds, Bounds, Interval, Interval]]
    settings: dict[str, tuple[Any, Any]]

    def as_json(self) -> dict[str, Any]:
        """Returns it ready for JSON, where the second run is `a`, with which the first, `b`, is compared."""
        named = ("b", "a", "difference", "probability_of_improvement")
        scores = {name: dict(zip(named, map(_bounds, values), strict=True)) for name, values in self.scores.items()}
        settings = {name: {"a": a, "b": b} for name, (b, a) in self.settings.items()}
        return {**dataclasses.asdict(self), "scores": scores, "settings": settings}


def _bounds(found: Bounds | Interval) -> dict[str, float]:
    return bounds_json(dataclasses.astuple(found) if isinstance(found, Interval) else found)


def compare_runs(first: RunFiles, second: RunFiles) -> Comparison:
    """Returns how two runs of one task and seed compare, over the last episodes that both have.

    Equal agents of them met equal layouts and draws. Where one run has more agents or episodes, those that both have
    are compared.

    Raises:
        ValueError: they are of different tasks or seeds, and so not paired.
    """
    for name in ("task", "seed"):
        if first.stored[name] != second.stored[name]:
            raise ValueError(
                f"not paired: {first.folder} has {name} {first.stored[name]}, {second.folder} {second.stored[name]}; "
                "compare runs of one task and seed"
            )
    agents, last = (min(first.stored[name], second.stored[name]) for name in ("agents", "episodes"))
    start = max(0, last - window(last))
    part = (slice(0, agents), slice(start, last))
    aims = ("success",) if all(run.metrics.success is not None for run in (first, second)) else ("episode_return",)
    ours, theirs = (_scores(run, part, aims[0]) for run in (first, second))
    scores = {name: _compare(ours[name], theirs[name], name in aims) for name in ours if name in theirs}
    return Comparison(agents, start, last - 1, scores, differing_settings(first.stored, second.stored))


def _scores(run: RunFiles, part: tuple[slice, slice], aim: str) -> dict[str, np.ndarray]:
    metrics = run.metrics
    scores = {aim: getattr(metrics, aim)[part]}
    if aim != "success":
        return scores
    scores["steps"] = metrics.steps[part]
    if run.optimal_steps is not None:
        scores["steps_over_optimal"] = metrics.steps[part] / run.optimal_steps[part]
    return scores


def _compare(ours: np.ndarray, theirs: np.ndarray, more_is_better: bool) -> tuple[Bounds, Bounds, Interval, Interval]:
    a, b = (values.mean(axis=1, dtype=np.float64) for values in (ours, theirs))
    draws = {"seed": 0, "num_resamples": int(np.clip(_MOST_DRAWS // len(a), 200, 2000))}
    difference = paired_difference(a, b, **draws)
    better = probability_of_improvement(*((a, b) if more_is_better else (b, a)), **draws)
    if len(a) == 1:  # a bootstrap sees no spread in one agent, and would claim to be certain
        difference, better = (interval_of(found.value, np.asarray([-np.inf, np.inf])) for found in (difference, better))
    return over_agents(ours), over_agents(theirs), difference, better
