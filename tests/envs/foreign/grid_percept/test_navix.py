"""The grid percept in NAVIX: what it has seen is what its grid shows, and nothing else counts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import with_memory
from procmem_jax.envs import AdaptedState, GridPercept
from procmem_jax.envs.foreign.grid_percept.sights import look_navix

navix = pytest.importorskip("navix")
observations = pytest.importorskip("navix.observations")
pytestmark = pytest.mark.usefixtures("lenient")

FACING = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # up, right, down, left
POSES = [((6, 2), 0), ((2, 2), 1), ((2, 2), 2), ((3, 5), 3), ((3, 5), 2)]  # headings as ours, counted from above


@functools.cache
def begin(name):
    return navix.make(name).reset(jax.random.key(0))


def placed(timestep, position, heading):
    player = timestep.state.entities["player"]
    there = {"position": jnp.asarray([position]), "direction": jnp.asarray([(heading + 3) % 4])}
    entities = {**timestep.state.entities, "player": player.replace(**there)}
    return timestep.replace(state=timestep.state.replace(entities=entities))


@functools.partial(jax.jit, static_argnums=2)
def perceive(timestep, notes, observe):
    obs, no, percept = observe(timestep.state), jnp.zeros((), jnp.bool_), GridPercept()
    state = AdaptedState(timestep, no, no, jnp.zeros((), jnp.int32))
    notes = percept.take_notes(obs, state, notes, None)
    return percept(obs, AdaptedState(timestep, no, no, state.step, notes), None), notes


def walk(timestep, observe=observations.symbolic_first_person):
    notes = None
    for pose in POSES:
        percept, notes = perceive(placed(timestep, *pose), notes, observe)
        yield percept, notes


def seen_from(position, heading, shape):
    """Which cells of a grid an agent sees, but its own, `[H, W]` bool."""
    offsets = np.stack(np.indices(shape), axis=-1) - np.array(position)
    ahead, right = offsets @ FACING[heading], offsets @ FACING[(heading + 1) % 4]
    return (ahead >= 0) & (ahead < 7) & (np.abs(right) <= 3) & (np.abs(offsets).sum(axis=-1) > 0)


def test_its_map_is_the_grid_as_far_as_it_was_in_view():
    timestep = begin("Navix-DoorKey-8x8-v0")
    bare = placed(timestep, (1, 1), 0)
    bare = bare.state.replace(entities={name: one for name, one in bare.state.entities.items() if name != "player"})
    grid = np.asarray(observations.symbolic(bare))
    known = np.zeros_like(grid)
    for pose, (_, notes) in zip(POSES, walk(timestep), strict=True):
        known = np.where(seen_from(*pose, grid.shape[:2])[..., None], grid, known)
        known[pose[0]] = notes.grid.cells[pose[0]]
        np.testing.assert_array_equal(notes.grid.cells, known)
    assert {heading for _, heading in POSES} == {0, 1, 2, 3} and {4, 5, 8} <= set(known[..., 0].flat)


def test_of_the_whole_grid_the_view_is_cut_out():
    timestep = begin("Navix-DoorKey-8x8-v0")
    for one, other in zip(walk(timestep), walk(timestep, observations.symbolic), strict=True):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_cells_that_were_never_seen_change_nothing():
    timestep = begin("Navix-KeyCorridorS6R3-v0")
    shape = timestep.state.grid.shape
    unseen = ~np.any([seen_from(*pose, shape) for pose in POSES], axis=0)
    assert unseen.sum() > 100
    grid = jnp.where(unseen, -1 - timestep.state.grid, timestep.state.grid)
    moved, entities = 0, {}
    for name, things in timestep.state.entities.items():
        places = np.asarray(things.position)
        hidden = np.array([name != "player" and unseen[tuple(place)] for place in places])
        moved += hidden.sum()
        elsewhere = np.argwhere(unseen)[::-1][: len(places)]
        entities[name] = things.replace(position=jnp.asarray(np.where(hidden[:, None], elsewhere, places)))
    altered = timestep.replace(state=timestep.state.replace(grid=grid, entities=entities))
    assert moved > 1
    for one, other in zip(walk(timestep), walk(altered), strict=True):
        jax.tree.map(np.testing.assert_array_equal, one, other)


def test_the_mission_is_the_first_target():
    timestep = begin("Navix-Fetch-5x5-N2-v0")
    state = AdaptedState(timestep, None, None, None)
    mission = look_navix(timestep.observation, state, None).mission
    target = timestep.state.mission[0]
    cell = observations.symbolic(timestep.state)[tuple(target.position)]
    assert mission.tolist() == cell[:2].tolist() and int(cell[0]) in (5, 6)
    empty = begin("Navix-Empty-5x5-v0")
    assert look_navix(empty.observation, AdaptedState(empty, None, None, None), None).mission is None


def test_what_is_not_symbolic_is_refused():
    env = navix.make("Navix-Empty-5x5-v0", observation_fn=observations.categorical)
    with pytest.raises(TypeError, match="observation_fn=symbolic_first_person"):
        with_memory(env, GridPercept())


@pytest.mark.slow
def test_a_key_is_carried_until_it_is_put_down():
    env = navix.make("Navix-DoorKey-5x5-v0")
    config, params = with_memory(env, GridPercept())
    world, words = config.environment, (jnp.uint32(1), jnp.uint32(2))
    state = jax.jit(lambda: world.begin(words, params.environment))()
    step = jax.jit(lambda state, action: world.step_from_words(words, state, action, params.environment)[0])
    rng, told = np.random.default_rng(0), set()
    for _ in range(400):
        pocket = int(state.adapted.env.state.entities["player"].pocket[0])
        assert bool(state.percept.predicates[0]) == (pocket == 3)
        told.add(pocket)
        state = step(state, jnp.int32(rng.choice([0, 1, 2, 2, 3, 4])))
    assert told == {-1, 3}
