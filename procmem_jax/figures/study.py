"""The figures of a study: learning curves over environment steps, the performance profile, the ablation."""

import dataclasses
import pathlib

import numpy as np

from procmem_jax.experiments.statistics.intervals import mean_interval, performance_profile, proportion_interval
from procmem_jax.experiments.storage.files import expecting_fields, write_whole
from procmem_jax.experiments.storage.parquet import read_table
from procmem_jax.experiments.study.arms import ABLATIONS, DEFAULT, MAIN_ARMS, ORACLE
from procmem_jax.experiments.study.report import LAST
from procmem_jax.experiments.study.study import ROWS_FILE, STUDY_EPISODES_FILE, read_study
from procmem_jax.figures.axes import new_figure, plain_ticks, tidy

CURVES_FIGURE = "learning_curves.png"
PROFILE_FIGURE = "profile.png"
ABLATION_FIGURE = "ablation-{}.png"
_BINS = 28  # of a curve, as wide as its episodes on a logarithmic axis
_FAILURE = 50.0  # points of success below the default memory's: such arms are written, not drawn to scale
# Colours that colour-blind readers tell apart (Okabe & Ito 2008), dashes for those who print in black.
_STYLES = {
    "no memory": ("#7f7f7f", "-"),
    "random retrieval": ("#E69F00", (0, (1, 1))),
    "tutorial memory": ("#D55E00", (0, (5, 2))),
    "default": ("#0072B2", "-"),
    "capacity 64": ("#56B4E9", (0, (4, 1, 1, 1))),
    "Q-learning": ("#009E73", (0, (3, 1))),
    "oracle": ("black", (0, (1, 2))),
}


@dataclasses.dataclass(frozen=True)
class _Run:
    """An arm on a task; `[A, E]` each: environment steps so far, success, steps over optimal."""

    env_steps: np.ndarray
    success: np.ndarray
    ratio: np.ndarray


def plot_study(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the paths of the figures of a study, drawn from its files.

    Learning curves and the profile of the main arms on all tasks; for each task on which mechanisms were switched off,
    the ablation.

    Raises:
        ValueError: the folder holds no finished study, or one of its files cannot be read.
    """
    stored = read_study(folder, [STUDY_EPISODES_FILE])
    if not (folder / STUDY_EPISODES_FILE).exists():
        raise ValueError(f"{folder} holds no finished study ({STUDY_EPISODES_FILE} is missing); give the folder of one")
    with expecting_fields(folder / ROWS_FILE):
        rows, num_agents = stored["rows"], stored["agents"]
        heading = f"{num_agents} agents, seed {stored['seed']}"
        tasks: dict[str, dict[str, dict]] = {}
        for row in rows:
            tasks.setdefault(row["task"], {})[row["arm"]] = row
    runs = {
        task: {name: _read_run(folder, task, name, num_agents) for name in MAIN_ARMS if name in arms}
        for task, arms in tasks.items()
    }
    figures = [folder / CURVES_FIGURE, folder / PROFILE_FIGURE]
    write_whole(figures[0], lambda aside: _draw_curves(aside, runs, heading))
    write_whole(figures[1], lambda aside: _draw_profiles(aside, runs, heading))
    for task, arms in tasks.items():
        if any(name in arms for name in ABLATIONS):
            path = folder / ABLATION_FIGURE.format(task.replace(",", "").replace(" ", "-"))
            write_whole(path, lambda aside, task=task, arms=arms: _draw_ablation(aside, task, arms, heading))
            figures.append(path)
    return figures


def _read_run(folder: pathlib.Path, task: str, arm: str, num_agents: int) -> _Run:
    path = folder / STUDY_EPISODES_FILE
    try:
        table = read_table(
            path,
            columns=["env_steps", "success", "steps", "optimal_steps"],
            filters=[("task", "==", task), ("arm", "==", arm)],
        )
        env_steps, success, steps, optimal = (column.to_numpy().reshape(num_agents, -1) for column in table.columns)
        return _Run(env_steps, success, steps / optimal)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as the episodes of a study ({error})") from None


def _legend(figure, panels, title: str) -> None:
    """Names every arm once, above the panels and below the title."""
    found = {}
    for axes in panels:
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, line)
    names = [name for name in MAIN_ARMS if name in found]
    figure.legend(
        [found[name] for name in names], names, loc="outside upper center", frameon=False, fontsize=9, handlelength=2.8,
        ncols=len(names) if len(names) <= 3 else -(-len(names) // 2), title=title, title_fontsize=10,
    )  # fmt: skip


def _weight(arm: str) -> dict[str, float]:
    """Returns how a line is drawn: the default memory's broad, and what may lie on it on top."""
    if arm == DEFAULT:
        return {"linewidth": 2.6, "zorder": 3.0}
    return {"linewidth": 1.4, "zorder": 4.0 if arm == "capacity 64" else 2.0}


def _draw_curves(path: pathlib.Path, runs: dict[str, dict[str, _Run]], heading: str) -> None:
    figure = new_figure(8.0, 0.9 + 2.3 * len(runs))
    panels = figure.subplots(len(runs), 2, squeeze=False)
    for row, (task, arms) in zip(panels, runs.items(), strict=True):
        for name, run in arms.items():
            edges = np.unique(np.geomspace(1, run.success.shape[1] + 1, _BINS).round().astype(int)) - 1
            places = np.add.reduceat(run.env_steps.mean(axis=0), edges[:-1]) / np.diff(edges)
            colour, dashes = _STYLES[name]
            for axes, values, top in zip(row, (100.0 * run.success, run.ratio), (100.0, np.inf), strict=True):
                binned = np.add.reduceat(values, edges[:-1], axis=1) / np.diff(edges)
                mean, low, high = mean_interval(binned)
                axes.fill_between(places, np.maximum(low, 0), np.minimum(high, top), color=colour, alpha=0.2, lw=0)
                axes.plot(places, mean, color=colour, linestyle=dashes, label=name, **_weight(name))
        slowest = min(run.env_steps[:, 0].mean() for name, run in arms.items() if name != ORACLE or len(arms) == 1)
        row[0].set(ylabel="success, %", ylim=(-3, 103))
        row[0].set_title(task, loc="left", fontsize=10, fontweight="bold")
        row[1].set(ylabel="steps / optimal", yscale="log")
        row[1].set_ylim(bottom=0.95)
        for axes in row:
            axes.set_xscale("log")
            axes.set_xlim(left=0.8 * slowest)
            plain_ticks(axes.xaxis, (1.0,))
            tidy(axes)
        plain_ticks(row[1].yaxis)
    for axes in panels[-1]:
        axes.set_xlabel("environment steps of an agent")
    _legend(figure, panels.flat, f"Mean over agents and its 95% interval; {heading}")
    figure.savefig(path, dpi=150, format="png")


def _draw_profiles(path: pathlib.Path, runs: dict[str, dict[str, _Run]], heading: str) -> None:
    columns = min(3, len(runs))
    lines = -(-len(runs) // columns)
    figure = new_figure(1.2 + 2.9 * columns, 1.0 + 2.4 * lines)
    panels = list(figure.subplots(lines, columns, squeeze=False, sharey=True).flat)
    for axes, (task, arms) in zip(panels, runs.items(), strict=False):
        scores = {name: run.ratio[:, -LAST:].mean(axis=1) for name, run in arms.items()}
        thresholds = np.geomspace(1.0, 1.05 * max(values.max() for values in scores.values()), 300)
        for name, values in scores.items():
            colour, dashes = _STYLES[name]
            within = 100 * (1 - performance_profile(values, thresholds))
            _, low, high = (100 * bound for bound in proportion_interval(values[:, None] <= thresholds))
            moving = (within > 0) & (within < 100)  # elsewhere the bands of all arms would lie over each other
            axes.fill_between(thresholds, low, high, where=moving, color=colour, alpha=0.15, lw=0)
            axes.plot(thresholds, within, color=colour, linestyle=dashes, label=name, **_weight(name))
        axes.set_title(task, loc="left", fontsize=10, fontweight="bold")
        axes.set(xscale="log", ylim=(-3, 103))
        axes.set_xlim(left=0.97)
        plain_ticks(axes.xaxis)
        tidy(axes)
    for axes in panels[len(runs) :]:
        axes.set_axis_off()
    figure.supxlabel(f"steps / optimal, mean of an agent's last {LAST} episodes", fontsize=9)
    figure.supylabel("agents at or below it, %", fontsize=9)
    _legend(figure, panels, f"Performance profile with 95% bands; {heading}")
    figure.savefig(path, dpi=150, format="png")


def _draw_ablation(path: pathlib.Path, task: str, arms: dict[str, dict], heading: str) -> None:
    names = [name for name in (*ABLATIONS, "capacity 64", "random retrieval") if name in arms]
    figure = new_figure(9.0, 1.3 + 0.24 * len(names))
    figure.get_layout_engine().set(w_pad=0.1)
    panels = figure.subplots(1, 3, sharey=True)
    columns = (
        ("success_less_default", "success less default's, points", 100.0, _FAILURE),
        ("steps_over_optimal_less_default", "mean steps / optimal less default's", 1.0, _FAILURE),
        ("env_steps_to_90", "environment steps to 90% success", 1.0, np.inf),
    )
    for axes, (key, label, factor, limit) in zip(panels, columns, strict=True):
        for place, name in enumerate(names):
            bounds = arms[name].get(key) or {"value": None}
            failed = 100 * abs((arms[name].get("success_less_default") or {"value": 0.0})["value"]) > limit
            if bounds["value"] is None:
                _write_beside(axes, place, "never")
            elif failed:
                _write_beside(axes, place, factor * bounds["value"])
            else:
                _draw_interval(axes, place, *(bounds[end] for end in ("value", "low", "high")), factor)
        axes.set_xlabel(label)
        tidy(axes)
        axes.grid(axis="x", color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
    for axes, span in zip(panels[:2], (1.0, 0.1), strict=True):
        axes.axvline(0.0, color="0.4", linewidth=1.0, zorder=1)
        left, right = axes.get_xlim()
        axes.set_xlim(min(left, -span), max(right, span))  # what is smaller makes no difference
    _draw_reference(panels[2], arms[DEFAULT]["env_steps_to_90"])
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(
        f"{task}: the default memory with one mechanism off, against all of them (line); 95% intervals, {heading}",
        fontsize=10,
    )
    figure.savefig(path, dpi=150, format="png")


def _draw_interval(axes, place: int, value: float, low: float, high: float | None, factor: float) -> None:
    """Draws an estimate with its interval; an arrow where the interval has no end."""
    end = value if high is None else high
    axes.plot([factor * low, factor * end], [place, place], color="#0072B2", linewidth=2.0)
    axes.plot(factor * value, place, "o" if high is not None else ">", color="#0072B2", markersize=4.5)


def _write_beside(axes, place: int, what: float | str) -> None:
    """Writes what lies far outside a panel at its side: negative numbers at the left, all else at the right."""
    text = what if isinstance(what, str) else f"{what:+.3g}".replace("-", "\N{MINUS SIGN}")
    left = text.startswith("\N{MINUS SIGN}")
    axes.text(
        0.02 if left else 0.99, place, text, transform=axes.get_yaxis_transform(), ha="left" if left else "right",
        va="center", fontsize=8, color="0.3",
    )  # fmt: skip


def _draw_reference(axes, reached: dict) -> None:
    """Draws the default memory's own interval, and sets a logarithmic axis between round numbers."""
    if reached["value"] is not None:
        axes.axvline(reached["value"], color="0.4", linewidth=1.0, zorder=1)
        axes.axvspan(reached["low"], reached["high"] or reached["value"], color="0.85", linewidth=0, zorder=0)
    axes.set_xscale("log")
    left, right = axes.get_xlim()
    ticks = np.outer(10.0 ** np.arange(-1, 9), (1, 2, 5)).reshape(-1)
    axes.set_xlim(ticks[ticks <= left].max(initial=ticks[0]), ticks[ticks >= right].min(initial=ticks[-1]))
    plain_ticks(axes.xaxis)
