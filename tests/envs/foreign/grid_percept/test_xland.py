"""The grid percept in XLand-MiniGrid: what it has seen is what its grid shows, and nothing else counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from peer_rules import peer_rules
from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import AdaptedState, GridPercept
from procmem_jax.envs.foreign.grid_percept.sights import look_xland

xminigrid = pytest.importorskip("xminigrid")
pytestmark = pytest.mark.usefixtures("lenient")

SIZE = 5
FACING = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # up, right, down, left
POSES = [((4, 1), 0), ((4, 1), 1), ((2, 2), 2), ((2, 2), 3), ((2, 2), 0), ((5, 3), 3)]


@pytest.fixture(scope="module")
def start():
    env, env_params = xminigrid.make("MiniGrid-DoorKey-8x8", view_size=SIZE)
    with peer_rules():
        return jax.jit(lambda: env.reset(env_params, jax.random.key(0)))()


@jax.jit
def perceive(timestep, notes, grid, position, heading):
    """Returns (percept, notes) of an agent that was put somewhere in a grid."""
    from xminigrid.core.observation import transparent_field_of_view as look

    agent = timestep.state.agent.replace(position=position, direction=heading)
    timestep = timestep.replace(state=timestep.state.replace(grid=grid, agent=agent))
    no, percept = jnp.zeros((), jnp.bool_), GridPercept()
    state = AdaptedState(timestep, no, no, jnp.zeros((), jnp.int32))
    obs = look(grid, agent, SIZE, SIZE)
    notes = percept.take_notes(obs, state, notes, None)
    return percept(obs, AdaptedState(timestep, no, no, state.step, notes), None), notes


def walk(start, grid):
    """Yields (percept, notes) in each pose."""
    notes = None
    for position, heading in POSES:
        percept, notes = perceive(start, notes, grid, jnp.asarray(position), jnp.asarray(heading))
        yield percept, notes


def seen_from(position, heading):
    """Which cells of the grid an agent sees, but its own, `[8, 8]` bool."""
    offsets = np.stack(np.indices((8, 8)), axis=-1) - np.array(position)
    ahead, right = offsets @ FACING[heading], offsets @ FACING[(heading + 1) % 4]
    return (ahead >= 0) & (ahead < SIZE) & (np.abs(right) <= SIZE // 2) & (np.abs(offsets).sum(axis=-1) > 0)


@pytest.fixture(scope="module")
def numbered(start):
    """A grid in which no two cells are alike."""
    cells = np.arange(64, dtype=np.uint8).reshape(8, 8)
    return jnp.asarray(np.stack([1 + cells % 12, 1 + cells // 8], axis=-1))


def test_its_map_is_the_grid_as_far_as_it_was_in_view(start, numbered):
    known, been = np.zeros((8, 8, 2), np.uint8), np.zeros((8, 8), bool)
    for (position, heading), (_, notes) in zip(POSES, walk(start, numbered), strict=True):
        known = np.where(seen_from(position, heading)[..., None], numbered, known)
        been[position] |= known[position][0] == 0
        expected = np.where(been[..., None] & (known[..., :1] == 0), [1, 0], known)
        np.testing.assert_array_equal(notes.grid.cells, expected)
    assert {heading for _, heading in POSES} == {0, 1, 2, 3} and 0.5 < (known[..., 0] != 0).mean() < 1


def test_cells_that_were_never_seen_change_nothing(start, numbered):
    unseen = ~np.any([seen_from(*pose) for pose in POSES], axis=0)
    altered = jnp.asarray(np.where(unseen[..., None], 12 - np.asarray(numbered), numbered), jnp.uint8)
    assert 5 < unseen.sum() and not np.array_equal(altered, numbered)
    for one, other in zip(walk(start, numbered), walk(start, altered), strict=True):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_mission_is_told_where_the_observation_tells_it(start):
    state = AdaptedState(start, None, None, None)
    view = np.zeros((SIZE, SIZE, 2), np.uint8)
    assert look_xland(view, state, None).mission is None
    for goal, mission in (((1, 7, 3, 0, 0), [7, 3]), ((6, 2, 4, 0, 0), [0, -1]), ((0, 0, 0, 0, 0), [0, -1])):
        obs = {"img": view, "goal_encoding": jnp.asarray(goal, jnp.uint8)}
        assert look_xland(obs, state, None).mission.tolist() == mission


@pytest.mark.slow
def test_the_memory_helps():
    env, env_params = xminigrid.make("MiniGrid-DoorKey-5x5")
    config, params = with_memory(env, GridPercept(), env_params=env_params)
    success = train(run_key(1000), config, params, 24, 150).metrics.success
    assert success[:, -20:].mean() > 0.9
