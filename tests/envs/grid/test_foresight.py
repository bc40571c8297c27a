"""The cells ahead are those that the world itself leads through."""

import jax.numpy as jnp
import numpy as np
import pytest

from envs.worlds import make_layout, make_state
from procmem_jax.envs.grid.actions import MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR
from procmem_jax.envs.grid.foresight import cells_ahead
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams

# Start (0, 0), key (2, 0), door (3, 1), goal (4, 4), no box.
LAYOUT = make_layout([0, 0, 2, 0, 3, 1, 4, 4, -1, -1])
ACTIONS = [MOVE_RIGHT, MOVE_RIGHT, OPEN_DOOR, MOVE_RIGHT, MOVE_LEFT, MOVE_UP, -1, -1]


@pytest.mark.parametrize(
    ("layout", "has_key", "xs", "ys"),
    [
        ("random", False, [2, 3, 3, 4, 3, 3, 3, 3], [1, 1, 1, 1, 1, 2, 2, 2]),
        ("doorkey", False, [2, 2, 2, 2, 1, 1, 1, 1], [1, 1, 1, 1, 1, 2, 2, 2]),  # the door stays closed
        ("doorkey", True, [2, 2, 2, 3, 2, 2, 2, 2], [1, 1, 1, 1, 1, 2, 2, 2]),  # and opens for a key
    ],
)
def test_cells_by_hand(layout, has_key, xs, ys):
    config, params = GridWorld(layout), GridWorldParams(size=5, sticky=1.0)  # which no foresight knows of
    state = make_state(1, 1, has_key, False, LAYOUT)
    x, y = cells_ahead(config, params, state, jnp.asarray(ACTIONS, jnp.int8))
    assert (np.asarray(x).tolist(), np.asarray(y).tolist()) == (xs, ys)
