"""The tutorial's scripted explorer: to the key, to the door, to the goal."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from procmem_jax.envs.grid.actions import MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY

TUTORIAL_TARGET = 4  # the tutorial's script ends at (4, 4), whatever the size of its grid
NO_ACTION = -1


def _towards(seen: Mapping[str, jax.Array], x: jax.Array, y: jax.Array, arrived: int) -> jax.Array:
    """Returns the action that goes to (x, y), first along x, and `arrived` on that cell."""
    here_x, here_y = seen["agent_x"], seen["agent_y"]
    vertical = jnp.where(here_y < y, MOVE_UP, jnp.where(here_y > y, MOVE_DOWN, arrived))
    return jnp.where(here_x < x, MOVE_RIGHT, jnp.where(here_x > x, MOVE_LEFT, vertical))


def scripted_action(seen: Mapping[str, jax.Array], layout: str) -> jax.Array:
    """Returns the script's action, `()` int32, or -1 where it has come to its end.

    It walks a shortest path: to the key, to the door (with walls: to the cell before it), to the goal. Only on the
    tutorial's layout, with the door open, it goes right and up to (4, 4), whatever the goal, and never turns back.

    Args:
        seen: an observation of one example, `()` int32 each, by the names in `OBSERVATION_NAMES`.
        layout: static, its name.
    """
    to_key = _towards(seen, seen["key_x"], seen["key_y"], PICKUP_KEY)
    opening_x = seen["door_x"] - 1 if layout == "doorkey" else seen["door_x"]
    to_door = _towards(seen, opening_x, seen["door_y"], OPEN_DOOR)
    if layout == "tutorial":
        upwards = jnp.where(seen["agent_y"] < TUTORIAL_TARGET, MOVE_UP, NO_ACTION)
        to_goal = jnp.where(seen["agent_x"] < TUTORIAL_TARGET, MOVE_RIGHT, upwards)
    else:
        to_goal = _towards(seen, seen["goal_x"], seen["goal_y"], NO_ACTION)
    if layout == "doorkey":
        through = _towards(seen, opening_x, seen["door_y"], MOVE_RIGHT)
        to_goal = jnp.where(seen["agent_x"] < seen["door_x"], through, to_goal)
    later = jnp.where(seen["door_open"] != 0, to_goal, to_door)
    return jnp.where(seen["has_key"] != 0, later, to_key).astype(jnp.int32)
