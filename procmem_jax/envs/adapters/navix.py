"""NAVIX environments, and what a memory may know of a key and a door in an egocentric view of 7 x 7 cells.

Source: Pignatelli et al. 2024, "NAVIX: scaling MiniGrid environments with JAX".
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.adapters.adapted import AdaptedState
from procmem_jax.envs.adapters.door_key import BESIDE, door_key_percept, hash_of
from procmem_jax.envs.percept import Percept

NAVIX_ACTIONS = ("turn_left", "turn_right", "move_forward", "pick_up", "put_down", "toggle", "done")
_AHEAD, _ASIDE = 6, 3  # cells that the view reaches, as MiniGrid's


@dataclasses.dataclass(frozen=True, eq=False)  # hashed by identity: its parts need not be hashable
class RawNavix:
    """A NAVIX environment without its reset inside `step`, as a `RawEnvironment`; its state is a `Timestep`.

    What is there for drawing only, 13 kB a state, is left out, and no observation is made: the percept needs neither.

    Attributes:
        env: the environment, made with `observation_fn=navix.observations.none`.
    """

    env: Any

    def reset(self, key: jax.Array, params: None) -> tuple[jax.Array, Any]:
        """Returns (an empty observation, state)."""
        del params
        timestep = self.env.reset(key)
        timestep = timestep.replace(state=timestep.state.replace(cache=None))
        return timestep.observation, timestep

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: None) -> tuple:
        """Returns (an empty observation, state, reward, terminated, truncated, info)."""
        del key, params
        # The public `step` is this with a reset in it, which also wants the drawing.
        timestep = self.env._step(state, action)
        return timestep.observation, timestep, timestep.reward, timestep.is_termination(), timestep.is_truncation(), {}


def perceive_navix(obs: jax.Array, state: AdaptedState, params: None) -> Percept:
    """Returns what is known of key, door and goal: what is carried from the pocket, the rest by the view's reach.

    Args:
        obs: not used.
        state: its `env` a `Timestep`.
        params: None.
    """
    del obs, params
    world = state.env.state
    player, key, door, goal = (world.entities[name] for name in ("player", "key", "door", "goal"))
    place, heading = player.position[0], player.direction[0]
    has_key = player.pocket[0] == key.id[0]
    door_open = jnp.any(door.open)
    target = jnp.where(door_open, goal.position[0], jnp.where(has_key, door.position[0], key.position[0]))
    numbers = [place, heading[None], player.pocket, key.position[0], door.open]
    ahead, right = _turn(target - place, heading)
    seen = (ahead >= 0) & (ahead <= _AHEAD) & (jnp.abs(right) <= _ASIDE)
    return door_key_percept(
        (jnp.where(seen, ahead, 0), jnp.where(seen, right, 0)),
        [_is_blocked(world, place + _turn_back(cell, heading)) for cell in BESIDE],
        has_key=has_key,
        door_open=door_open,
        succeeded=state.rewarded,
        fingerprint=hash_of(jnp.concatenate([number.astype(jnp.int32) for number in numbers])),
    )


def _heading(direction: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the unit step (row, column) of a direction: 0 east, 1 south, 2 west, 3 north."""
    one = jnp.int32(1)
    row = jnp.where(direction == 1, one, jnp.where(direction == 3, -one, 0))
    column = jnp.where(direction == 0, one, jnp.where(direction == 2, -one, 0))
    return row, column


def _turn(offset: jax.Array, direction: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (ahead, right) of an offset `[2]` (row, column)."""
    row, column = _heading(direction)
    return offset[0] * row + offset[1] * column, offset[0] * column - offset[1] * row


def _turn_back(cell: tuple[int, int], direction: jax.Array) -> jax.Array:
    """Returns the offset `[2]` (row, column) of a cell (ahead, right)."""
    row, column = _heading(direction)
    return jnp.stack([cell[0] * row + cell[1] * column, cell[0] * column - cell[1] * row])


def _is_blocked(world: Any, cell: jax.Array) -> jax.Array:
    """Returns whether a cell `[2]` cannot be walked on, `()` bool."""
    inside = jnp.all((cell >= 0) & (cell < jnp.asarray(world.grid.shape, jnp.int32)))
    wall = world.grid[cell[0], cell[1]] != 0
    things = [jnp.any(jnp.all(thing.position == cell, axis=-1) & ~thing.walkable) for thing in world.entities.values()]
    return ~inside | wall | jnp.any(jnp.stack(things))
