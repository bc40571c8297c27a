"""Pictures of a grid, as text and as an RGB array. Plain NumPy on one concrete state."""

import numpy as np

_COLOURS = {
    "agent": (31, 119, 180),
    "key": (230, 171, 2),
    "door closed": (140, 86, 75),
    "door open": (199, 169, 150),
    "goal": (44, 160, 44),
    "box": (127, 127, 127),
    "wall": (64, 64, 64),
}


def _contents(state, size: int, walls: bool) -> list[tuple[str, int, int]]:
    """Returns (what, x, y) of everything in the grid; what stands later in the list is drawn on top."""
    layout = state.layout
    wall = [("wall", int(layout.door_x), y) for y in range(size) if y != int(layout.door_y)] if walls else []
    door = "door open" if bool(state.door_open) else "door closed"
    cells = [("box", layout.box_x, layout.box_y), ("goal", layout.goal_x, layout.goal_y)]
    cells += [(door, layout.door_x, layout.door_y)]
    if not bool(state.has_key):
        cells += [("key", layout.key_x, layout.key_y)]
    cells += [("agent", state.x, state.y)]
    return [(what, int(x), int(y)) for what, x, y in [*wall, *cells] if x >= 0]


def render_text(state, params, *, walls: bool = False) -> str:
    """Returns the grid as lines of text, y upwards: A agent, k key, D door (d open), G goal, b box, # wall, . empty.

    Args:
        state: `GridWorldState`, one concrete example.
        params: its `GridWorldParams`.
        walls: whether the world has walls (`GridWorld.has_walls`).
    """
    letters = {"agent": "A", "key": "k", "door closed": "D", "door open": "d", "goal": "G", "box": "b", "wall": "#"}
    size = int(params.size)
    rows = [["."] * size for _ in range(size)]
    for what, x, y in _contents(state, size, walls):
        rows[y][x] = letters[what]
    return "\n".join(" ".join(row) for row in reversed(rows))


def render_rgb(state, params, *, walls: bool = False, cell_pixels: int = 32) -> np.ndarray:
    """Returns the grid as an image, `[size * cell_pixels, size * cell_pixels, 3]` uint8, y upwards.

    The agent is a disc, so that what it stands on stays visible, from 6 pixels a cell on.

    Args:
        state: `GridWorldState`, one concrete example.
        params: its `GridWorldParams`.
        walls: whether the world has walls (`GridWorld.has_walls`).
        cell_pixels: side of a cell, pixels, at least 4.

    Raises:
        ValueError: `cell_pixels` is below 4.
    """
    if cell_pixels < 4:
        raise ValueError(f"cell_pixels={cell_pixels} is below 4; give at least 4")
    size = int(params.size)
    cells = np.full((size, cell_pixels, size, cell_pixels, 3), 255, np.uint8)
    cells[:, 0], cells[:, :, :, 0] = 221, 221
    offset = np.arange(cell_pixels) - (cell_pixels - 1) / 2
    disc = offset[:, None] ** 2 + offset[None, :] ** 2 <= (0.35 * cell_pixels) ** 2
    for what, x, y in _contents(state, size, walls):
        tile = cells[size - 1 - y, :, x]
        if what == "agent":
            tile[disc] = _COLOURS[what]
        else:
            tile[2:-1, 2:-1] = _COLOURS[what]
    return cells.reshape(size * cell_pixels, size * cell_pixels, 3)
