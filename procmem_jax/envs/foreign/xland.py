"""XLand-MiniGrid environments, and what a memory may know of a key and a door in their egocentric view.

Source: Nikulin et al. 2024, "XLand-MiniGrid: scalable meta-reinforcement learning environments in JAX".
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.door_key import (
    Places,
    Tiles,
    blocked_in_view,
    door_key_percept,
    find_in_view,
    from_view,
    hash_of,
    remember,
)
from procmem_jax.percept import Percept

XLAND_ACTIONS = ("move_forward", "turn_right", "turn_left", "pick_up", "put_down", "toggle")
# Tile numbers of its constants.py.
XLAND_TILES = Tiles(free=(1, 6, 10), key=7, shut_doors=(8, 9), open_door=10, goal=6)


@dataclasses.dataclass(frozen=True)
class RawXLand:
    """An XLand-MiniGrid environment as a `RawEnvironment`: its state is a whole `TimeStep`, its step never resets.

    Attributes:
        env: the environment.
        env_params: its parameters, which decide shapes; used where `params` is None.
    """

    env: Any
    env_params: Any

    never_resets = True

    def reset(self, key: jax.Array, params: Any) -> tuple[jax.Array, Any]:
        """Returns (observation `[V, V, 2]` uint8, state)."""
        timestep = self.env.reset(self._params(params), key)
        return timestep.observation, timestep

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""
        del key
        timestep = self.env.step(self._params(params), state, action)
        terminated = timestep.discount == 0
        return timestep.observation, timestep, timestep.reward, terminated, timestep.last() & ~terminated, {}

    def picture(self, state: Any, params: Any) -> np.ndarray:
        """Returns its own drawing of a state, `[H, W, 3]` uint8; what the agent sees is lighter."""
        from xminigrid.rendering.rgb_render import render

        return render(np.asarray(state.state.grid), state.state.agent, self._params(params).view_size)

    def _params(self, params: Any) -> Any:
        return self.env_params if params is None else params


@dataclasses.dataclass(frozen=True)
class XLandPercept:
    """What is known of key, door and goal: what is carried from the pocket, the rest from the view, and remembered."""

    def take_notes(self, obs: jax.Array, state: AdaptedState, notes: Places | None, params: None) -> Places:
        """Returns where things were seen last; arguments as for `__call__`."""
        del params
        agent = state.env.state.agent
        seen, ahead, right = find_in_view(obs[..., 0], XLAND_TILES)
        row, column = from_view(ahead, right, agent.direction)
        here = agent.position.astype(jnp.int32)
        return remember(notes, seen, here[0] + row, here[1] + column)

    def __call__(self, obs: jax.Array, state: AdaptedState, params: None) -> Percept:
        """Returns the percept.

        Args:
            obs: `[V, V, 2]` uint8, tiles and colours around the agent, which looks up from the middle of the last row.
            state: its `env` a `TimeStep`, its `notes` the places.
            params: None.
        """
        del params
        world = state.env.state
        grid, agent = world.grid[..., 0], world.agent
        row, column, direction = (part.astype(jnp.int32) for part in (*agent.position, agent.direction))
        pose = row * grid.shape[1] + column + (direction + 4 * agent.pocket[0].astype(jnp.int32)) * grid.size
        return door_key_percept(
            state.notes,
            blocked_in_view(obs[..., 0], XLAND_TILES),
            row=row,
            column=column,
            direction=direction,
            has_key=agent.pocket[0] == XLAND_TILES.key,
            door_open=jnp.any(grid == XLAND_TILES.open_door),
            succeeded=state.rewarded,
            fingerprint=hash_of(grid) + pose.astype(jnp.uint32),
        )
