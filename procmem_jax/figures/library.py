"""The library of one agent: every kind of skill in a row of its own, all paths from one start, then each by itself."""

import math
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from procmem_jax.experiments.libraries.groups import SkillGroup, StoredSkill, group_skills
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.storage.files import write_whole
from procmem_jax.experiments.text_tables import counted
from procmem_jax.figures.skill_colours import skill_colour
from procmem_jax.figures.skill_paths import MARKS, check_grid_actions, draw_path, trace_path
from procmem_jax.near_misses import choose_from

FORMATS = (".png", ".pdf", ".svg")
_WIDTH, _EDGE = 7.4, 0.12  # inches, as all below
_OVERVIEW, _CELL, _TEXT, _TITLE, _LEGEND, _HEAD = 1.6, 0.66, 0.27, 0.3, 0.72, 0.3
_COLUMNS, _ROWS = 8, 2  # of single skills in a group
_UNUSED, _DOTS = "#AAAAAA", (0, (1.5, 1.0))  # dotted: in grey print a bad skill is as pale
_LANES, _GOLDEN = 0.3, 0.618  # cells to either side; a step that scatters numbers evenly


def plot_library(saved: SavedLibraries, agent: int, path: pathlib.Path, heading: str = "") -> pathlib.Path:
    """Returns `path`, a figure of an agent's skills.

    A row for each achievement and precondition: left all its skills from a common start, right the 16 most used of
    them. The more a skill is used the broader its line, the better it does the darker.

    Args:
        saved: libraries of a grid.
        agent: the number of one of them.
        path: of a PNG, PDF or SVG file.
        heading: of the figure.

    Raises:
        ValueError: there is no such agent, it has no skills, they are not of a grid, or the file is of another kind.
    """
    if path.suffix not in FORMATS:
        raise ValueError(f"{path}: suffix {path.suffix!r} is unknown; {choose_from(path.suffix, FORMATS)}")
    check_grid_actions(saved.action_names)
    groups = group_skills(saved, agent)
    rule = "successes / uses" if saved.config.counting == "tutorial" else "(successes + 1) / (all outcomes + 2)"
    write_whole(path, lambda aside: _draw(aside, path.suffix[1:], groups, heading, f"success rate, {rule}"))
    return path


def _draw(path: pathlib.Path, kind: str, groups: Sequence[SkillGroup], heading: str, rate_label: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [_TITLE + max(_OVERVIEW + 0.1, _num_rows(group) * (_CELL + _TEXT)) for group in groups]
    height = sum(heights) + _HEAD + _LEGEND
    figure = Figure(figsize=(_WIDTH, height))
    FigureCanvasAgg(figure)
    page = _Page(figure, height, [skill for group in groups for skill in group.skills])
    figure.text(_EDGE / _WIDTH, 1 - 0.5 * _HEAD / height, heading, fontsize=9, va="center")
    top = height - _HEAD
    for group, needed in zip(groups, heights, strict=True):
        page.draw_group(group, top)
        top -= needed
    page.draw_legend(rate_label)
    stamp = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
    figure.savefig(path, dpi=200, format=kind, metadata=stamp)


def _num_rows(group: SkillGroup) -> int:
    return min(_ROWS, -(-len(group.skills) // _COLUMNS))


class _Page:
    """A figure measured in inches, and how skills look in it."""

    def __init__(self, figure, height: float, skills: Sequence[StoredSkill]):
        import matplotlib

        self._figure, self._height, self._skills = figure, height, skills
        self._most_uses = max(skill.uses for skill in skills)
        colours = matplotlib.colormaps["viridis_r"](np.linspace(0.15, 1.0, 256))  # its bright end is lost on paper
        self._map = matplotlib.colors.ListedColormap(colours)

    def draw_group(self, group: SkillGroup, top: float) -> None:
        """Draws a group below `top`."""
        shown = group.skills[: _COLUMNS * _ROWS]
        rest = len(group.skills) - len(shown)
        count = f"{counted(len(group.skills), 'skill')}, {counted(group.uses, 'use')}"
        if rest:
            count += f"; the {rest} least used only on the left" if rest > 1 else "; the least used only on the left"
        style = {"va": "center", "transform": self._figure.transFigure}
        middle = (top - 0.6 * _TITLE) / self._height
        title = self._figure.text(_EDGE / _WIDTH, middle, group.name, fontsize=9, fontweight="bold",
                                  color=skill_colour(group.label), **style)  # fmt: skip
        after = title.get_window_extent().x1 / self._figure.bbox.width
        self._figure.text(after + 0.012, middle, f"when {group.when}", fontsize=7.5, **style)
        self._figure.text(1 - _EDGE / _WIDTH, middle, count, fontsize=6.5, color="0.35", ha="right", **style)
        self._draw_overview(group, top - _TITLE)
        left = _EDGE + _OVERVIEW + 0.18
        pitch = (_WIDTH - _EDGE - left) / _COLUMNS
        for number, skill in enumerate(shown):
            row, column = divmod(number, _COLUMNS)
            corner = (left + column * pitch, top - _TITLE - row * (_CELL + _TEXT))
            self._draw_skill(skill, corner, pitch)

    def _axes(self, left: float, top: float, width: float, height: float):
        box = (left / _WIDTH, (top - height) / self._height, width / _WIDTH, height / self._height)
        axes = self._figure.add_axes(box)
        axes.set(xticks=[], yticks=[], aspect="equal")
        for spine in axes.spines.values():
            spine.set(color="0.8", linewidth=0.6)
        return axes

    def _draw_overview(self, group: SkillGroup, top: float) -> None:
        """Draws all paths from a common start, the most used on top, beside each other by parts of a cell."""
        axes = self._axes(_EDGE, top, _OVERVIEW, _OVERVIEW)
        paths = [trace_path(skill.actions) for skill in group.skills]
        _show_cells(axes, np.concatenate([path.points for path in paths]), 1.0)
        lanes = np.linspace(-_LANES, _LANES, len(paths)) if len(paths) > 1 else np.zeros(1)
        order = np.argsort([(number * _GOLDEN) % 1.0 for number in range(len(paths))])  # neighbours in use far apart
        for number in reversed(range(len(paths))):
            colour, width, dashes = self._look(group.skills[number])
            style = {"shift": float(lanes[order[number]]), "zorder": 3 - number / 1000, "scale": 0.6, "dashes": dashes}
            draw_path(axes, paths[number], colour, 0.6 * width, **style)

    def _draw_skill(self, skill: StoredSkill, corner: tuple[float, float], pitch: float) -> None:
        left, top = corner
        axes = self._axes(left, top, pitch - 0.08, _CELL)
        path = trace_path(skill.actions)
        _show_cells(axes, path.points, (pitch - 0.08) / _CELL)
        colour, width, dashes = self._look(skill)
        draw_path(axes, path, colour, width, dashes=dashes)
        axes.text(0.04, 0.95, str(skill.slot), transform=axes.transAxes, fontsize=4.5, color="0.5", va="top")
        counts = f"{counted(len(skill.actions), 'step')}, {counted(skill.uses, 'use')}"
        text = f"{counts}\n{skill.successes:,}/{skill.failures:,}"
        axes.text(0.5, -0.05, text, transform=axes.transAxes, fontsize=5, ha="center", va="top", linespacing=1.15)

    def _look(self, skill: StoredSkill) -> tuple:
        """Returns (colour, width, dashes)."""
        if skill.rate is None:
            return _UNUSED, self._width(skill.uses), _DOTS
        return self._map(skill.rate), self._width(skill.uses), "-"

    def _width(self, uses: int) -> float:
        return 0.8 + 3.0 * math.sqrt(uses / max(self._most_uses, 1))

    def draw_legend(self, rate_label: str) -> None:
        """Draws what marks, widths and colours mean, at the foot; of what occurs only."""
        handles, names = zip(*self._marks_drawn(), strict=True)
        crossing = any(trace_path(skill.actions).crosses_itself for skill in self._skills)
        self._figure.legend(
            handles, names, loc="lower left", bbox_to_anchor=(_EDGE / _WIDTH, 0.04 / self._height), frameon=False,
            ncols=-(-len(names) // 2), fontsize=6, handlelength=1.8, columnspacing=1.2, borderaxespad=0, borderpad=0,
            title="left: all skills of a kind from one start, moved apart; right: the most used, most used first\n"
            "in a corner: slot; below: steps, uses, successes/failures"
            + "; aslant: a path that crosses itself" * crossing, title_fontsize=6,
            alignment="left",
        )  # fmt: skip
        if any(skill.rate is not None for skill in self._skills):
            self._draw_rates(rate_label)

    def _marks_drawn(self) -> Iterator[tuple]:
        """Yields (handle, name) for the legend."""
        from matplotlib.lines import Line2D

        grey = {"color": "0.3", "linestyle": ""}
        yield Line2D([], [], marker="o", markeredgecolor="0.3", **{**grey, "color": "white"}, markersize=4), "start"
        if any(trace_path(skill.actions).ends_moving for skill in self._skills):
            yield Line2D([], [], marker=">", markersize=5, **grey), "end"
        for action, (marker, name) in MARKS.items():
            if any(action in skill.actions for skill in self._skills):
                yield Line2D([], [], marker=marker, markersize=6, **grey), name
        used = [skill.uses for skill in self._skills if skill.uses]
        for uses in sorted({min(used), max(used)}) if used else ():
            yield Line2D([], [], color="0.3", linewidth=self._width(uses)), counted(uses, "use")
        if any(skill.rate is None for skill in self._skills):
            yield Line2D([], [], color=_UNUSED, linewidth=self._width(0), linestyle=_DOTS), "never used"

    def _draw_rates(self, rate_label: str) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.ticker import PercentFormatter

        bar = self._axes(_WIDTH - _EDGE - 2.0, 0.46, 1.9, 0.09)
        scale = {"orientation": "horizontal", "format": PercentFormatter(1.0)}
        self._figure.colorbar(ScalarMappable(cmap=self._map), cax=bar, **scale)
        bar.set_aspect("auto")
        bar.tick_params(labelsize=5.5, length=2, pad=1)
        bar.set_xlabel(rate_label, fontsize=6, labelpad=1)


def _show_cells(axes, points: np.ndarray, aspect: float) -> None:
    """Sets the limits around `points` (`[M, 2]` cells), at least three cells each way, and draws the cells' borders."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, span = (low + high) / 2, np.maximum(high - low + 1.2, 3.0)
    height = max(span[1], span[0] / aspect)
    reach = np.asarray([height * aspect, height]) / 2
    axes.set(xlim=(middle[0] - reach[0], middle[0] + reach[0]), ylim=(middle[1] - reach[1], middle[1] + reach[1]))
    for lines, (begin, end) in ((axes.axvline, axes.get_xlim()), (axes.axhline, axes.get_ylim())):
        for border in np.arange(np.ceil(begin - 0.5), end + 0.5) + 0.5:
            if begin < border < end:
                lines(border, color="0.92", linewidth=0.5, zorder=0)
