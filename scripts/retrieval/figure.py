"""The figure of the study: pools, lies, rates, other kinds of worlds, mechanisms off."""

import pathlib

import numpy as np

from procmem_jax.experiments.storage.files import write_whole
from procmem_jax.figures.axes import new_figure, tidy

# Colours that colour-blind readers tell apart (Okabe & Ito 2008), marks for those who print in black.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7")
_MARKERS = "osD^v"
_DEFAULT = "default"
_LEAST_PRECISION = 75  # %; what keeps its promise more rarely is written at the edge of its panel


def usual_rows(found: dict) -> list[dict]:
    """Returns the rows of the default memory in its own size, of which the rates are told."""
    return [row for row in found["pool"] if (row["arm"], row["capacity"]) == (_DEFAULT, 128)]


def draw(path: pathlib.Path, found: dict) -> None:
    """Writes the figure (PNG) of what the study found."""
    write_whole(path, lambda aside: _draw(aside, found))


def _draw(path: pathlib.Path, found: dict) -> None:
    figure = new_figure(10.5, 7.4)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    upper, lower = figure.subfigures(2, 1, height_ratios=(1.0, 1.25))
    pool, lies, rates = upper.subplots(1, 3)
    kinds, arms, errors = lower.subplots(1, 3)
    _draw_lines(pool, found["pool"], ("world", "arm"), "capacity", "slots of the library")
    pool.set_xscale("log", base=2)
    pool.yaxis.get_major_locator().set_params(steps=[1, 2, 5, 10])
    _ticks(pool, sorted({row["capacity"] for row in found["pool"]}))
    _draw_lines(lies, found["lies"], ("arm",), "lies", "lies in the library at the start")
    lies.set_xscale("symlog", base=2, linthresh=8)
    _ticks(lies, sorted({row["lies"] for row in found["lies"]}))
    _draw_rates(rates, usual_rows(found))
    _draw_dots(kinds, found["kinds"], [f"{row['learned']} → {row['used']}" for row in found["kinds"]])
    _draw_mechanisms(arms, errors, found["arms"])
    titles = (
        "size of the pool",
        "lies in the pool",
        "the rate",
        "other kinds of worlds",
        "mechanisms off",
        "rate's error",
    )
    for letter, axes, title in zip("abcdef", (pool, lies, rates, kinds, arms, errors), titles, strict=True):
        axes.set_title(f"{letter}  {title}", loc="left", fontsize=10, fontweight="bold")
        tidy(axes)
        axes.grid(color="0.9", linewidth=0.6)
        axes.set_axisbelow(True)
    for axes in (pool, lies):
        axes.set_ylabel("uses that keep their promise, %")
    heading = f"mean and 95% interval over {found['agents']} agents, seed {found['seed']}"
    figure.suptitle(f"What skills promise and what they do: {heading}", fontsize=10)
    figure.savefig(path, dpi=150, format="png")


def _ticks(axes, values: list[int]) -> None:
    axes.set_xticks(values, [f"{value}" for value in values])
    axes.minorticks_off()


def _percent(bounds: list) -> np.ndarray:
    """Returns (estimate, low, high) in %; NaN where there is none."""
    return 100 * np.asarray(bounds, np.float64)


def _draw_lines(axes, rows: list[dict], names: tuple[str, ...], along: str, label: str) -> None:
    """Draws precision along a number, a line for each combination of `names`."""
    groups: dict[str, list[dict]] = {}
    for row in rows:
        words = [row[name] for name in names if name == "world" or len(names) == 1 or row[name] != _DEFAULT]
        groups.setdefault(", ".join(words), []).append(row)
    for number, (name, group) in enumerate(groups.items()):
        places = [row[along] for row in group]
        value, low, high = np.transpose([_percent(row["precision"]) for row in group])
        colour = _COLOURS[number]
        axes.fill_between(places, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(places, value, color=colour, marker=_MARKERS[number], markersize=4, linewidth=1.6, label=name)
    axes.set_xlabel(label)
    axes.legend(frameon=False, fontsize=8)


def _draw_rates(axes, rows: list[dict]) -> None:
    """Draws what came of the uses against the rate that was expected of them."""
    axes.plot((0, 100), (0, 100), color="0.6", linewidth=1.0)
    for number, row in enumerate(rows):
        for measure, style in (("counted", "-"), ("kept", ":")):
            bins = row[f"reliability_{measure}"]
            rate = [100 * found["rate"] for found in bins]
            value, low, high = np.transpose([_percent(found["outcome"]) for found in bins])
            kind = {"color": _COLOURS[number], "marker": _MARKERS[number], "markersize": 4}
            axes.fill_between(rate, low, high, color=_COLOURS[number], alpha=0.18, linewidth=0)
            axes.plot(rate, value, linestyle=style, label=f"{row['world']}, {measure}", **kind)
    axes.set(xlabel="expected success rate, %", ylabel="outcome, %", xlim=(0, 102), ylim=(0, 102))
    axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.03, 0.0))


def _draw_dots(axes, rows: list[dict], names: list[str]) -> None:
    """Draws precision and success, a line of the panel for each row."""
    for number, (measure, label) in enumerate((("precision", "uses that keep their promise"), ("success", "success"))):
        _draw_intervals(axes, [row[measure] for row in rows], number, label)
    axes.set_xlabel("%")
    _name_lines(axes, names)


def _draw_intervals(axes, bounds: list, number: int, label: str) -> None:
    values = np.asarray([_percent(row) for row in bounds])
    places = np.arange(len(bounds)) + 0.16 * (2 * number - 1)
    arms = np.maximum([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0.0)
    axes.errorbar(
        values[:, 0], places, xerr=arms, fmt=_MARKERS[number], color=_COLOURS[number], markersize=4, label=label
    )


def _name_lines(axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.4, -0.13), ncols=2)


def _draw_mechanisms(left, right, rows: list[dict]) -> None:
    """Draws the precision in two worlds, and beside it the errors of the rate."""
    pairs = ([row["precision"] for row in rows], [row["elsewhere"]["precision"] for row in rows])
    for number, (bounds, label) in enumerate(zip(pairs, ("where learned", "in a larger world"), strict=True)):
        _draw_intervals(left, bounds, number, label)
    for place, values in enumerate(np.asarray(pairs, np.float64)[:, :, 0].T):
        if values.max() < _LEAST_PRECISION / 100:
            words = " and ".join(f"{100 * value:.1f}" for value in values)
            left.text(_LEAST_PRECISION + 0.5, place, f"← {words}", va="center", fontsize=8, color="0.3")
    for number, measure in enumerate(("counted", "kept")):
        _draw_intervals(right, [row[f"error_{measure}"] for row in rows], number, measure)
    left.set_xlim(_LEAST_PRECISION, 101)
    left.set_xlabel("uses that keep their promise, %")
    right.set_xlabel("expected calibration error, points")
    for axes in (left, right):
        _name_lines(axes, [row["arm"] for row in rows])
    right.set_yticks(range(len(rows)), [""] * len(rows))
