"""Grids that hold something out of training, and how far it is to the next fact in any grid."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.envs.grid.layouts import Layout, make_layout
from procmem_jax.envs.grid.world import SURROUNDINGS, GridWorld, GridWorldParams, GridWorldState
from procmem_jax.percept import Percept


@dataclasses.dataclass(frozen=True)
class OneSided(GridWorld):
    """The random grid in which no target is ever to the left of the one before; to the right if `leftwards`.

    The columns of agent, key, door and goal are drawn as in the random grid and then sorted, so that two of them may
    share a cell.
    """

    leftwards: bool = False

    def draw_layout(self, words: tuple[jax.Array, jax.Array] | None, params: GridWorldParams) -> Layout:
        """See `GridWorld`."""
        drawn = super().draw_layout(words, params)
        columns = jnp.sort(jnp.stack([drawn.start_x, drawn.key_x, drawn.door_x, drawn.goal_x]))
        columns = columns[::-1] if self.leftwards else columns
        rows = (drawn.start_y, drawn.key_y, drawn.door_y, drawn.goal_y, drawn.box_y)
        cells = zip((*columns, drawn.box_x), rows, strict=True)
        return make_layout([coordinate.astype(jnp.int32) for cell in cells for coordinate in cell])


@dataclasses.dataclass(frozen=True)
class WithoutWalls(GridWorld):
    """The random grid with the percept of one with walls, of which there are none."""

    @property
    def context_size(self) -> int:
        """C, as with walls."""
        return 2 + len(SURROUNDINGS)

    def perceive(self, obs: jax.Array, state: GridWorldState, params: GridWorldParams) -> Percept:
        """See `GridWorld`."""
        percept = super().perceive(obs, state, params)
        return dataclasses.replace(percept, context=jnp.pad(percept.context, (0, len(SURROUNDINGS))))


def steps_to_next_fact(grid: GridWorld, state: GridWorldState) -> jax.Array:
    """Returns the fewest steps to the key in hand, then to the open door, then to the goal, `()` int32."""
    layout = state.layout

    def far(x_0, y_0, x_1, y_1):
        wide = [coordinate.astype(jnp.int32) for coordinate in (x_0, y_0, x_1, y_1)]
        return jnp.abs(wide[0] - wide[2]) + jnp.abs(wide[1] - wide[3])

    here, door, goal = (state.x, state.y), (layout.door_x, layout.door_y), (layout.goal_x, layout.goal_y)
    to_key = far(*here, layout.key_x, layout.key_y) + 1
    to_door = far(*here, layout.door_x - int(grid.has_walls), layout.door_y) + 1
    to_goal = far(*here, *goal)
    if grid.has_walls:
        through = far(*here, *door) + far(*door, *goal)
        to_goal = jnp.where(state.x < layout.door_x, through, to_goal)
    return jnp.where(state.door_open, to_goal, jnp.where(state.has_key, to_door, to_key))
