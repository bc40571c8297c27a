"""A sweep: what every setting came to, over one or two swept settings or over each of many."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from procmem_jax.experiments.runs.stored import CONFIG_FILE, SWEEP, TABLE_FILE, open_finished
from procmem_jax.experiments.storage.files import expecting_fields, write_whole

FIGURE_FILE = "sweep.png"
_PANELS = {
    "success": "success, last episodes",
    "steps_over_optimal": "steps / fewest possible",
    "steps": "steps, last episodes",
}
_MOST_LINES = 6
_MOST_COLUMNS = 5
_LOG_RATIO = 50.0  # values spread wider than this are drawn on a logarithmic axis


def plot_sweep(folder: pathlib.Path, path: pathlib.Path | None = None) -> pathlib.Path:
    """Returns the path of the figure of a finished sweep, drawn from its summary.

    Upper row: success; lower row: steps over the fewest possible, or steps where these are unknown; interquartile means
    over runs with 95% intervals. One swept setting is drawn as a line, two as lines or, with more than six of them, as
    a heat map; with more swept settings every setting of the sweep is a point over each of them.

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
    write_whole(path, lambda aside: _draw(aside, title, table, swept))
    return path


def _read_summary(path: pathlib.Path, swept: Sequence[str]) -> dict[str, list]:
    columns = [*swept, "setting", *(f"{score}_{end}" for score in _PANELS for end in ("iqm", "low", "high"))]
    try:
        return pyarrow.parquet.read_table(path, columns=columns).to_pydict()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read as the summary of a sweep ({error})") from None


def _draw(path: pathlib.Path, title: str, table: dict[str, list], swept: Sequence[str]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = [*swept, "setting"][:1] if len(swept) <= 2 else swept[:_MOST_COLUMNS]
    figure = Figure(figsize=(max(6.0, 3.2 * len(across)), 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    lower = "steps" if np.isnan(table["steps_over_optimal_iqm"]).any() else "steps_over_optimal"
    panels = figure.subplots(2, len(across), squeeze=False, sharex=False)
    for row, score in zip(panels, ("success", lower), strict=True):
        label = _PANELS[score]
        if len(swept) == 2 and _num_values(table, swept) > _MOST_LINES:
            _draw_map(figure, row[0], table, swept, score, label)
        elif len(swept) == 2:
            _draw_lines(row[0], table, *_lines_first(table, swept), score)
        elif len(swept) > 2:
            for axes, name in zip(row, across, strict=True):
                _draw_points(axes, table, name, score)
        else:
            _draw_lines(row[0], table, across[0], None, score)
        if len(swept) != 2 or _num_values(table, swept) <= _MOST_LINES:
            row[0].set_ylabel(label)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=150, format="png")


def _num_values(table: dict[str, list], swept: Sequence[str]) -> int:
    return min(len(set(table[name])) for name in swept)


def _lines_first(table: dict[str, list], swept: Sequence[str]) -> tuple[str, str]:
    """Returns the two swept names: the one along the axis, the one that tells lines apart."""
    along = max(swept, key=lambda name: (_is_number(table[name][0]), len(set(table[name]))))
    return along, next(name for name in swept if name != along)


def _draw_lines(axes, table: dict[str, list], along: str, apart: str | None, score: str) -> None:
    groups = [None] if apart is None else _distinct(table[apart])
    for number, group in enumerate(groups):
        rows = [i for i in range(len(table[along])) if apart is None or table[apart][i] == group]
        rows.sort(key=lambda i: table[along][i])
        places = _places(table[along], [table[along][i] for i in rows])
        value, low, high = (np.asarray(table[f"{score}_{end}"], float)[rows] for end in ("iqm", "low", "high"))
        label = None if apart is None else f"{apart} = {_text(group)}"
        colour = f"C{number}"
        if _is_number(table[along][0]) and len(rows) > 1:
            axes.fill_between(places, low, high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(places, value, "o-", color=colour, markersize=4, linewidth=1.5, label=label)
        else:
            axes.errorbar(places, value, _arms(value, low, high), fmt="o", color=colour, capsize=3, label=label)
    _label_axis(axes, table[along], along)
    if apart is not None:
        axes.legend(frameon=False, fontsize=8)


def _draw_points(axes, table: dict[str, list], name: str, score: str) -> None:
    value, low, high = (np.asarray(table[f"{score}_{end}"], float) for end in ("iqm", "low", "high"))
    style = {"fmt": "o", "color": "C0", "markersize": 3, "elinewidth": 0.6, "alpha": 0.6}
    axes.errorbar(_places(table[name], table[name]), value, _arms(value, low, high), **style)
    _label_axis(axes, table[name], name)


def _draw_map(figure, axes, table: dict[str, list], swept: Sequence[str], score: str, label: str) -> None:
    across, upward = swept
    columns, rows = _distinct(table[across]), _distinct(table[upward])
    cells, texts = np.full((len(rows), len(columns)), np.nan), {}
    ends = (table[f"{score}_{end}"] for end in ("iqm", "low", "high"))
    for x, y, value, low, high in zip(table[across], table[upward], *ends, strict=True):
        place = rows.index(y), columns.index(x)
        cells[place] = value
        texts[place] = f"{value:.3g}\n[{low:.3g}, {high:.3g}]"
    image = axes.imshow(cells, origin="lower", aspect="auto", cmap="viridis")
    for (row, column), text in texts.items() if len(texts) <= 100 else ():
        shade = "white" if image.norm(cells[row, column]) < 0.6 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=5, color=shade)
    axes.set_xticks(range(len(columns)), [_text(value) for value in columns], fontsize=7)
    axes.set_yticks(range(len(rows)), [_text(value) for value in rows], fontsize=7)
    axes.set(xlabel=across, ylabel=upward)
    figure.colorbar(image, ax=axes, label=label)


def _distinct(values: Sequence[Any]) -> list:
    return sorted(set(values))


def _places(every: Sequence[Any], values: Sequence[Any]) -> list[float]:
    """Returns where values stand on the axis: numbers where they are, other values one after another."""
    if _is_number(every[0]):
        return [float(value) for value in values]
    order = _distinct(every)
    return [float(order.index(value)) for value in values]


def _arms(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.maximum([value - low, high - value], 0.0)


def _label_axis(axes, values: Sequence[Any], name: str) -> None:
    axes.set_xlabel(name)
    axes.spines[["top", "right"]].set_visible(False)
    if not _is_number(values[0]):
        order = _distinct(values)
        axes.set_xticks(range(len(order)), [_text(value) for value in order])
    elif name == "setting":
        axes.set_xticks([])
    elif min(values) > 0 and max(values) / min(values) >= _LOG_RATIO:
        axes.set_xscale("log")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
