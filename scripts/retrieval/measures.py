"""What is told of lives: how many uses kept their promise, how far the expected rate was off, how the agents did."""

import numpy as np

from procmem_jax.experiments.statistics.intervals import Interval, bootstrap_interval
from retrieval.lives import Lives, Uses

NUM_BINS = 10
Bounds = tuple[float, float, float]  # estimate, and the ends of its 95% interval over agents


def measure(lives: Lives, last: int) -> dict:
    """Returns the figures of a cell: how precise uses are and how agents did in the `last` episodes, and the rates'
    calibration over their whole lives.

    `precision` is the share of uses, of those that came to an end, that kept their promise (see `Uses`), agent by
    agent; `whole` and `first` are of whole runs and of first steps. The calibration error is the mean distance of
    expectation and outcome over the uses, in ten bins: `counted` by what the memory counts as a success, `kept` by
    the promise.
    """
    num_agents, num_episodes = lives.metrics.steps.shape
    late = lives.uses.where(lives.uses.episode >= num_episodes - last)
    ended = late.where(late.ended)
    steps = lives.metrics.steps[:, -last:]
    ratio = (lives.metrics.steps / lives.optimal)[:, -last:]
    row = {
        "precision": share_of_agents(ended, ended.kept, num_agents),
        "whole": share_of_agents(ended.where(ended.whole), ended.kept[ended.whole], num_agents),
        "first": share_of_agents(ended.where(~ended.whole), ended.kept[~ended.whole], num_agents),
        "broken_off": share_of_agents(late, ~late.ended, num_agents),
        "in_skills": over_agents(lives.metrics.skill_steps[:, -last:].sum(axis=1) / steps.sum(axis=1)),
        "success": over_agents(lives.metrics.success[:, -last:].mean(axis=1)),
        "steps_over_shortest": over_agents(ratio.mean(axis=1)),
        "skills": over_agents(lives.metrics.skills[:, -1]),
    }
    for name, uses, outcome in calibrations(lives.uses):
        sums = bin_sums(uses, outcome, num_agents)
        row[f"error_{name}"] = calibration_error(sums)
        row[f"reliability_{name}"] = reliability(sums)
    return row


def over_agents(values: np.ndarray) -> Bounds:
    """Returns (mean, low, high) of one number an agent, those left out that are NaN; NaN if none is left."""
    values = values[~np.isnan(values)]
    return _bounds(bootstrap_interval(values, np.mean, seed=0)) if len(values) else (np.nan,) * 3


def _bounds(found: Interval) -> Bounds:
    return found.value, found.low, found.high


def share_of_agents(uses: Uses, chosen: np.ndarray, num_agents: int) -> Bounds:
    """Returns the share of uses that are `chosen`, the mean over the agents that have any."""
    counts = np.bincount(uses.agent, minlength=num_agents)
    with np.errstate(invalid="ignore"):
        return over_agents(np.bincount(uses.agent, chosen, num_agents) / counts)


def calibrations(uses: Uses) -> list[tuple[str, Uses, np.ndarray]]:
    """Returns (name, uses, whether they went well) by either measure; what nobody counted has no outcome."""
    counted, ended = uses.where(uses.counted != 0), uses.where(uses.ended)
    return [("counted", counted, counted.counted > 0), ("kept", ended, ended.kept)]


def bin_sums(uses: Uses, outcome: np.ndarray, num_agents: int) -> np.ndarray:
    """Returns `[A, 3, 10]`: of each agent's uses in each tenth of the rate their number, rates and outcomes, summed."""
    tenth = np.minimum((uses.rate * NUM_BINS).astype(int), NUM_BINS - 1)
    places, total = uses.agent * NUM_BINS + tenth, num_agents * NUM_BINS
    columns = [np.bincount(places, weights, total) for weights in (None, uses.rate, outcome)]
    return np.stack([column.reshape(num_agents, NUM_BINS) for column in columns], axis=1).astype(float)


def calibration_error(sums: np.ndarray) -> Bounds:
    """Returns the expected calibration error of all agents' uses together, with its bootstrap interval over agents.

    Source: Naeini, Cooper & Hauskrecht 2015, "Obtaining well calibrated probabilities using Bayesian binning".
    """
    sums = sums[sums[:, 0].sum(axis=1) > 0]
    if not len(sums):
        return (np.nan,) * 3

    def error(rows: np.ndarray) -> float:
        uses, rates, outcomes = rows.sum(axis=0)
        return float(np.abs(rates - outcomes).sum() / uses.sum())

    return _bounds(bootstrap_interval(sums, error, seed=0))


def reliability(sums: np.ndarray) -> list[dict]:
    """Returns a row for each bin with uses: their number, mean rate, and share of good outcomes with its interval."""
    rows = []
    for number in range(NUM_BINS):
        cell = sums[:, :, number]
        cell = cell[cell[:, 0] > 0]
        if len(cell):
            share = bootstrap_interval(cell, lambda drawn: float(drawn[:, 2].sum() / drawn[:, 0].sum()), seed=0)
            uses, rates, _ = cell.sum(axis=0)
            rows.append({"bin": number, "uses": int(uses), "rate": float(rates / uses), "outcome": _bounds(share)})
    return rows
