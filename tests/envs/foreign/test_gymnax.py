"""gymnax: raw steps of both generations, and what is known in FourRooms."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import make_experiment, run_key, train
from procmem_jax.envs.foreign.forms.layers import is_gymnax
from procmem_jax.envs.foreign.gymnax import RawGymnax
from procmem_jax.envs.foreign.peer_names import PEERS
from procmem_jax.envs.foreign.peers import make_peer
from procmem_jax.memory.default.direction import direction_embedding

TASK = "gymnax:FourRooms-misc"


class Old:
    """A gymnax 0.x environment: five values, one flag for every end."""

    num_actions, default_params = 2, types.SimpleNamespace(max_steps_in_episode=5)

    def reset_env(self, key, params):
        return jnp.zeros(1), types.SimpleNamespace(time=0)

    def step_env(self, key, state, action, params):
        state = types.SimpleNamespace(time=state.time + 1)
        return jnp.zeros(1), state, 1.0, jnp.asarray((action == 1) | (state.time >= params.max_steps_in_episode)), {}


def test_five_values_become_six():
    raw = RawGymnax(Old())
    assert is_gymnax(raw.env) and not is_gymnax(raw) and raw.num_actions == 2
    ends = []
    for time, action in ((0, 0), (0, 1), (4, 0)):
        _, _, _, terminated, truncated, _ = raw.step(None, types.SimpleNamespace(time=time), action, raw.default_params)
        ends.append((bool(terminated), bool(truncated)))
    assert ends == [(False, False), (True, False), (False, True)]


def test_steps_of_the_current_one_are_its_own(lenient):
    gymnax = pytest.importorskip("gymnax")
    env, params = gymnax.make("FourRooms-misc")
    raw, key = RawGymnax(env), jax.random.key(3)
    _, state = raw.reset(key, params)
    for number in range(20):
        key = jax.random.fold_in(key, number)
        found = raw.step(key, state, jnp.int32(number % 4), params)
        expected = env.step_env(key, state, jnp.int32(number % 4), params)
        np.testing.assert_array_equal(found[0], expected[0])
        assert bool(found[3]) == bool(expected[3]) and not bool(found[4])
        state = found[1]
    late = state.replace(time=499)
    assert bool(raw.step(key, late, jnp.int32(0), params)[4])


def test_every_cell_of_four_rooms_is_a_situation_of_its_own(lenient):
    pytest.importorskip("gymnax")
    world, params = make_peer(TASK)
    coords = np.asarray(world.env.env.coords)
    state = world.begin((jnp.uint32(0), jnp.uint32(1)), params).adapted

    def percept(cell):
        return world.perceive(jnp.concatenate([cell, jnp.array([8, 9])]), state, params)

    percepts = jax.vmap(percept)(jnp.asarray(coords))
    assert len(set(percepts.fingerprint.tolist())) == len(coords) == 104
    assert len({tuple(context) for context in percepts.context.tolist()}) == 104
    assert percepts.predicates.shape == (104, 1) and not percepts.predicates.any()
    corner = percepts.context[coords.tolist().index([11, 1])]  # three up, eight to the right
    assert corner.tolist() == [-4, 128]
    embeddings = jax.vmap(lambda context: direction_embedding(context, 4))(percepts.context)
    cosines = np.asarray(embeddings) @ np.asarray(embeddings).T - 2 * np.eye(104)
    limit = dict(PEERS[TASK].settings)["match_tolerance"]
    assert 2 * (1 - cosines.max()) > limit  # no skill is tried in a cell that is not its own


def test_its_picture(lenient):
    pytest.importorskip("gymnax")
    world, params = make_peer(TASK)
    state = jax.device_get(world.begin((jnp.uint32(0), jnp.uint32(1)), params))
    picture = world.picture(state, params)
    assert world.has_picture and picture.shape == (208, 208, 3) and picture.dtype == np.uint8
    cells = picture[8::16, 8::16].tolist()
    (row, column), (goal_row, goal_column) = state.adapted.env.pos, state.adapted.env.goal
    assert cells[row][column] == [31, 119, 180] and cells[goal_row][goal_column] == [44, 160, 44]
    walls = sum(cell == [77, 77, 77] for row in cells for cell in row)
    assert walls == 13 * 13 - 104 and cells[0][0] == [77, 77, 77]


@pytest.mark.slow
def test_the_memory_helps(lenient):
    pytest.importorskip("gymnax")
    runs = [train(run_key(1000), *make_experiment(TASK, use_skills=use), 24, 60).metrics for use in (False, True)]
    without, with_it = (metrics.success[:, -20:].mean() for metrics in runs)
    assert with_it > 0.9 > 0.6 > without
    assert runs[1].steps[:, -20:].mean() < 0.5 * runs[0].steps[:, -20:].mean()
