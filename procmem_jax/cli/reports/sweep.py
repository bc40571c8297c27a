"""What is told of a sweep: beforehand what it would cost, afterwards which settings were best."""

import pathlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from procmem_jax.cli.reports.progress import duration, warn
from procmem_jax.experiments.statistics.intervals import paired_difference
from procmem_jax.experiments.sweeps.plan import SweepPlan
from procmem_jax.experiments.sweeps.summary import best_first, known_score, read_summary
from procmem_jax.experiments.text_tables import aligned_table

_GIB = 2**30
_SHOWN = 10


def plan_lines(plan: SweepPlan) -> list[str]:
    """Returns the plan as lines of text."""
    running = f"{duration(plan.fewest_seconds)} if every episode took its shortest path"
    return [
        f"{plan.runs:,} runs: {plan.settings:,} settings x {plan.runs // plan.settings:,} seeds",
        f"{plan.programs:,} compiled programs, about {plan.compile_seconds:.0f} s each",
        f"{plan.lanes:,} runs at once, {plan.steps_per_second:,.0f} agent steps/s in a trial of the first setting",
        f"{plan.device_bytes / _GIB:.2f} GiB for them, {plan.host_bytes / _GIB:.2f} GiB for results on their way",
        f"Expected time: {running}, {duration(plan.most_seconds)} if none ended before its limit; compilation apart",
    ]


def read_with_warning(path: pathlib.Path) -> pa.Table:
    """Returns the summary of a sweep; warns of settings whose runs returned what has no mean.

    Raises:
        ValueError: the file cannot be read.
    """
    summary = read_summary(path)
    count = np.count_nonzero(np.isnan(summary["episode_return_iqm"].to_numpy()))
    if count:
        where = f"episode_return is infinite or NaN in runs of {count:,} of {len(summary):,} settings"
        warn(f"{where}: no interquartile mean is known of them, null in JSON")
    return summary


def best_settings(summary: pa.Table, runs: pa.Table) -> str:
    """Returns a table of the best ten settings as text, and whether the best is distinguishable from the second.

    They are ranked by the interquartile mean. Best and second are compared agent by agent, since equal agents met equal
    layouts: distinguishable if the 95% bootstrap interval of the mean difference leaves out 0.
    """
    score, rows = known_score(summary), best_first(summary)
    names = summary.column_names[: summary.column_names.index("setting")]
    lines = [[*names, "success", "steps", "steps/optimal", "return"]]
    for row in rows[:_SHOWN]:
        scores = (("success", 3), ("steps", 1), ("steps_over_optimal", 3), ("episode_return", 2))
        lines.append([*(_short(row[name]) for name in names), *(_with_bounds(row, *which) for which in scores)])
    text = aligned_table(lines, ">" * len(lines[0]))
    head = f"Best {min(len(rows), _SHOWN)} of {len(rows)} settings by {score}: IQM over runs of the last episodes [95%]"
    return f"{head}\n{text}" + (f"\n{_compare(rows[:2], runs, score)}" if len(rows) > 1 else "")


def _compare(best: Sequence[dict], runs: pa.Table, score: str) -> str:
    number, values = runs["setting"].to_numpy(), runs[score].to_numpy()
    first, second = (values[number == row["setting"]] for row in best)
    difference = paired_difference(first, second, seed=0)
    apart = "is" if difference.low > 0 or difference.high < 0 else "is not"
    bounds = f"[{difference.low:.3g}, {difference.high:.3g}]"
    return f"The best {apart} distinguishable from the second: mean difference {difference.value:.3g} {bounds}"


def _short(value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _with_bounds(row: dict, score: str, digits: int) -> str:
    value, low, high = (row[f"{score}_{end}"] for end in ("iqm", "low", "high"))
    return "unknown" if np.isnan(value) else f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
