"""Where the objects of a grid stand at the start of an episode."""

import jax
import jax.numpy as jnp

from procmem_jax.records import state_record
from procmem_jax.streams import scale_word

NUM_SHIFTING = 3  # layouts that an agent of a shifting task meets in turn
NOWHERE = -1


@state_record
class Layout:
    """The cells of an episode's start, all `()` int8; x points right and y up.

    Attributes:
        start_x: column of the agent's first cell; likewise `start_y` and the cells of key, door, goal and box.
    """

    start_x: jax.Array
    start_y: jax.Array
    key_x: jax.Array
    key_y: jax.Array
    door_x: jax.Array
    door_y: jax.Array
    goal_x: jax.Array
    goal_y: jax.Array
    box_x: jax.Array
    box_y: jax.Array


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
    return Layout(zero, zero, *key, *door, corner, corner, *box)


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
        row = cell // size
        coordinates += [(cell - row * size).astype(jnp.int8), row.astype(jnp.int8)]
    return Layout(*coordinates)


def doorkey_layout(words: tuple[jax.Array, jax.Array], size: jax.Array) -> Layout:
    """Returns two rooms parted by a column of walls with one door: agent and key in the left, the goal in the right.

    Every column but the first and last may hold the wall; every cell of it the door. There is no box.

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
    goal_column = goal // size
    cells = (agent // size, agent % size, key // size, key % size, wall, door_y)
    cells += (wall + 1 + goal_column, goal - goal_column * size)
    nowhere = jnp.full((), NOWHERE, jnp.int8)
    return Layout(*(coordinate.astype(jnp.int8) for coordinate in cells), nowhere, nowhere)


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
