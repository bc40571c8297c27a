"""The tutorial's scripted explorer: to the key, to the door, to the goal."""

import jax
import jax.numpy as jnp

from procmem_jax.envs.grid.actions import MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY

TUTORIAL_TARGET = 4  # the tutorial's script ends at (4, 4), whatever the size of its grid
NO_ACTION = -1


def _towards(state, x: jax.Array, y: jax.Array, arrived: int) -> jax.Array:
    """Returns the action that goes to (x, y), first along x, and `arrived` on that cell."""
    vertical = jnp.where(state.y < y, MOVE_UP, jnp.where(state.y > y, MOVE_DOWN, arrived))
    return jnp.where(state.x < x, MOVE_RIGHT, jnp.where(state.x > x, MOVE_LEFT, vertical))


def scripted_action(state, kind: str) -> jax.Array:
    """Returns the script's action in `state`, `()` int32, or -1 where it has come to its end.

    It walks a shortest path: to the key, to the door (with walls: to the cell before it), to the goal. Only on the
    tutorial's layout, with the door open, it goes right and up to (4, 4), whatever the goal, and never turns back.

    Args:
        state: `GridWorldState`, one example.
        kind: static, the name of the layout.
    """
    layout = state.layout
    to_key = _towards(state, layout.key_x, layout.key_y, PICKUP_KEY)
    opening_x = layout.door_x - 1 if kind == "doorkey" else layout.door_x
    to_door = _towards(state, opening_x, layout.door_y, OPEN_DOOR)
    if kind == "tutorial":
        upwards = jnp.where(state.y < TUTORIAL_TARGET, MOVE_UP, NO_ACTION)
        to_goal = jnp.where(state.x < TUTORIAL_TARGET, MOVE_RIGHT, upwards)
    else:
        to_goal = _towards(state, layout.goal_x, layout.goal_y, NO_ACTION)
    if kind == "doorkey":
        to_goal = jnp.where(state.x < layout.door_x, _towards(state, opening_x, layout.door_y, MOVE_RIGHT), to_goal)
    action = jnp.where(state.has_key, jnp.where(state.door_open, to_goal, to_door), to_key)
    return action.astype(jnp.int32)
