"""Where the objects of a grid stand at the start of an episode."""

import jax
import jax.numpy as jnp

from procmem_jax.records import state_record
from procmem_jax.streams import scale_word


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


def optimal_steps(layout: Layout) -> jax.Array:
    """Returns the fewest steps to the goal of a grid without walls, `()` int32: key, pick up, door, open, goal."""

    def distance(x_0, y_0, x_1, y_1):
        wide = [coordinate.astype(jnp.int32) for coordinate in (x_0, y_0, x_1, y_1)]
        return jnp.abs(wide[0] - wide[2]) + jnp.abs(wide[1] - wide[3])

    to_key = distance(layout.start_x, layout.start_y, layout.key_x, layout.key_y)
    to_door = distance(layout.key_x, layout.key_y, layout.door_x, layout.door_y)
    to_goal = distance(layout.door_x, layout.door_y, layout.goal_x, layout.goal_y)
    return to_key + 1 + to_door + 1 + to_goal
