"""NAVIX environments, and what a memory may know of a key and a door in an egocentric view of 7 x 7 cells.

Source: Pignatelli et al. 2024, "NAVIX: scaling MiniGrid environments with JAX".
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.door_key import (
    BESIDE,
    Places,
    door_key_percept,
    from_view,
    hash_of,
    remember,
    to_view,
)
from procmem_jax.percept import Percept

NAVIX_ACTIONS = ("turn_left", "turn_right", "move_forward", "pick_up", "put_down", "toggle", "done")
_AHEAD, _ASIDE = 6, 3  # cells that the view reaches, as MiniGrid's


@dataclasses.dataclass(frozen=True, eq=False)  # hashed by identity: its parts need not be hashable
class RawNavix:
    """A NAVIX environment without its reset inside `step`, as a `RawEnvironment`; its state is a `Timestep`.

    What is there for drawing only, 13 kB a state, is left out, and no observation is made: the percept needs neither.

    Attributes:
        env: the environment, made with `observation_fn=navix.observations.none`.
    """

    never_resets = True

    env: Any

    def reset(self, key: jax.Array, params: None) -> tuple[None, Any]:
        """Returns (no observation, state)."""
        del params
        timestep = self.env.reset(key)
        # An empty array in the state could not be split over devices.
        timestep = timestep.replace(state=timestep.state.replace(cache=None), observation=None)
        return None, timestep

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: None) -> tuple:
        """Returns (no observation, state, reward, terminated, truncated, info)."""
        del key, params
        # The public `step` is this with a reset in it, which also wants the drawing.
        timestep = self.env._step(state, action).replace(observation=None)
        return None, timestep, timestep.reward, timestep.is_termination(), timestep.is_truncation(), {}

    def picture(self, state: Any, params: None) -> np.ndarray:
        """Returns its own drawing of a state, `[H, W, 3]` uint8."""
        del params
        from navix.observations import rgb
        from navix.rendering.cache import RenderingCache

        world = jax.tree.map(jnp.asarray, state.state)
        return np.asarray(rgb(world.replace(cache=RenderingCache.init(world.grid))))


@dataclasses.dataclass(frozen=True)
class NavixPercept:
    """What is known of key, door and goal: what is carried from the pocket, the rest as far as one sees, remembered."""

    def take_notes(self, obs: jax.Array, state: AdaptedState, notes: Places | None, params: None) -> Places:
        """Returns where things were seen last; arguments as for `__call__`."""
        del obs, params
        world = state.env.state
        row, column, direction = _pose(world)
        things = jnp.stack([world.entities[name].position[0] for name in ("key", "door", "goal")]).astype(jnp.int32)
        ahead, right = to_view(things[:, 0] - row, things[:, 1] - column, direction)
        inside = things[:, 1] >= 0  # a key that is carried lies outside the grid
        seen = inside & (ahead >= 0) & (ahead <= _AHEAD) & (jnp.abs(right) <= _ASIDE)
        return remember(notes, seen, things[:, 0], things[:, 1])

    def __call__(self, obs: jax.Array, state: AdaptedState, params: None) -> Percept:
        """Returns the percept.

        Args:
            obs: not used.
            state: its `env` a `Timestep`, its `notes` the places.
            params: None.
        """
        del obs, params
        world = state.env.state
        player, key, door = (world.entities[name] for name in ("player", "key", "door"))
        row, column, direction = _pose(world)
        beside = [from_view(*cell, direction) for cell in BESIDE]
        numbers = [*_pose(world), player.pocket[0], *key.position[0], door.open[0]]
        return door_key_percept(
            state.notes,
            [_is_blocked(world, jnp.stack([row + down, column + right])) for down, right in beside],
            row=row,
            column=column,
            direction=direction,
            has_key=player.pocket[0] == key.id[0],
            door_open=jnp.any(door.open),
            succeeded=state.rewarded,
            fingerprint=hash_of(jnp.stack([number.astype(jnp.int32) for number in numbers])),
        )


def _pose(world: Any) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns (row, column, heading) of the player, `()` int32; NAVIX counts headings from the right."""
    player = world.entities["player"]
    row, column = player.position[0].astype(jnp.int32)
    return row, column, (player.direction[0].astype(jnp.int32) + 1) & 3


def _is_blocked(world: Any, cell: jax.Array) -> jax.Array:
    """Returns whether a cell `[2]` cannot be walked on, `()` bool."""
    inside = jnp.all((cell >= 0) & (cell < jnp.asarray(world.grid.shape, jnp.int32)))
    wall = world.grid[cell[0], cell[1]] != 0
    things = [jnp.any(jnp.all(thing.position == cell, axis=-1) & ~thing.walkable) for thing in world.entities.values()]
    return ~inside | wall | jnp.any(jnp.stack(things))
