"""NAVIX: steps as its own, what is perceived, and that the memory helps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import make_experiment, run_key, train
from procmem_jax.envs.foreign.peers import make_peer

pytest.importorskip("navix")
pytestmark = pytest.mark.usefixtures("lenient")

TASK = "navix:Navix-DoorKey-Random-5x5-v0"
WORDS = (jnp.uint32(1), jnp.uint32(2))


def first_person(state, radius=3):
    """NAVIX's own view of 7 x 7 cells: (tags, states of doors)."""
    from navix.observations import symbolic_first_person

    view = symbolic_first_person(state)
    return np.asarray(view[..., 0]), np.asarray(view[..., 2])


STEPS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])  # of the directions: east, south, west, north


def place_of(player, ahead, right):
    """The cell (row, column) that an agent sees `ahead` and to its `right`."""
    direction = int(player.direction)
    return np.asarray(player.position) + ahead * STEPS[direction] + right * STEPS[(direction + 1) % 4]


def offset_of(player, place):
    """(ahead, right) of a cell."""
    direction = int(player.direction)
    offset = place - np.asarray(player.position)
    return int(offset @ STEPS[direction]), int(offset @ STEPS[(direction + 1) % 4])


@pytest.mark.parametrize("seed", range(3))
def test_it_perceives_what_its_own_view_shows_or_has_shown(seed):
    """Along random walks that are helped through the door, against NAVIX's symbolic first-person view."""
    from navix.entities import EntityIds

    world, _ = make_peer(TASK)
    start = jax.jit(lambda word: world.begin((word, word), None))
    step = jax.jit(lambda state, action: world.step_from_words(WORDS, state, action, None)[0])
    state = start(jnp.uint32(seed))
    rng, changes, seen = np.random.default_rng(seed), set(), {}
    for _ in range(300):
        tags, doors = first_person(state.adapted.env.state)
        has_key, door_open, _ = state.percept.predicates.tolist()
        wanted = EntityIds.GOAL if door_open else EntityIds.DOOR if has_key else EntityIds.KEY
        player = state.adapted.env.state.get_player()
        for entity in (EntityIds.KEY, EntityIds.DOOR, EntityIds.GOAL):
            for row, column in np.argwhere(tags == int(entity)):
                seen[int(entity)] = place_of(player, 6 - row, column - 3)
        expected = offset_of(player, seen[int(wanted)]) if int(wanted) in seen else (0, 0)
        assert state.percept.context[:2].tolist() == list(expected)
        free = np.isin(tags, [int(EntityIds.FLOOR), int(EntityIds.GOAL)]) | ((tags == int(EntityIds.DOOR)) & door_open)
        beside = [(5, 3), (6, 4), (6, 2), (5, 4), (5, 2)]
        assert state.percept.context[2:].tolist() == [float(not free[cell]) for cell in beside]
        changes.add((has_key, door_open))
        state = step(state, jnp.int32(rng.choice([0, 1, 2, 2, 3, 5])))
    assert (True, False) in changes


def test_steps_are_its_own_without_a_reset():
    import navix

    world, _ = make_peer(TASK)
    env = navix.make(TASK.partition(":")[2], max_steps=10_000)
    theirs = jax.jit(env.step)
    ours = jax.jit(lambda state, action: world.step_from_words(WORDS, state, action, None)[:4])
    state = world.begin(WORDS, None)
    timestep = env.reset(jax.random.wrap_key_data(jnp.stack(WORDS)))
    rng = np.random.default_rng(0)
    for _ in range(99):
        action = jnp.int32(rng.integers(0, 6))
        timestep = theirs(timestep, action)
        state, reward, terminated, _ = ours(state, action)
        assert float(reward) == float(timestep.reward) and bool(terminated) == bool(timestep.is_termination())
        jax.tree.map(np.testing.assert_array_equal, state.adapted.env.state.entities, timestep.state.entities)
        if terminated:
            break


def test_the_memory_helps():
    runs = [train(run_key(1000), *make_experiment(TASK, use_skills=use), 24, 60).metrics for use in (False, True)]
    without, with_it = (metrics.success[:, -20:].mean() for metrics in runs)
    assert with_it > 0.75 > 0.2 > without
    assert runs[1].steps[:, -20:].mean() < 0.5 * runs[0].steps[:, -20:].mean()


def test_two_devices_share_its_agents():
    config, params = make_experiment(TASK)
    one, two = (train(run_key(0), config, params, 20, 2, devices=jax.devices()[:n]).metrics for n in (1, 2))
    jax.tree.map(np.testing.assert_array_equal, one, two)


def test_its_picture():
    """It is what NAVIX itself shows of the state."""
    import navix
    from navix.observations import rgb

    world, params = make_peer(TASK)
    env = navix.make(TASK.partition(":")[2], observation_fn=rgb)
    state = jax.device_get(jax.jit(lambda: world.begin(WORDS, None))())
    theirs = env.reset(jax.random.wrap_key_data(jnp.stack(WORDS), impl="threefry2x32"))
    picture = world.picture(state, params)
    np.testing.assert_array_equal(picture, theirs.observation)
    assert picture.shape[2] == 3 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 5
