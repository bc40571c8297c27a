"""The grid as a gymnax environment: against the raw grid, with the resets of gymnax."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.envs.grid.actions import MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.export.gymnax_env import as_gymnax
from quick import quick_first

environment = pytest.importorskip("gymnax.environments.environment")
spaces = pytest.importorskip("gymnax.environments.spaces")

KEY = jax.random.key(0)
# The shortest way on the tutorial's grid of 5 x 5: key (2, 2), door (3, 3), goal (4, 4).
WAY = [MOVE_UP, MOVE_RIGHT] * 2 + [PICKUP_KEY, MOVE_UP, MOVE_RIGHT, OPEN_DOOR, MOVE_UP, MOVE_RIGHT]


def plain_rollout(world, params, key, actions):
    """What gymnax documents, around the raw grid: (observation, reward, terminated, truncated, last observation)."""
    step, reset, rows = jax.jit(world.step), jax.jit(world.reset), []
    obs, state = reset(key, params)
    for index, action in enumerate(actions):
        for_step, for_reset = jax.random.split(jax.random.fold_in(key, index))
        last, state, reward, terminated, truncated, _ = step(for_step, state, action, params)
        obs = last
        if terminated or truncated:
            obs, state = reset(for_reset, params)
        rows.append((obs, reward, terminated, truncated, last))
    return [np.stack(column) for column in zip(*rows, strict=True)]


def rollout(env, params, key, actions):
    """The same from the environment, which resets itself."""

    def tick(state, inputs):
        index, action = inputs
        obs, state, reward, terminated, truncated, info = env.step(
            jax.random.fold_in(key, index), state, action, params
        )
        return state, (obs, reward, terminated, truncated, info["final_observation"])

    _, state = env.reset(key, params)
    return jax.tree.map(np.asarray, jax.lax.scan(tick, state, (jnp.arange(len(actions)), actions))[1])


@pytest.mark.parametrize(
    ("task", "changes"),
    quick_first([("tutorial-5", {"max_steps": 7}), ("random-4", {"sticky": 0.3}), ("doorkey-5", {"max_steps": 23})]),
)
def test_every_step_is_that_of_the_grid_and_every_reset_that_of_gymnax(task, changes):
    env, params = as_gymnax(task, **changes)
    layout, size = task.split("-")
    world = GridWorld(layout)
    numbers = world.default_params(size=int(size), **changes)
    actions = jnp.asarray(np.random.default_rng(3).integers(0, 6, 400), jnp.int32)
    found = rollout(env, params, KEY, actions)
    for ours, plain in zip(found, plain_rollout(world, numbers, KEY, actions), strict=True):
        np.testing.assert_array_equal(ours, plain)
    assert found[0].dtype == np.float32
    assert found[3].sum() >= 6  # ends by the time limit


def test_an_episode_by_hand():
    env, params = as_gymnax("tutorial-5")
    obs, state = env.reset(KEY, params)
    np.testing.assert_array_equal(obs, [0, 0, 2, 2, 3, 3, 4, 4, 1, 3, 0, 0, 0])
    rewards, ends = [], []
    for count, action in enumerate(WAY, start=1):
        obs, state, reward, terminated, truncated, info = env.step(KEY, state, action, params)
        rewards.append(float(reward))
        ends.append((bool(terminated), bool(truncated)))
        assert int(state.time) == count % len(WAY)
    assert rewards == pytest.approx([-0.1] * 4 + [1.0, -0.1, -0.1, 2.0, -0.1, 10.0])
    assert ends == [(False, False)] * 9 + [(True, False)]
    # The next episode has begun, and the last observation of the old one is told.
    np.testing.assert_array_equal(obs, [0, 0, 2, 2, 3, 3, 4, 4, 1, 3, 0, 0, 0])
    np.testing.assert_array_equal(info["final_observation"], [4, 4, 2, 2, 3, 3, 4, 4, 1, 3, 1, 1, 1])


def test_the_limit_by_hand():
    env, params = as_gymnax("random-5")
    _, state = env.reset(KEY, params)
    params = params.replace(max_steps_in_episode=3)
    told = []
    for _ in range(7):
        _, state, _, terminated, truncated, _ = env.step(KEY, state, 4, params)
        told.append((bool(terminated), bool(truncated), int(state.time)))
    assert told == [(False, False, 1), (False, False, 2), (False, True, 0)] * 2 + [(False, False, 1)]


def test_params_may_be_traced():
    env, params = as_gymnax("random-5")
    many = jax.vmap(lambda limit: params.replace(max_steps_in_episode=limit))(jnp.asarray([1, 2, 0], jnp.int32))
    chex.clear_trace_counter()
    step = jax.jit(jax.vmap(chex.assert_max_traces(env.step, n=1), in_axes=(None, None, None, 0)))
    _, state = env.reset(KEY, params)
    truncated = step(KEY, state, jnp.int32(4), many)[4]
    assert truncated.tolist() == [True, False, False]
    assert many.max_steps_in_episode.tolist() == [1, 2, 2**30]
    step(KEY, state, jnp.int32(5), many)


def test_what_gymnax_wants_to_know():
    env, params = as_gymnax(GridWorld("doorkey"), size=6, sticky=0.25)
    assert isinstance(env, environment.Environment)
    assert (env.name, env.num_actions, env.default_params) == ("doorkey-6-procmem", 6, params)
    assert (params.size, params.sticky, int(params.max_steps_in_episode)) == (6, 0.25, 4 * 36)
    actions, observations = env.action_space(params), env.observation_space(params)
    assert isinstance(actions, spaces.Discrete) and actions.n == 6
    assert (observations.shape, observations.dtype) == ((13,), jnp.float32)
    assert observations.low.tolist() == [0] * 8 + [-1] * 2 + [0] * 3
    assert observations.high.tolist() == [5] * 10 + [1] * 3
    obs, state = env.reset(KEY)
    assert obs[8:10].tolist() == [-1, -1]  # no box here
    np.testing.assert_array_equal(env.observe(KEY, state, None, params), obs)
    assert bool(env.observation_space(params).contains(obs))
    assert bool(env.state_space(params).contains(state))
    assert not bool(env.observation_space(params).contains(obs + 8))
    assert float(env.discount(state, params)) == 1.0
    assert int(state.replace(time=jnp.int32(9)).step) == 9


def test_equal_environments_share_their_programs():
    env, _ = as_gymnax("random-5", sticky=np.float32(0.5))
    assert env == as_gymnax("random-5", sticky=jnp.float32(0.5))[0]
    assert hash(env) == hash(as_gymnax("random-5", sticky=0.5)[0])
    others = as_gymnax("random-6")[0], as_gymnax("random-5")[0], as_gymnax("random-5", sticky=0.5, five_values=True)[0]
    assert env not in others


def test_five_values():
    env, params = as_gymnax("random-5", five_values=True, max_steps=1)
    obs, state = env.reset(KEY, params)
    obs, state, reward, done, info = env.step(KEY, state, 0, params)
    assert (bool(done), bool(info["truncated"]), bool(info["terminated"])) == (True, True, False)
    assert int(state.time) == 0 and isinstance(env, environment.Environment)


def test_what_is_refused():
    with pytest.raises(ValueError, match="layout='shifting' counts episodes, .*; use layout random"):
        as_gymnax("shifting-5")
    with pytest.raises(ValueError, match="task='maze-5' is unknown"):
        as_gymnax("maze-5")
