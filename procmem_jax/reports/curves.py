"""Learning curves over environment steps as pictures in the page, with the numbers for pointer, keyboard and reader."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from procmem_jax.experiments.statistics.headline import bounds_words, over_agents
from procmem_jax.reports.html import Html, element, joined, table
from procmem_jax.reports.runs import RunFiles

_BINS = 48  # of a curve, as wide as its episodes on a logarithmic axis
_WIDTH, _HEIGHT = 440, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 10, 40  # margins
_TABLE_ROWS = 8
COLOURS = 6  # of series, in the style sheet; then they come again with other dashes


@dataclasses.dataclass(frozen=True)
class Curve:
    """The mean of a score over agents in bins of episodes.

    Attributes:
        name: of the run.
        env_steps: `[B]`, steps of an agent so far, mean over agents.
        mean, low, high: `[B]`, with the 95% interval over agents; NaN bounds with one agent.
    """

    name: str
    env_steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclasses.dataclass(frozen=True)
class Score:
    """What a chart is of; `values` gives it from a run, `[A, E]`."""

    key: str
    title: str
    factor: float
    digits: int
    unit: str
    is_log: bool
    most: float
    values: Callable[[RunFiles], np.ndarray]


SUCCESS = Score("success", "success, %", 100.0, 1, "%", False, 100.0, lambda run: run.metrics.success)
RATIO = Score("steps_over_optimal", "steps over the fewest possible", 1.0, 2, "", True, np.inf,
              lambda run: run.metrics.steps / run.optimal_steps)  # fmt: skip
STEPS = Score("steps", "steps per episode", 1.0, 1, "", True, np.inf, lambda run: run.metrics.steps)
SKILLS = Score("skills", "skills in the library", 1.0, 1, "", False, np.inf, lambda run: run.metrics.skills)
RETURN = Score("episode_return", "return of an episode", 1.0, 2, "", False, np.inf,
               lambda run: run.metrics.episode_return)  # fmt: skip


def scores_of(runs: Sequence[RunFiles]) -> list[Score]:
    """Returns the scores that can be drawn of all these runs together."""
    known = all(run.optimal_steps is not None for run in runs)
    has_skills = any(run.metrics.skills.any() for run in runs)
    has_returns = all(np.isfinite(run.metrics.episode_return).all() for run in runs)
    has_success = all(run.metrics.success is not None for run in runs)
    return [
        *([SUCCESS] if has_success else []),
        RATIO if known else STEPS,
        *([SKILLS] if has_skills else []),
        *([RETURN] if has_returns else []),
    ]


def learning_curves(runs: Mapping[str, RunFiles], name: str) -> tuple[Html, dict[str, dict]]:
    """Returns (charts of some runs, what the page's program must know of them by the charts' names).

    Args:
        runs: by the names that they are shown under.
        name: the first part of the charts' names.
    """
    charts, known = [], {}
    for score in scores_of(list(runs.values())):
        curves = [curve_of(run, score, shown) for shown, run in runs.items()]
        chart, points = _chart(f"{name}-{score.key}", score, curves)
        charts.append(chart)
        known[f"{name}-{score.key}"] = points
    return joined(_legend(list(runs)), element("div", *charts, class_="charts")), known


def curve_of(run: RunFiles, score: Score, name: str) -> Curve:
    """Returns the curve of a score of a run."""
    values = score.factor * score.values(run)
    edges = np.unique(np.geomspace(1, values.shape[1] + 1, _BINS).round().astype(int)) - 1
    if score is SUCCESS:
        values = run.metrics.success
    bounds = [over_agents(values[:, begin:end]) for begin, end in zip(edges[:-1], edges[1:], strict=True)]
    mean, low, high = np.transpose(bounds) * (score.factor if score is SUCCESS else 1.0)
    places = np.add.reduceat(run.env_steps.mean(axis=0), edges[:-1]) / np.diff(edges)
    return Curve(name, places, mean, np.maximum(low, 0) if score.most == 100 else low, np.minimum(high, score.most))


def _legend(names: Sequence[str]) -> Html:
    keys = (element("li", _swatch(number), name) for number, name in enumerate(names))
    return joined(element("ul", *keys, class_="legend"),
                  element("p", "Lines: mean over agents; bands: its 95% interval. Each point is the mean of some "
                          "episodes in a row, more of them the later.", class_="note"))  # fmt: skip


def _swatch(number: int) -> Html:
    line = element("line", x1=0, y1=6, x2=28, y2=6, class_=f"line {series_class(number)}")
    return element("svg", line, viewBox="0 0 28 12", class_="swatch", aria_hidden="true")


def series_class(number: int) -> str:
    """Returns how series `number` looks, in the style sheet."""
    return f"s{number % COLOURS} d{number // COLOURS % 3 if number >= COLOURS else number % 3}"


class _Axis:
    """Numbers to places on the screen, and round numbers between the ends."""

    def __init__(self, low: float, high: float, is_log: bool, begin: float, end: float):
        from matplotlib.ticker import LogLocator, MaxNLocator

        if not low < high:
            low, high = (low / 1.5, high * 1.5) if is_log else (low - 0.5, high + 0.5)
        self._ends = np.log([low, high]) if is_log else np.asarray([low, high])
        self._is_log, self._begin, self._end = is_log, begin, end
        decades = (self._ends[1] - self._ends[0]) / np.log(10)
        digits = (1.0,) if decades > 3 else (1.0, 3.0) if decades > 1.4 else (1.0, 2.0, 3.0, 5.0, 7.0)
        locator = LogLocator(base=10, subs=digits) if is_log else MaxNLocator(nbins=5)
        ticks = np.asarray(locator.tick_values(low, high))
        kept = ticks[(ticks >= low - 1e-9 * abs(low)) & (ticks <= high + 1e-9 * abs(high))]
        self.ticks = kept.tolist() if len(kept) > 1 else [low, high]

    def place(self, values: np.ndarray | float) -> np.ndarray:
        """Returns where values are on the screen, those outside at the nearer end."""
        values = np.log(np.maximum(values, 1e-12)) if self._is_log else np.asarray(values)
        share = np.clip((values - self._ends[0]) / (self._ends[1] - self._ends[0]), 0.0, 1.0)
        return np.round(self._begin + share * (self._end - self._begin), 1)


def _chart(name: str, score: Score, curves: Sequence[Curve]) -> tuple[Html, dict]:
    xs = np.concatenate([curve.env_steps for curve in curves])
    low, high = _ends(score, curves)
    x_axis = _Axis(max(float(xs.min()), 1.0), float(xs.max()), True, _LEFT, _WIDTH - _RIGHT)
    y_axis = _Axis(low, high, score.is_log, _HEIGHT - _BOTTOM, _TOP)
    drawn, known = [], []
    for number, curve in enumerate(curves):
        px, py = x_axis.place(curve.env_steps), y_axis.place(curve.mean)
        drawn += _draw_curve(curve, px, py, y_axis, series_class(number))
        texts = [bounds_words(b, 1.0, score.digits, score.unit) for b in zip(curve.mean, curve.low, curve.high,
                                                                            strict=True)]  # fmt: skip
        known.append({"name": curve.name, "x": px.tolist(), "y": py.tolist(), "text": texts,
                      "steps": [f"{steps:,.0f}" for steps in curve.env_steps]})  # fmt: skip
    title = element("title", f"{score.title}, against environment steps of an agent", id=f"{name}-t")
    says = element("desc", _describe(score, curves), id=f"{name}-d")
    pointer = element("g", class_="pointer", hidden=True)
    picture = element(
        "svg", title, says, *_axes(x_axis, y_axis, score.title), *drawn, pointer, id=name, class_="chart", role="img",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}", aria_labelledby=f"{name}-t {name}-d", tabindex="0",
    )  # fmt: skip
    readout = element("output", "Point at the chart, or focus it and press the arrow keys.", for_=name,
                      id=f"{name}-out", aria_live="polite")  # fmt: skip
    return element("figure", element("figcaption", score.title), picture, readout, _numbers(score, curves)), {
        "top": _TOP,
        "bottom": _HEIGHT - _BOTTOM,
        "series": known,
    }


def _ends(score: Score, curves: Sequence[Curve]) -> tuple[float, float]:
    """Returns the lowest and the highest number on the axis of a score."""
    if score.most == 100:
        return 0.0, 100.0
    lowest = np.nanmin([np.nanmin(np.fmin(curve.mean, curve.low)) for curve in curves])
    highest = np.nanmax([np.nanmax(np.fmax(curve.mean, curve.high)) for curve in curves])
    if score.is_log:  # an interval may reach below 0
        return 0.95 * float(min(curve.mean.min() for curve in curves)), float(highest)
    return float(min(lowest, 0.0)), float(max(highest, 0.0))


def _draw_curve(curve: Curve, px: np.ndarray, py: np.ndarray, y_axis: _Axis, look: str) -> list[Html]:
    drawn = []
    if np.isfinite(curve.low).all():
        upper, lower = y_axis.place(curve.high), y_axis.place(curve.low)
        points = [*zip(px, upper, strict=True), *zip(px[::-1], lower[::-1], strict=True)]
        drawn.append(element("path", d="M" + " ".join(f"{x:g},{y:g}" for x, y in points) + "Z", class_=f"band {look}"))
    line = element("polyline", points=" ".join(f"{x:g},{y:g}" for x, y in zip(px, py, strict=True)),
                   class_=f"line {look}")  # fmt: skip
    dot = [element("circle", cx=px[0], cy=py[0], r=3, class_=f"dot {look}")] if len(px) == 1 else []
    return [*drawn, line, *dot]


def _axes(x_axis: _Axis, y_axis: _Axis, title: str) -> list[Html]:
    bottom = _HEIGHT - _BOTTOM
    parts = []
    for tick in y_axis.ticks:
        y = y_axis.place(tick)
        parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(element("text", f"{tick:,g}" if abs(tick) < 1e4 else f"{tick:,.0f}", x=_LEFT - 6, y=y + 4,
                             text_anchor="end"))  # fmt: skip
    for tick in x_axis.ticks:
        x = x_axis.place(tick)
        parts.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
        parts.append(element("text", f"{tick:,.0f}", x=x, y=bottom + 17, text_anchor="middle"))
    parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=bottom, y2=bottom, class_="axis"))
    parts.append(element("text", "environment steps of an agent", x=(_LEFT + _WIDTH - _RIGHT) / 2, y=_HEIGHT - 5,
                         text_anchor="middle"))  # fmt: skip
    return parts


def _describe(score: Score, curves: Sequence[Curve]) -> str:
    ends = (
        f"{curve.name}: from {curve.mean[0]:,.{score.digits}f}{score.unit} to "
        f"{curve.mean[-1]:,.{score.digits}f}{score.unit} after {curve.env_steps[-1]:,.0f} steps"
        for curve in curves
    )
    return "; ".join(ends) + "."


def _numbers(score: Score, curves: Sequence[Curve]) -> Html:
    rows = []
    for curve in curves:
        for place in np.unique(np.linspace(0, len(curve.mean) - 1, _TABLE_ROWS).round().astype(int)):
            bounds = (curve.mean[place], curve.low[place], curve.high[place])
            rows.append(
                (curve.name, f"{curve.env_steps[place]:,.0f}", bounds_words(bounds, 1, score.digits, score.unit))
            )
    head = ("run", "environment steps", f"{score.title}, mean [95% interval]")
    return element("details", element("summary", "Numbers"), table(f"{score.title} over environment steps", head, rows))
