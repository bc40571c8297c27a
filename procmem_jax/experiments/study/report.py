"""The statistics of a study, as rows for JSON and as Markdown tables."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from procmem_jax.envs.grid.layouts import NUM_SHIFTING
from procmem_jax.experiments.statistics.intervals import (
    Interval,
    bootstrap_interval,
    lower_percentile,
    paired_difference,
    probability_of_improvement,
)
from procmem_jax.experiments.statistics.learning import (
    forgetting,
    forward_transfer,
    steps_over_optimal,
    steps_to_success_interval,
)
from procmem_jax.experiments.study.arms import DEFAULT, NO_MEMORY
from procmem_jax.experiments.text_tables import markdown_table

LAST = 20  # episodes that "at the end" means
BOOTSTRAP_SEED = 0
_COLUMNS = {
    "task": "<",
    "arm": "<",
    "episodes": ">",
    "success, %": ">",
    "steps / optimal, IQM": ">",
    "mean; 90th percentile": ">",
    "env steps to 90% success": ">",
    "more steps than no memory, %": ">",
    "P(better than no memory)": ">",
    "worst fifth: success, %; steps / optimal": ">",
    "skills": ">",
}
_TRANSFER_COLUMNS = {"task": "<", "arm": "<", "episodes": ">", "forward transfer": ">", "forgetting, points": ">"}


@dataclasses.dataclass(frozen=True)
class Episodes:
    """What an arm did on a task; `[A, E]` each.

    Attributes:
        steps: primitive steps.
        success: whether the goal was reached.
        optimal: the fewest steps possible.
        skills: in the library after the episode.
    """

    steps: np.ndarray
    success: np.ndarray
    optimal: np.ndarray
    skills: np.ndarray

    def part(self, episodes: slice) -> "Episodes":
        """Returns some of the episodes."""
        return Episodes(*(getattr(self, field.name)[:, episodes] for field in dataclasses.fields(self)))


def study_row(name: str, episodes: Mapping[str, Episodes]) -> dict:
    """Returns the statistics of one arm on a task, ready for JSON: null where unknown or never reached.

    "Last" is the arm's last `LAST` episodes, compared with the same episodes of other arms.

    Args:
        name: of the arm.
        episodes: of all arms on this task by their names, no memory among them; agent i of one is agent i of all.
    """
    own = episodes[name]
    count = own.steps.shape[1]
    last = own.part(slice(max(0, count - LAST), count))
    ratio = steps_over_optimal(last.steps, last.optimal, seed=BOOTSTRAP_SEED)
    reached = steps_to_success_interval(own.success, np.cumsum(own.steps, axis=1), seed=BOOTSTRAP_SEED)
    row = {
        "arm": name,
        "episodes": count,
        "success": _bounds(bootstrap_interval(last.success, np.mean, seed=BOOTSTRAP_SEED)),
        "success_percentile_20": float(lower_percentile(last.success.mean(axis=1), 20)),
        "steps_over_optimal": _bounds(ratio.interquartile_mean),
        "steps_over_optimal_mean": ratio.mean,
        "steps_over_optimal_percentile_90": ratio.percentile_90,
        "steps_over_optimal_agents_percentile_80": float(lower_percentile(_agent_ratios(last), 80)),
        "env_steps_to_90": _bounds(reached),
        "skills": float(own.skills[:, -1].mean()),
    }
    return row | _against_no_memory(own, name, episodes) | _against_default(last, name, episodes)


def _against_no_memory(own: Episodes, name: str, episodes: Mapping[str, Episodes]) -> dict:
    if name == NO_MEMORY:
        return {"negative_transfer": None, "probability_of_improvement": None}
    count = own.steps.shape[1]
    without = episodes[NO_MEMORY].part(slice(0, count))
    last = slice(max(0, count - LAST), count)
    # Fewer steps are better: the arm without memory goes first.
    scores = _agent_ratios(without.part(last)), _agent_ratios(own.part(last))
    return {
        "negative_transfer": _bounds(bootstrap_interval(own.steps > without.steps, np.mean, seed=BOOTSTRAP_SEED)),
        "probability_of_improvement": _bounds(probability_of_improvement(*scores, seed=BOOTSTRAP_SEED)),
    }


def _against_default(last: Episodes, name: str, episodes: Mapping[str, Episodes]) -> dict:
    """Returns mean differences from the default memory, agent by agent, in the same episodes."""
    default, count = episodes.get(DEFAULT), episodes[name].steps.shape[1]
    if name == DEFAULT or default is None:
        return {"success_less_default": None, "steps_over_optimal_less_default": None}
    other = default.part(slice(max(0, count - LAST), count))
    ratios = last.steps / last.optimal, other.steps / other.optimal
    return {
        "success_less_default": _bounds(paired_difference(last.success, other.success, seed=BOOTSTRAP_SEED)),
        "steps_over_optimal_less_default": _bounds(paired_difference(*ratios, seed=BOOTSTRAP_SEED)),
    }


def _agent_ratios(episodes: Episodes) -> np.ndarray:
    """Returns the mean of steps / optimal steps of each agent, `[A]`."""
    return (episodes.steps / episodes.optimal).mean(axis=1)


def forgetting_row(name: str, own: Episodes, shift_every: int) -> dict:
    """Returns forward transfer and forgetting (points) of an arm on a shifting task, ready for JSON.

    The reference of forward transfer, a fresh agent, is each agent's own first visit to its first layout: its three
    layouts are drawn independently from one distribution, so that only the first is met without anything learned.
    """
    visit = own.success[:, None, :shift_every]
    reference = np.repeat(visit, NUM_SHIFTING, axis=1)
    return {
        "arm": name,
        "episodes": own.success.shape[1],
        "forward_transfer": _bounds(forward_transfer(own.success, reference, seed=BOOTSTRAP_SEED)),
        "forgetting": _bounds(
            forgetting(own.success, shift_every, NUM_SHIFTING, seed=BOOTSTRAP_SEED, num_episodes=min(10, shift_every)),
        ),
    }


def _bounds(interval: Interval) -> dict[str, float | None]:
    return {
        name: value if math.isfinite(value) else None
        for name, value in (("value", interval.value), ("low", interval.low), ("high", interval.high))
    }


def study_tables(identity: Mapping, rows: Sequence[Mapping], transfer: Sequence[Mapping]) -> str:
    """Returns the tables of a study as Markdown.

    Args:
        identity: its name, agents and seed.
        rows: as `study_row` makes them, each with its task's name.
        transfer: as `forgetting_row` makes them, each with its task's name.
    """
    head = [
        f"# Study `{identity['study']}`: {identity['agents']} agents, seed {identity['seed']}",
        "",
        f"Random explorer. Estimate [95% bootstrap interval over agents]; success and steps over optimal of an arm's "
        f"last {LAST} episodes, failures counted at their steps. Worst fifth: 20th percentile over agents of success, "
        "80th of steps over optimal. Agents, layouts and draws are the same in every arm.",
    ]
    tables = [markdown_table(_COLUMNS, map(_cells, rows))]
    if transfer:
        tables.append(markdown_table(_TRANSFER_COLUMNS, map(_transfer_cells, transfer)))
    return "\n\n".join(["\n".join(head), *tables]) + "\n"


def _cells(row: Mapping) -> tuple[str, ...]:
    return (
        row["task"],
        row["arm"],
        f"{row['episodes']:,}",
        _shown(row["success"], 1, 100),
        _shown(row["steps_over_optimal"], 2),
        f"{row['steps_over_optimal_mean']:.2f}; {row['steps_over_optimal_percentile_90']:.2f}",
        _shown(row["env_steps_to_90"], 0),
        _shown(row["negative_transfer"], 1, 100),
        _shown(row["probability_of_improvement"], 3),
        f"{100 * row['success_percentile_20']:.1f}; {row['steps_over_optimal_agents_percentile_80']:.2f}",
        f"{row['skills']:.0f}",
    )


def _transfer_cells(row: Mapping) -> tuple[str, ...]:
    return (
        row["task"],
        row["arm"],
        str(row["episodes"]),
        _shown(row["forward_transfer"], 3),
        _shown(row["forgetting"], 1),
    )


def _shown(bounds: Mapping | None, digits: int, factor: float = 1.0) -> str:
    """Returns "value [low, high]", "never" for what is not reached, a dash for what makes no sense."""
    if bounds is None:
        return "–"
    if bounds["value"] is None:
        return "never"
    value, low, high = (
        "∞" if bounds[name] is None else f"{factor * bounds[name]:,.{digits}f}" for name in ("value", "low", "high")
    )
    return f"{value} [{low}, {high}]"
