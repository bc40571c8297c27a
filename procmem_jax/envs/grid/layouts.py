"""Where the objects of a grid stand at the start of an episode."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from procmem_jax.records import state_record
from procmem_jax.streams import scale_word

NUM_SHIFTING = 3  # layouts that an agent of a shifting task meets in turn
NOWHERE = -1


@state_record
class Layout:
    """The cells of an episode's start, `()` int8 each; x points right and y up.

    Ten small numbers in three words, since a program pays for each array that it carries from step to step.

    Attributes:
        start_and_key: `()` uint32, the bytes `start_x`, `start_y` (the agent's first cell), `key_x`, `key_y`.
        door_and_goal: `()` uint32, `door_x`, `door_y`, `goal_x`, `goal_y`.
        box: `()` uint32, `box_x`, `box_y`.
    """

    start_and_key: jax.Array
    door_and_goal: jax.Array
    box: jax.Array

    start_x = property(lambda self: _byte(self.start_and_key, 0))
    start_y = property(lambda self: _byte(self.start_and_key, 1))
    key_x = property(lambda self: _byte(self.start_and_key, 2))
    key_y = property(lambda self: _byte(self.start_and_key, 3))
    door_x = property(lambda self: _byte(self.door_and_goal, 0))
    door_y = property(lambda self: _byte(self.door_and_goal, 1))
    goal_x = property(lambda self: _byte(self.door_and_goal, 2))
    goal_y = property(lambda self: _byte(self.door_and_goal, 3))
    box_x = property(lambda self: _byte(self.box, 0))
    box_y = property(lambda self: _byte(self.box, 1))


def make_layout(coordinates: Sequence[jax.Array]) -> Layout:
    """Returns the layout with ten coordinates (`()` integers from -1 to 63), x and y of agent, key, door, goal, box."""
    return Layout(_join(coordinates[0:4]), _join(coordinates[4:8]), _join(coordinates[8:10]))


def _join(numbers: Sequence[jax.Array]) -> jax.Array:
    parts = (jnp.asarray(number).astype(jnp.uint8).astype(jnp.uint32) << (8 * n) for n, number in enumerate(numbers))
    return functools.reduce(jnp.bitwise_or, parts)


def _byte(word: jax.Array, number: int) -> jax.Array:
    return (jnp.asarray(word) >> (8 * number)).astype(jnp.uint8).astype(jnp.int8)


def tutorial_layout(params) -> Layout:
    """Returns the tutorial's layout: agent at (0, 0), goal in the far corner, key, door and box as in `params`.

    Args:
        params: `GridWorldParams`, one example.
    """
    corner = (params.size - 1).astype(jnp.int8)
    zero = jnp.zeros_like(corner)
    key, door, box = (
        (getattr(params, f"{name}_x").astype(jnp.int8), getattr(params, f"{name}_y").astype(jnp.int8))
        for name in ("key", "door", "box")
    )
    return make_layout((zero, zero, *key, *door, corner, corner, *box))


def _free_cell(rank: jax.Array, taken: list[jax.Array]) -> jax.Array:
    """Returns the cell that has number `rank` among the cells not in `taken`.

    The cell is the least c with c = rank + (number of taken cells <= c). Counting up from `rank` reaches it in at most
    `len(taken)` rounds: a few comparisons, where a permutation would cost a sort of the whole grid at every step.
    """
    cell = rank
    for _ in taken:
        cell = rank + sum((other <= cell).astype(rank.dtype) for other in taken)
    return cell


def random_layout(words: tuple[jax.Array, jax.Array], size: jax.Array) -> Layout:
    """Returns agent, key, door, goal and box on distinct cells, every order equally likely.

    Args:
        words: two `()` uint32 random words. The first places agent and key, the second door and goal, and what is
            left of both places the box, which no rule of the world looks at.
        size: `()` int32, cells along a side, 3 to 64.
    """
    num_cells = size * size
    agent, rest_0 = scale_word(words[0], num_cells)
    key, rest_0 = scale_word(rest_0, num_cells - 1)
    door, rest_1 = scale_word(words[1], num_cells - 2)
    goal, rest_1 = scale_word(rest_1, num_cells - 3)
    box, _ = scale_word(rest_0 ^ rest_1, num_cells - 4)
    cells: list[jax.Array] = []
    for rank in (agent, key, door, goal, box):
        cells.append(_free_cell(rank, cells))
    coordinates = []
    for cell in cells:
        row = _quotient(cell, size)
        coordinates += [cell - row * size, row]
    return make_layout(coordinates)


def _quotient(cell: jax.Array, size: jax.Array) -> jax.Array:
    """Returns `cell // size` for 0 <= cell < 4096, 3 <= size <= 64: CPUs have vectors for this, not for division.

    The half keeps the quotient 1 / 128 or more away from whole numbers, rounding errors stay below 2e-5.
    """
    return ((cell.astype(jnp.float32) + 0.5) * (1.0 / size.astype(jnp.float32))).astype(jnp.int32)


def doorkey_layout(words: tuple[jax.Array, jax.Array], size: jax.Array) -> Layout:
    """Returns two rooms parted by a column of walls with one door: agent and key in the left, the goal in the right.

    Every column but the first and last may hold the wall; every cell of it the door. There is no box. How this world
    differs from DoorKey in MiniGrid and XLand-MiniGrid is listed, and tested, in `tests/envs/doorkey_peers.py`.

    Args:
        words: two `()` uint32 random words: wall, door and agent; key and goal.
        size: `()` int32, cells along a side, 5 to 16.
    """
    wall, rest = scale_word(words[0], size - 2)
    wall = wall + 1
    door_y, rest = scale_word(rest, size)
    agent, _ = scale_word(rest, wall * size)
    key, rest = scale_word(words[1], wall * size - 1)
    key = _free_cell(key, [agent])
    goal, _ = scale_word(rest, (size - 1 - wall) * size)
    coordinates = []
    for cell in (agent, key, goal):
        column = _quotient(cell, size)
        coordinates += [column, cell - column * size]
    nowhere = jnp.full((), NOWHERE, jnp.int32)
    goal_x = wall + 1 + coordinates[4]
    return make_layout((*coordinates[:4], wall, door_y, goal_x, coordinates[5], nowhere, nowhere))


def is_blocked(layout: Layout, door_open: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Returns whether (x, y) is a wall or the closed door of a doorkey layout, `()` bool."""
    return (x == layout.door_x) & ((y != layout.door_y) | ~door_open)


def optimal_steps(layout: Layout, *, walls: bool = False) -> jax.Array:
    """Returns the fewest steps to the goal, `()` int32: to the key, pick up, to the door, open, to the goal.

    Rooms without inner walls make every leg a Manhattan distance; with `walls` (static) the door is opened from the
    cell to its left, and the way to the goal leads through it. Tests hold both against a breadth-first search.
    """

    def distance(x_0, y_0, x_1, y_1):
        wide = [coordinate.astype(jnp.int32) for coordinate in (x_0, y_0, x_1, y_1)]
        return jnp.abs(wide[0] - wide[2]) + jnp.abs(wide[1] - wide[3])

    opening_x = layout.door_x - 1 if walls else layout.door_x
    to_key = distance(layout.start_x, layout.start_y, layout.key_x, layout.key_y)
    to_door = distance(layout.key_x, layout.key_y, opening_x, layout.door_y)
    to_goal = distance(opening_x, layout.door_y, layout.goal_x, layout.goal_y)
    return to_key + 1 + to_door + 1 + to_goal
