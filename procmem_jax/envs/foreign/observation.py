"""The grid's observation as other people's learners want it: a vector of float32 within known bounds."""

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.grid.world import OBSERVATION_NAMES, GridWorld

OBSERVATION_SHAPE = (len(OBSERVATION_NAMES),)
_NUM_COORDINATES = 10
_BOX = slice(8, 10)


def as_floats(obs: jax.Array) -> jax.Array:
    """Returns an observation `[..., 13]` as float32: the same whole numbers, in the order of `OBSERVATION_NAMES`."""
    return obs.astype(jnp.float32)


def observation_bounds(world: GridWorld, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns (lowest, highest) observation of grids up to `size` cells along a side, `[13]` float32 each.

    Where a layout has no box, the box's coordinates are -1.
    """
    low = np.zeros(OBSERVATION_SHAPE, np.float32)
    high = np.ones(OBSERVATION_SHAPE, np.float32)
    high[:_NUM_COORDINATES] = size - 1
    if world.has_walls:
        low[_BOX] = -1
    return low, high
