"""The path of a skill on an endless grid: a line from where it starts, with marks where it takes or opens something."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from procmem_jax.envs.grid.actions import ACTION_NAMES, MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY

_MOVES = {MOVE_UP: (0, 1), MOVE_DOWN: (0, -1), MOVE_LEFT: (-1, 0), MOVE_RIGHT: (1, 0)}
MARKS = {PICKUP_KEY: ("o", "pickup_key"), OPEN_DOOR: ("s", "open_door")}
_DRIFT = 0.14  # cells a step, where a path crosses itself: else it would lie on itself
_MOST_DRIFT = 0.8  # cells in all


@dataclasses.dataclass(frozen=True)
class SkillPath:
    """Where a skill leads.

    Attributes:
        points: `[M + 1, 2]` float64, the start at (0, 0) and the place after each of M moves.
        marks: (action, number of moves before it) of everything that is not a move.
        crosses_itself: whether it comes to a cell again, and so drifts.
    """

    points: np.ndarray
    marks: tuple[tuple[int, int], ...]
    crosses_itself: bool

    @property
    def ends_moving(self) -> bool:
        """Whether an arrow head stands at its end: it moves, and nothing is taken or opened there."""
        last = len(self.points) - 1
        return last > 0 and not any(place == last for _, place in self.marks)


def trace_path(actions: Sequence[int]) -> SkillPath:
    """Returns the path of a skill with these actions of the grid."""
    cells, marks = [(0, 0)], []
    for action in actions:
        if action in _MOVES:
            cells.append((cells[-1][0] + _MOVES[action][0], cells[-1][1] + _MOVES[action][1]))
        else:
            marks.append((action, len(cells) - 1))
    points = np.asarray(cells, np.float64)
    crosses_itself = len(set(cells)) < len(cells)
    if crosses_itself:
        points += min(_DRIFT, _MOST_DRIFT / len(cells)) * np.arange(len(cells))[:, None]
    return SkillPath(points, tuple(marks), crosses_itself)


def draw_path(
    axes,
    path: SkillPath,
    colour,
    width: float,
    *,
    shift: float = 0.0,
    zorder: float = 2.0,
    scale: float = 1.0,
    dashes="-",
) -> None:
    """Draws a path: a ring at its start, an arrow head at its end or marks where it acts.

    Args:
        axes: of matplotlib, in units of cells.
        path: of a skill.
        colour: any of matplotlib's.
        width: of the line, points.
        shift: cells to the right and up, so that paths beside each other stay apart.
        zorder: what is drawn on top of what.
        scale: of the marks.
        dashes: of the line, as matplotlib's `linestyle`.
    """
    points = path.points + shift
    line = {"color": colour, "linewidth": width, "linestyle": dashes}
    axes.plot(*points.T, **line, solid_capstyle="butt", solid_joinstyle="round", zorder=zorder)
    ring = {"color": "white", "markeredgecolor": colour}
    axes.plot(*points[0], "o", markersize=3.4 * scale, markeredgewidth=0.9 * scale, zorder=zorder + 0.2, **ring)
    for number, (action, place) in enumerate(path.marks):
        spot = points[place] + [0.24 * sum(earlier == place for _, earlier in path.marks[:number]), 0.0]
        axes.plot(*spot, MARKS[action][0], color=colour, markersize=6.0 * scale, markeredgecolor="white",
                  markeredgewidth=0.8 * scale, zorder=zorder + 0.3)  # fmt: skip
    if path.ends_moving:
        arrow = {
            "arrowstyle": "-|>,head_width=0.28,head_length=0.42",
            "color": colour,
            "linewidth": max(width, 1.2 * scale),
        }
        arrow |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 9 * scale}
        step = points[-1] - points[-2]
        axes.annotate("", points[-1] + 0.2 * step, points[-1] - 0.3 * step, arrowprops=arrow, zorder=zorder + 0.1)


def check_grid_actions(action_names: Sequence[str]) -> None:
    """Raises a ValueError unless these are the names of the grid's actions: of others no path is known."""
    if tuple(action_names) != ACTION_NAMES:
        raise ValueError(
            f"action_names={', '.join(action_names)}: paths are known for the grid's actions only "
            f"({', '.join(ACTION_NAMES)}); `procmem library show` lists such skills"
        )
