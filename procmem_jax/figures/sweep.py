"""A sweep: what every setting came to, over at most two swept settings in a panel."""

import dataclasses
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from procmem_jax.experiments.runs.stored import CONFIG_FILE, SWEEP, TABLE_FILE, open_finished
from procmem_jax.experiments.storage.files import expecting_fields, write_whole
from procmem_jax.experiments.storage.parquet import read_table
from procmem_jax.figures.axes import are_factors_apart, legend_below, new_figure, plain_ticks, tidy

FIGURE_FILE = "sweep.png"
_PANELS = {
    "success": "success, last episodes",
    "episode_return": "return, last episodes",
    "steps_over_optimal": "steps / fewest possible",
    "steps": "steps, last episodes",
}
_MOST_LINES = 6
_MOST_JOINED = 12  # values along a line; more are points with their intervals
_MOST_PANELS = 6  # side by side, one for every combination of further settings
_MOST_COLUMNS = 4  # of panels with one swept setting each
_MOST_TEXTS = 100  # cells of a map with numbers in them
_MOST_TICKS = 12
_MARKERS = "osD^vP"
_DECADES = 1000.0  # from lowest to highest, beyond which a logarithmic axis has room for powers of ten only
_CLOSEST = 0.14  # of an axis, between ticks at the values
_GOLDEN = 0.618  # a step that scatters points evenly


def plot_sweep(folder: pathlib.Path, path: pathlib.Path | None = None) -> pathlib.Path:
    """Returns the path of the figure of a finished sweep, drawn from its summary.

    Above success (returns where there is none), below steps over the fewest possible, or steps where these are unknown:
    interquartile means over runs, with 95% intervals where there is room. One swept setting is drawn as a line, two as
    lines or, with more than six of them, as a heat map; two that were drawn at random as coloured points. Every
    combination of further settings has a panel of its own or, where that makes more than six, every swept setting has.
    Numbers lie on a logarithmic axis where that spreads them more evenly.

    Args:
        folder: of the sweep.
        path: of the PNG file; by default `sweep.png` in the folder.

    Raises:
        ValueError: the folder holds no finished sweep, or one of its files cannot be read.
    """
    config = open_finished(folder, [TABLE_FILE], SWEEP)
    with expecting_fields(folder / CONFIG_FILE):
        swept, num_settings = list(config["swept"]), len(config["settings"])
        what = f"{config['task']}, preset {config['preset']}: {num_settings} settings x {config['seeds']} seeds"
        title = f"{what} x {config['episodes']} episodes, seed {config['seed']}"
    table = _read_summary(folder / TABLE_FILE, swept)
    path = folder / FIGURE_FILE if path is None else path
    write_whole(path, lambda aside: _draw(aside, title, _Table(table, tuple(swept))))
    return path


def _read_summary(path: pathlib.Path, swept: Sequence[str]) -> dict[str, list]:
    columns = [*swept, "setting", *(f"{score}_{end}" for score in _PANELS for end in ("iqm", "low", "high"))]
    try:
        return read_table(path, columns=columns).to_pydict()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read as the summary of a sweep ({error})") from None


@dataclasses.dataclass(frozen=True)
class _Table:
    """The summary of a sweep, a column each of the swept names and the scores."""

    columns: dict[str, list]
    swept: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.columns["setting"])

    def distinct(self, name: str) -> list:
        return sorted(set(self.columns[name]))

    def is_numeric(self, name: str) -> bool:
        return all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.columns[name])

    def score(self, name: str) -> np.ndarray:
        """Returns `[3, settings]` float64: the interquartile mean and the ends of its interval."""
        return np.asarray([self.columns[f"{name}_{end}"] for end in ("iqm", "low", "high")], np.float64)

    def places(self, name: str) -> np.ndarray:
        """Returns where the values stand on an axis: numbers where they are, other values one after another."""
        if self.is_numeric(name):
            return np.asarray(self.columns[name], np.float64)
        order = self.distinct(name)
        return np.asarray([order.index(value) for value in self.columns[name]], np.float64)

    def is_full_grid(self, names: Sequence[str]) -> bool:
        """Returns whether every value of each name meets every value of the others."""
        return len(set(zip(*(self.columns[name] for name in names), strict=True))) == math.prod(
            len(self.distinct(name)) for name in names
        )

    def split(self, names: Sequence[str]) -> "dict[str, _Table]":
        """Returns the rows of every combination of values of `names`, by its words."""
        found: dict[tuple, list[int]] = {}
        for row in range(len(self)):
            found.setdefault(tuple(self.columns[name][row] for name in names), []).append(row)
        parts = {}
        for values, rows in sorted(found.items()):
            words = ", ".join(f"{name} = {_text(value)}" for name, value in zip(names, values, strict=True))
            parts[words] = _Table(
                {name: [column[i] for i in rows] for name, column in self.columns.items()}, self.swept
            )
        return parts


def _draw(path: pathlib.Path, title: str, table: _Table) -> None:
    scores = tuple(
        other if np.isnan(table.score(name)).any() else name
        for name, other in (("success", "episode_return"), ("steps_over_optimal", "steps"))
    )
    names = sorted(table.swept, key=lambda name: (not table.is_numeric(name), -len(table.distinct(name))))
    parts, within = table.split(names[2:]), names[:2] or ["setting"]
    is_grid = all(part.is_full_grid(within) for part in parts.values())
    if len(parts) > _MOST_PANELS or not (is_grid or all(map(table.is_numeric, within))):
        figure, bounds = _draw_each(table, scores)
    elif is_grid and (len(within) == 1 or len(table.distinct(within[1])) <= _MOST_LINES):
        figure, bounds = _draw_lines(table, parts, within, scores)
    else:
        figure, bounds = _draw_coloured(table, parts, within, scores, is_grid)
    figure.suptitle(f"{title}\ninterquartile means over seeds{bounds}", fontsize=10)
    figure.savefig(path, dpi=150, format="png")


def _draw_lines(table: _Table, parts: dict[str, _Table], within: Sequence[str], scores: Sequence[str]):
    """Draws the first name of `within` along the axis, a line for each value of the second."""
    along, apart = within[0], within[1:]
    figure = new_figure(max(6.0, 3.2 * len(parts)), 6.5)
    panels = figure.subplots(2, len(parts), squeeze=False, sharey="row")
    joined = table.is_numeric(along) and 1 < len(table.distinct(along)) <= _MOST_JOINED
    groups = list(table.split(apart))
    colours = _colour_map("success")(np.linspace(0.0, 0.78, len(groups)))
    for row, score in zip(panels, scores, strict=True):
        for axes, (words, part) in zip(row, parts.items(), strict=True):
            for label, group in part.split(apart).items():
                number = groups.index(label)
                style = {"color": colours[number], "marker": _MARKERS[number], "markersize": 4, "label": label}
                _draw_line(axes, group, along, score, joined, style)
            axes.set_title(words, fontsize=9)
            _set_axis(axes.xaxis, table, along)
        _set_score(row, score)
    if apart:
        legend_below(figure, *panels[0, 0].get_legend_handles_labels(), columns=min(3, len(groups)))
    return figure, "; bands: 95% intervals" if joined else "; bars: 95% intervals"


def _draw_line(axes, group: _Table, along: str, score: str, joined: bool, style: dict) -> None:
    order = np.argsort(group.places(along), kind="stable")
    places, (value, low, high) = group.places(along)[order], group.score(score)[:, order]
    if joined:
        axes.fill_between(places, low, high, color=style["color"], alpha=0.18, linewidth=0)
        axes.plot(places, value, linewidth=1.5, **style)
    else:
        axes.errorbar(places, value, _arms(value, low, high), linestyle="", elinewidth=0.8, **style)


def _draw_coloured(table: _Table, parts: dict[str, _Table], within: Sequence[str], scores: Sequence[str], grid: bool):
    """Draws scores as colours over two names: cells of a full grid, points of settings drawn at random."""
    across, upward = within
    texts = grid and len(table) <= _MOST_TEXTS
    wide, high = (len(table.distinct(name)) for name in within)
    figure = new_figure(
        1.2 + max(4.8, len(parts) * max(3.0, 0.68 * wide * texts)), 0.6 + 2 * max(2.9, 0.36 * high * texts)
    )
    panels = figure.subplots(2, len(parts), squeeze=False, sharex=True, sharey=True)
    for row, score in zip(panels, scores, strict=True):
        known = table.score(score)[0]
        top = 1.0 if score == "success" else np.nanmax(known)
        scale = {"cmap": _colour_map(score), "vmin": min(np.nanmin(known), 0.9 * top), "vmax": top}
        for axes, (words, part) in zip(row, parts.items(), strict=True):
            if grid:
                image = _draw_map(axes, table, part, within, score, scale, texts)
            else:
                places = [part.places(name) for name in within]
                image = axes.scatter(
                    *places,
                    c=part.score(score)[0],
                    s=36 if len(part) <= 100 else 10,
                    edgecolors="0.2",
                    linewidths=0.4,
                    **scale,
                )
                _set_axis(axes.xaxis, table, across)
                _set_axis(axes.yaxis, table, upward)
            axes.set_title(words, fontsize=9)
            axes.tick_params(labelsize=8, labelbottom=True)
        bar = figure.colorbar(image, ax=list(row), format=_percent(score))
        bar.set_label(_PANELS[score], fontsize=9)
        bar.ax.tick_params(labelsize=8)
    for axes in panels.flat:
        axes.set_xlabel(across, fontsize=9)
        axes.set_ylabel(upward if axes in panels[:, 0] else "", fontsize=9)
    return figure, "; in brackets: 95% intervals" if texts else ""


def _draw_map(axes, table: _Table, part: _Table, within: Sequence[str], score: str, scale: dict, texts: bool):
    columns, rows = (table.distinct(name) for name in within)
    cells = np.full((len(rows), len(columns)), np.nan)
    places = [(rows.index(y), columns.index(x)) for x, y in zip(*(part.columns[name] for name in within), strict=True)]
    cells[tuple(np.transpose(places))] = part.score(score)[0]
    image = axes.imshow(cells, origin="lower", aspect="auto", **scale)
    factor = 100.0 if score == "success" else 1.0
    for (row, column), (value, low, high) in zip(places, factor * part.score(score).T, strict=True) if texts else ():
        red, green, blue, _ = image.cmap(image.norm(cells[row, column]))
        shade = "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.42 else "white"
        text = f"{value:.3g}{'%' * (score == 'success')}\n[{low:.3g}, {high:.3g}]"
        axes.text(column, row, text, ha="center", va="center", fontsize=6.5, color=shade)
    for axis, values in ((axes.xaxis, columns), (axes.yaxis, rows)):
        step = -(-len(values) // _MOST_TICKS)
        axis.set_ticks(range(0, len(values), step), [_text(value) for value in values[::step]])
    return image


def _draw_each(table: _Table, scores: Sequence[str]):
    """Draws every swept name in a panel of its own, with a point for every setting of the sweep."""
    blocks = -(-len(table.swept) // _MOST_COLUMNS)
    columns = -(-len(table.swept) // blocks)
    figure = new_figure(max(6.0, 2.9 * columns), 0.6 + 4.8 * blocks)
    panels = figure.subplots(2 * blocks, columns, squeeze=False)
    for number, score in enumerate(scores):
        rows = list(panels[number::2].flat)
        for axes, name in zip(rows, table.swept, strict=False):
            value, *ends = table.score(score)
            aside = 0.0 if table.is_numeric(name) else (np.arange(len(table)) * _GOLDEN) % 1.0 * 0.5 - 0.25
            axes.errorbar(table.places(name) + aside, value, _arms(value, *ends), fmt="o", color="#0072B2",
                          markersize=3, elinewidth=0.6, alpha=0.6)  # fmt: skip
            axes.sharey(rows[0]) if axes is not rows[0] else None
            _set_axis(axes.xaxis, table, name)
        for axes in rows[len(table.swept) :]:
            axes.set_axis_off()
        for block in range(blocks):
            _set_score(panels[number + 2 * block], score)
    return figure, "; bars: 95% intervals"


def _set_score(row: Sequence, score: str) -> None:
    """Labels the axes of a score in a row of panels; rates end at 100%."""
    row[0].set_ylabel(_PANELS[score])
    for axes in row:
        tidy(axes)
        if score == "success":
            low, high = axes.get_ylim()
            axes.set_ylim(max(low, -0.02), min(high, 1.02))
            axes.yaxis.set_major_formatter(_percent(score))


def _percent(score: str):
    return (lambda value, _: f"{100 * value:.4g}%") if score == "success" else None


def _colour_map(score: str):
    """Returns one whose bright end is the better one, and which is as good in grey."""
    import matplotlib

    return matplotlib.colormaps["viridis" if score in ("success", "episode_return") else "viridis_r"]


def _set_axis(axis, table: _Table, name: str) -> None:
    """Names an axis, chooses its scale, and puts ticks at the swept values where these are few and not too close."""
    values = table.distinct(name)
    axis.axes.set(**{f"{axis.axis_name}label": name})
    if not table.is_numeric(name):
        axis.axes.set(**{f"{axis.axis_name}lim": (-0.5, len(values) - 0.5)})
        axis.set_ticks(range(len(values)), [_text(value) for value in values])
        return
    by_factors = are_factors_apart(values)
    if by_factors:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        plain_ticks(axis, (1.0, 2.0, 5.0) if values[-1] < _DECADES * values[0] else (1.0,))
    places = np.log(values) if by_factors else np.asarray(values, np.float64)
    if name == "setting":
        axis.set_ticks([])
    elif len(values) == 1 or np.diff(places).min() >= _CLOSEST * np.ptp(places):
        axis.set_ticks(values, [_text(value) for value in values], minor=False)
        axis.minorticks_off()


def _arms(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.maximum([value - low, high - value], 0.0)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
