"""What the grid tells an agent's memory: predicates, the offset to the next target, fingerprints."""

import jax
import numpy as np
import pytest

from envs.worlds import all_cells, make_layout, make_state
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.records import as_arrays

# Start (0, 0), key (3, 0), door (0, 4), goal (4, 4), box (2, 2).
LAYOUT = [0, 0, 3, 0, 0, 4, 4, 4, 2, 2]


def perceive(state, size=5):
    world = GridWorld()
    params = as_arrays(world.default_params(size=size))
    return world.perceive(world.observe(state, params), state, params)


@pytest.mark.parametrize(
    ("cell", "has_key", "door_open", "predicates", "context"),
    (
        ((1, 2), False, False, [False, False, False], [2, -2]),  # to the key
        ((3, 0), False, False, [False, False, False], [0, 0]),
        ((1, 2), True, False, [True, False, False], [-1, 2]),  # to the door
        ((4, 4), True, False, [True, False, False], [-4, 0]),  # on the goal without success
        ((1, 2), True, True, [True, True, False], [3, 2]),  # to the goal
        ((4, 4), True, True, [True, True, True], [0, 0]),
    ),
)
def test_predicates_and_context_by_hand(cell, has_key, door_open, predicates, context):
    percept = perceive(make_state(*cell, has_key, door_open, make_layout(LAYOUT)))
    assert percept.predicates.tolist() == predicates
    assert percept.context.tolist() == context
    assert [str(x.dtype) for x in (percept.predicates, percept.context, percept.fingerprint)] == [
        "bool",
        "float32",
        "uint32",
    ]


def test_shapes_are_those_that_the_world_announces():
    world = GridWorld()
    percept = perceive(make_state(0, 0, False, False, make_layout(LAYOUT)))
    assert percept.predicates.shape == (len(world.predicate_names),) == (3,)
    assert percept.context.shape == (world.context_size,) == (2,)
    assert percept.fingerprint.shape == ()
    assert world.predicate_names == ("has_key", "door_open", "goal_reached")


def test_offsets_reach_across_the_largest_grid():
    corners = make_layout([0, 0, 63, 63, 0, 63, 63, 0, 1, 1])
    assert perceive(make_state(0, 0, False, False, corners), 64).context.tolist() == [63, 63]
    assert perceive(make_state(63, 0, True, False, corners), 64).context.tolist() == [-63, 63]


@pytest.mark.parametrize("size", (3, 5, 64))
def test_fingerprints_of_all_states_of_an_episode_differ(size):
    cells = all_cells(size)
    world, layout = GridWorld(), make_layout(LAYOUT)
    params = as_arrays(world.default_params(size=size))

    def fingerprint(x, y, has_key, door_open):
        return world.perceive(None, make_state(x, y, has_key, door_open, layout), params).fingerprint

    fingerprints = np.asarray(jax.jit(jax.vmap(fingerprint))(*cells.T))
    assert len(set(fingerprints.tolist())) == 4 * size * size


def test_a_fingerprint_does_not_know_the_time():
    layout = make_layout(LAYOUT)
    early, late = (perceive(make_state(1, 2, True, False, layout, step=step)) for step in (0, 77))
    assert early.fingerprint == late.fingerprint
