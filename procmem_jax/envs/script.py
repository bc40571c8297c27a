"""The tutorial's scripted explorer: to the key, to the door, to the goal."""

import jax
import jax.numpy as jnp

from procmem_jax.envs.actions import MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY

TUTORIAL_TARGET = 4  # the tutorial's script ends at (4, 4), whatever the size of its grid
NO_ACTION = -1


def _towards(state, x: jax.Array, y: jax.Array, arrived: int) -> jax.Array:
    """Returns the action that goes to (x, y), first along x, and `arrived` on that cell."""
    vertical = jnp.where(state.y < y, MOVE_UP, jnp.where(state.y > y, MOVE_DOWN, arrived))
    return jnp.where(state.x < x, MOVE_RIGHT, jnp.where(state.x > x, MOVE_LEFT, vertical))


def scripted_action(state, *, tutorial: bool) -> jax.Array:
    """Returns the script's action in `state`, `()` int32, or -1 where it has come to its end.

    With the door open, the tutorial's script goes right and up to (4, 4) and no further, and never turns back; on
    other layouts it goes to the true goal.

    Args:
        state: `GridWorldState`, one example.
        tutorial: static; whether this is the tutorial's layout.
    """
    layout = state.layout
    to_key = _towards(state, layout.key_x, layout.key_y, PICKUP_KEY)
    to_door = _towards(state, layout.door_x, layout.door_y, OPEN_DOOR)
    if tutorial:
        upwards = jnp.where(state.y < TUTORIAL_TARGET, MOVE_UP, NO_ACTION)
        to_goal = jnp.where(state.x < TUTORIAL_TARGET, MOVE_RIGHT, upwards)
    else:
        to_goal = _towards(state, layout.goal_x, layout.goal_y, NO_ACTION)
    action = jnp.where(state.has_key, jnp.where(state.door_open, to_goal, to_door), to_key)
    return action.astype(jnp.int32)
