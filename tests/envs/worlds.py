"""Worlds for the tests of this folder: states from numbers, and their twins in plain Python."""

import itertools

import jax.numpy as jnp
import numpy as np

from plain_tutorial import PlainWorld
from procmem_jax.envs.grid.layouts import Layout
from procmem_jax.envs.grid.layouts import make_layout as pack_layout
from procmem_jax.envs.grid.world import GridWorldState

LAYOUT_NAMES = ("start_x", "start_y", "key_x", "key_y", "door_x", "door_y", "goal_x", "goal_y", "box_x", "box_y")


def make_layout(numbers) -> Layout:
    """The layout with the coordinates `numbers` (`[..., 10]`), in the order of `LAYOUT_NAMES`."""
    numbers = np.asarray(numbers, np.int8)
    return pack_layout([jnp.asarray(numbers[..., index]) for index in range(10)])


def layout_numbers(layout: Layout) -> np.ndarray:
    """The coordinates of `layout`, `[..., 10]`."""
    return np.stack([np.asarray(getattr(layout, name)) for name in LAYOUT_NAMES], axis=-1)


def make_state(x, y, has_key, door_open, layout: Layout, step=0) -> GridWorldState:
    """The state with these numbers, scalars or arrays of one shape."""
    shape = np.shape(x)
    fields = {
        "x": (x, jnp.int8),
        "y": (y, jnp.int8),
        "has_key": (has_key, jnp.bool_),
        "door_open": (door_open, jnp.bool_),
    }
    fields |= {"step": (step, jnp.int32), "last_action": (0, jnp.int32)}
    arrays = {name: jnp.broadcast_to(jnp.asarray(value, dtype), shape) for name, (value, dtype) in fields.items()}
    return GridWorldState(**arrays, layout=layout)


def all_cells(size: int) -> np.ndarray:
    """All (x, y, has_key, door_open) of a grid, `[4 * size * size, 4]`."""
    return np.array(list(itertools.product(range(size), range(size), (0, 1), (0, 1))))


def draw_layouts(rng: np.random.Generator, size: int, count: int) -> np.ndarray:
    """Coordinates of random layouts on distinct cells, `[count, 10]`."""
    cells = np.stack([rng.permutation(size * size)[:5] for _ in range(count)])
    return np.stack([cells % size, cells // size], axis=-1).reshape(count, 10)


def plain_world(size: int, numbers, **changes) -> PlainWorld:
    """The plain twin of a world with the layout `numbers` (`[10]`)."""
    start, key, door, goal, _ = (tuple(pair) for pair in np.asarray(numbers).reshape(5, 2).tolist())
    return PlainWorld(size, start=start, key=key, door=door, goal=goal, **changes)
