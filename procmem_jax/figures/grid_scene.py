"""A grid as a scene of an episode: what stands where, the way so far, and the rest of the running skill."""

from collections.abc import Sequence

import numpy as np

from procmem_jax.envs.grid.actions import OPEN_DOOR, PICKUP_KEY
from procmem_jax.envs.grid.foresight import cells_ahead
from procmem_jax.experiments.replays.frames import Frame
from procmem_jax.experiments.replays.replay import Replay
from procmem_jax.figures.skill_colours import skill_colour

KEY, DOOR, OPEN, GOAL, BOX, WALL, LINES, AGENT, TRAIL = (
    *("#E6AB02", "#8C564B", "#C7A996", "#2CA02C", "#9A9A9A", "#4D4D4D", "#DDDDDD", "#1F77B4", "#A8C6E0"),
)
_TRAIL_STEPS = 48  # a longer trail of a random walk would cover everything
SCENE_COLOURS = (KEY, DOOR, OPEN, GOAL, BOX, WALL, LINES, AGENT, TRAIL)


class GridScene:
    """Draws the frames of one replay into one matplotlib axes; what never moves is drawn once."""

    def __init__(self, axes, replay: Replay):
        self._axes, self._grid, self._params = axes, replay.config.environment, replay.params.environment
        self._longest = replay.config.library.max_skill_length
        self._moving: list = []
        self._cells = [(int(frame.env_state.x), int(frame.env_state.y)) for frame in replay.frames]
        size = int(self._params.size)
        box = axes.get_window_extent()
        self._cell_points = 72.0 / axes.figure.dpi * min(box.width, box.height) / size
        axes.set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5), aspect="equal", xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=WALL, linewidth=1.2)
        lines = np.arange(size - 1) + 0.5
        style = {"color": LINES, "linewidth": min(0.8, 0.04 * self._cell_points), "zorder": 0}
        axes.hlines(lines, -0.5, size - 0.5, **style)
        axes.vlines(lines, -0.5, size - 0.5, **style)
        self._draw_fixtures(replay.frames[0].env_state.layout, size)

    def draw(self, frame: Frame) -> None:
        """Draws `frame` in the place of the one before."""
        for artist in self._moving:
            artist.remove()
        self._moving = []
        layout = frame.env_state.layout
        self._draw_door(int(layout.door_x), int(layout.door_y), bool(frame.env_state.door_open))
        if not bool(frame.env_state.has_key):
            self._moving += _draw_key(self._axes, int(layout.key_x), int(layout.key_y), 1.0)
        self._draw_trail(self._cells[max(0, frame.step - _TRAIL_STEPS) : frame.step + 1])
        if frame.skill is not None:
            self._draw_plan(frame)
        self._draw_agent(*self._cells[frame.step], carries=bool(frame.env_state.has_key))

    def _draw_fixtures(self, layout, size: int) -> None:
        from matplotlib.patches import Polygon, Rectangle

        if self._grid.has_walls:
            for y in set(range(size)) - {int(layout.door_y)}:
                cell = (int(layout.door_x) - 0.5, y - 0.5)
                self._axes.add_patch(Rectangle(cell, 1, 1, facecolor=WALL, edgecolor=WALL, linewidth=0.5, zorder=1))
        x, y = int(layout.goal_x), int(layout.goal_y)
        self._axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=GOAL, alpha=0.25, linewidth=0, zorder=1))
        flag = [(x - 0.2, y - 0.36), (x - 0.2, y + 0.38), (x + 0.32, y + 0.19), (x - 0.12, y), (x - 0.12, y - 0.36)]
        self._axes.add_patch(Polygon(flag, facecolor=GOAL, linewidth=0, zorder=2))
        if int(layout.box_x) >= 0:
            x, y = int(layout.box_x), int(layout.box_y)
            width = 0.05 * self._cell_points
            crate = Rectangle((x - 0.3, y - 0.3), 0.6, 0.6, facecolor="none", edgecolor=BOX, linewidth=width, zorder=1)
            self._axes.add_patch(crate)
            for slope in (1, -1):
                self._axes.plot([x - 0.3, x + 0.3], [y - 0.3 * slope, y + 0.3 * slope], color=BOX, lw=width, zorder=1)

    def _draw_door(self, x: int, y: int, is_open: bool) -> None:
        from matplotlib.patches import Circle, Rectangle

        frame = Rectangle((x - 0.44, y - 0.44), 0.88, 0.88, facecolor="white", edgecolor=DOOR, zorder=2,
                          linewidth=0.07 * self._cell_points)  # fmt: skip
        leaf = Rectangle((x - 0.44, y - 0.44), 0.2 if is_open else 0.88, 0.88, facecolor=OPEN if is_open else DOOR,
                         linewidth=0, zorder=2.1)  # fmt: skip
        self._moving += [self._axes.add_patch(frame), self._axes.add_patch(leaf)]
        if not is_open:
            self._moving.append(self._axes.add_patch(Circle((x + 0.26, y), 0.09, facecolor="white", zorder=2.2)))

    def _draw_trail(self, cells: Sequence[tuple[int, int]]) -> None:
        width = max(1.2, 0.09 * self._cell_points)
        self._moving += self._axes.plot(*zip(*cells, strict=True), color=TRAIL, linewidth=width, zorder=2.5,
                                        solid_capstyle="round", solid_joinstyle="round")  # fmt: skip

    def _draw_plan(self, frame: Frame) -> None:
        """Draws where the skill is going: what it will do as a line, what it holds beyond that dotted."""
        skill, colour = frame.skill, skill_colour(frame.skill.label)
        actions = np.full(self._longest, -1, np.int8)
        plan = (*skill.ahead, *skill.beyond)
        actions[: len(plan)] = plan
        xs, ys = cells_ahead(self._grid, self._params, frame.env_state, actions)
        cells = [self._cells[frame.step], *zip(np.asarray(xs).tolist(), np.asarray(ys).tolist(), strict=True)]
        cells, split = cells[: len(plan) + 1], len(skill.ahead)
        width = max(1.8, 0.13 * self._cell_points)
        for part, dashes, weight in ((cells[: split + 1], "-", 1.0), (cells[split:], (0, (1.0, 1.2)), 0.7)):
            if len(part) > 1:
                self._moving += self._axes.plot(*zip(*part, strict=True), color=colour, linestyle=dashes, zorder=4,
                                                linewidth=weight * width, solid_joinstyle="round")  # fmt: skip
        if plan[-1] not in (PICKUP_KEY, OPEN_DOOR) and cells[-1] != cells[-2]:
            self._draw_head(cells[-2], cells[-1], colour)
        for action, cell in zip(plan, cells[1:], strict=True):
            if action in (PICKUP_KEY, OPEN_DOOR):
                side = 0.3 if cell != cells[0] else 0.74  # on the agent's own cell around it
                marker = {"marker": "o" if action == PICKUP_KEY else "s", "markersize": side * self._cell_points}
                self._moving += self._axes.plot(*cell, color="white", markeredgecolor=colour, zorder=5, **marker,
                                                markeredgewidth=0.09 * self._cell_points)  # fmt: skip

    def _draw_head(self, tail: tuple[int, int], tip: tuple[int, int], colour: str) -> None:
        from matplotlib.patches import Polygon

        (x, y), (dx, dy) = tip, (tip[0] - tail[0], tip[1] - tail[1])
        corners = [(x + 0.3 * dx, y + 0.3 * dy), (x - 0.22 * dy, y + 0.22 * dx), (x + 0.22 * dy, y - 0.22 * dx)]
        self._moving.append(self._axes.add_patch(Polygon(corners, facecolor=colour, linewidth=0, zorder=4)))

    def _draw_agent(self, x: int, y: int, *, carries: bool) -> None:
        from matplotlib.patches import Circle

        disc = Circle((x, y), 0.29, facecolor=AGENT, edgecolor="white", linewidth=0.05 * self._cell_points, zorder=6)
        self._moving.append(self._axes.add_patch(disc))
        if carries:
            self._moving += _draw_key(self._axes, x, y, 0.55, zorder=7)


def _draw_key(axes, x: float, y: float, scale: float, zorder: float = 3) -> list:
    """Returns the artists of a key: a ring, a shaft and two teeth."""
    from matplotlib.patches import Annulus, Rectangle

    def bar(left: float, low: float, width: float, height: float):
        corner = (x + scale * left, y + scale * low)
        return Rectangle(corner, scale * width, scale * height, facecolor=KEY, linewidth=0, zorder=zorder)

    ring = Annulus((x - 0.18 * scale, y), 0.17 * scale, 0.085 * scale, facecolor=KEY, linewidth=0, zorder=zorder)
    parts = [ring, bar(-0.03, -0.045, 0.39, 0.09), bar(0.16, -0.16, 0.07, 0.13), bar(0.29, -0.19, 0.07, 0.16)]
    return [axes.add_patch(part) for part in parts]


def stuck_action(frames: Sequence[Frame], number: int) -> int | None:
    """Returns the action that was carried out on the way to frame `number` if it was not the chosen one, else None.

    Only our grids tell.
    """
    executed = int(getattr(frames[number].env_state, "last_action", frames[number - 1].action))
    return executed if number > 0 and executed != frames[number - 1].action else None
