"""XLand-MiniGrid environments, and what a memory may know of a key and a door in their egocentric view.

Source: Nikulin et al. 2024, "XLand-MiniGrid: scalable meta-reinforcement learning environments in JAX".
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.adapters.adapted import AdaptedState
from procmem_jax.envs.adapters.door_key import Tiles, door_key_percept, hash_of, read_view
from procmem_jax.envs.percept import Percept

XLAND_ACTIONS = ("move_forward", "turn_right", "turn_left", "pick_up", "put_down", "toggle")
# Tile numbers of its constants.py.
XLAND_TILES = Tiles(free=(1, 6, 10), key=7, shut_doors=(8, 9), open_door=10, goal=6)


@dataclasses.dataclass(frozen=True)
class RawXLand:
    """An XLand-MiniGrid environment as a `RawEnvironment`: its state is a whole `TimeStep`, its step never resets.

    Attributes:
        env: the environment.
        env_params: its parameters; they decide shapes and cannot be mapped over, so that `params` is always None.
    """

    env: Any
    env_params: Any

    def reset(self, key: jax.Array, params: None) -> tuple[jax.Array, Any]:
        """Returns (observation `[V, V, 2]` uint8, state)."""
        del params
        timestep = self.env.reset(self.env_params, key)
        return timestep.observation, timestep

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: None) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""
        del key, params
        timestep = self.env.step(self.env_params, state, action)
        terminated = timestep.discount == 0
        return timestep.observation, timestep, timestep.reward, terminated, timestep.last() & ~terminated, {}


def perceive_xland(obs: jax.Array, state: AdaptedState, params: None) -> Percept:
    """Returns what is known of key, door and goal: what is carried from the pocket, the rest from the view.

    Args:
        obs: `[V, V, 2]` uint8, tiles and colours around the agent, which looks up from the middle of the last row.
        state: its `env` a `TimeStep`.
        params: None.
    """
    del params
    world = state.env.state
    grid, agent = world.grid[..., 0], world.agent
    pose = agent.position[0] * grid.shape[1] + agent.position[1] + agent.direction * grid.size
    fingerprint = hash_of(grid) + (pose + 4 * grid.size * agent.pocket[0].astype(jnp.int32)).astype(jnp.uint32)
    has_key = agent.pocket[0] == XLAND_TILES.key
    door_open = jnp.any(grid == XLAND_TILES.open_door)
    return door_key_percept(
        *read_view(obs[..., 0], has_key, door_open, XLAND_TILES),
        has_key=has_key,
        door_open=door_open,
        succeeded=state.rewarded,
        fingerprint=fingerprint,
    )
