"""The grid as a Gymnasium environment: against the raw grid and our own runs, and by Gymnasium's own check."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import make_experiment, run_key
from procmem_jax.agents import ProceduralAgent
from procmem_jax.agents.states import AgentInputs
from procmem_jax.envs.grid.actions import MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.export import register_gymnasium
from procmem_jax.export.gymnasium_env import as_gymnasium
from procmem_jax.records import as_arrays
from procmem_jax.streams import draw_words, open_streams
from quick import quick_first

gymnasium = pytest.importorskip("gymnasium")
check_env = pytest.importorskip("gymnasium.utils.env_checker").check_env

# The shortest way on the tutorial's grid of 5 x 5: key (2, 2), door (3, 3), goal (4, 4).
WAY = [MOVE_UP, MOVE_RIGHT] * 2 + [PICKUP_KEY, MOVE_UP, MOVE_RIGHT, OPEN_DOOR, MOVE_UP, MOVE_RIGHT]
START = [0, 0, 2, 2, 3, 3, 4, 4, 1, 3, 0, 0, 0]


@pytest.mark.parametrize("env_id", quick_first(register_gymnasium()))
def test_gymnasium_checks_every_id(env_id):
    check_env(gymnasium.make(env_id).unwrapped)


def plain_rollout(world, params, seed, actions):
    """The raw grid with the words of agent 0 of a run: (observation, reward, terminated, truncated, executed)."""
    streams, agent = open_streams(run_key(seed)), jnp.uint32(0)
    step, reset, draw = jax.jit(world.step_from_words), jax.jit(world.reset_from_words), jax.jit(draw_words)
    observe = jax.jit(world.observe)
    state, episode, rows = reset(draw(streams.episode, 0, agent), params), 0, []
    for tick, action in enumerate(actions):
        noise = draw(streams.tick, tick, agent)[1]
        state, reward, terminated, truncated, info = step((noise, noise), state, action, params)
        rows.append((observe(state, params), reward, terminated, truncated, info["executed_action"]))
        if terminated or truncated:
            episode += 1
            number = world.layout_number(jnp.int32(episode), params)
            state = reset(draw(streams.episode, number, agent), params)
    return [np.stack(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(
    ("task", "changes"),
    quick_first(
        [
            ("tutorial-5", {"max_steps": 7}),
            ("random-4", {"sticky": 0.3, "max_steps": 20}),
            ("doorkey-5", {"max_steps": 23}),
            ("shifting-4", {"shift_every": 2, "max_steps": 9}),
        ]
    ),
)
def test_every_step_is_that_of_the_grid(task, changes):
    env = as_gymnasium(task, **changes)
    layout, size = task.split("-")
    world = GridWorld(layout)
    actions = np.random.default_rng(3).integers(0, 6, 200)
    rows = []
    env.reset(seed=11)
    for action in actions:
        obs, reward, terminated, truncated, info = env.step(action)
        rows.append((obs, reward, terminated, truncated, info["executed_action"]))
        if terminated or truncated:
            env.reset()
    found = [np.stack(column) for column in zip(*rows, strict=True)]
    plain = plain_rollout(world, world.default_params(size=int(size), **changes), 11, jnp.asarray(actions, jnp.int32))
    for ours, raw in zip(found, plain, strict=True):
        np.testing.assert_array_equal(ours, raw)
    assert found[3].sum() >= 5  # ends by the time limit


def test_the_layouts_are_those_of_our_agents():
    config, params = make_experiment("random-5")
    agent, streams = ProceduralAgent(config), open_streams(run_key(5))
    inputs = AgentInputs(jnp.uint32(0), jnp.int32(6), None)
    env = as_gymnasium("random-5")
    for episode in range(6):
        env.reset(seed=5 if episode == 0 else None)
        layout = agent.draw_layout(as_arrays(params), streams, inputs, jnp.int32(episode))
        assert env._state.world.layout == layout


def test_an_episode_by_hand():
    env = as_gymnasium("tutorial-5")
    obs, info = env.reset(seed=0)
    assert (obs.tolist(), obs.dtype, info) == (START, np.float32, {})
    told = [env.step(action) for action in WAY]
    assert [reward for _, reward, _, _, _ in told] == pytest.approx([-0.1] * 4 + [1, -0.1, -0.1, 2, -0.1, 10])
    assert [end for _, _, *end, _ in told] == [[False, False]] * 9 + [[True, False]]
    assert [info for *_, info in told] == [{"executed_action": action} for action in WAY]
    assert told[-1][0].tolist() == [4, 4, 2, 2, 3, 3, 4, 4, 1, 3, 1, 1, 1]  # the true last observation
    assert env.reset()[0].tolist() == START


def test_the_limit_by_hand():
    env = as_gymnasium("random-5", max_steps=3)
    env.reset(seed=0)
    assert [env.step(PICKUP_KEY)[2:4] for _ in range(3)] == [(False, False)] * 2 + [(False, True)]


def test_a_limit_of_gymnasiums_own():
    env = gymnasium.make(register_gymnasium()[0], max_episode_steps=2)
    env.reset(seed=0)
    assert [env.step(0)[3] for _ in range(2)] == [False, True]


def three_episodes(env, seed):
    return np.stack([env.reset(seed=seed)[0], env.reset()[0], env.step(1)[0], env.reset()[0]])


def test_seeds():
    env, other = as_gymnasium("random-16"), as_gymnasium("random-16")
    first = three_episodes(env, 7)
    np.testing.assert_array_equal(three_episodes(other, 7), first)
    np.testing.assert_array_equal(three_episodes(env, 7), first)
    assert len(np.unique(first[[0, 1, 3]], axis=0)) == 3
    for seed in (8, 7 + 2**32, 2**64 - 1):
        assert not np.array_equal(three_episodes(env, seed), first)


def test_without_a_seed_np_random_gives_one():
    env, other, third = (as_gymnasium("random-16") for _ in range(3))
    env.np_random, other.np_random = np.random.default_rng(1), np.random.default_rng(1)
    np.testing.assert_array_equal(three_episodes(env, None), three_episodes(other, None))
    assert not np.array_equal(three_episodes(env, None), three_episodes(third, None))


def test_pictures():
    env = gymnasium.make("procmem/DoorKey-5-v0", render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    assert (before.shape, before.dtype) == ((160, 160, 3), np.uint8)
    pictures = []
    for action in range(4):
        env.step(action)
        pictures.append(env.render())
    assert any((picture != before).any() for picture in pictures)  # some move is possible
    text = as_gymnasium("tutorial-5", render_mode="ansi")
    text.reset()
    assert text.render() == ". . . . G\n. b . D .\n. . k . .\n. . . . .\nA . . . ."
    blind = as_gymnasium("tutorial-5")
    blind.reset()
    assert blind.render() is None


def test_observations_belong_to_the_caller():
    env = as_gymnasium("tutorial-5")
    obs, _ = env.reset()
    obs[:] = 9
    obs, *_ = env.step(MOVE_UP)
    assert obs.tolist() == [0, 1, *START[2:]]
    obs[:] = 9
    assert env.step(MOVE_UP)[0].tolist() == [0, 2, *START[2:]]


def test_a_pickled_environment_goes_on():
    env = as_gymnasium("random-8", sticky=0.5)
    env.reset(seed=1)
    twin = pickle.loads(pickle.dumps(env))
    for action in (0, 3, 1, 2, 0):
        np.testing.assert_array_equal(twin.step(action)[0], env.step(action)[0])
    np.testing.assert_array_equal(twin.reset()[0], env.reset()[0])


def test_every_environment_has_its_own_metadata():
    env, other = as_gymnasium("random-5"), as_gymnasium("random-5")
    env.metadata["autoreset_mode"] = "written by SyncVectorEnv"
    assert "autoreset_mode" not in other.metadata and "autoreset_mode" not in type(env).metadata


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda env: env.step(6), ValueError, "action=6 is none of 0 to 5"),
        (lambda env: env.step(-1), ValueError, "action=-1 is none of 0 to 5"),
        (lambda env: env.step(0.5), ValueError, "action=0.5 is none of 0 to 5"),
        (lambda env: env.reset(seed=-1), ValueError, "seed=-1 is below 0"),
        (lambda env: env.reset(seed=2**64), ValueError, "seed=18446744073709551616 is above"),
        (lambda env: env.reset(seed=1.5), TypeError, "seed=1.5 is a float"),
        (lambda env: env.reset(options={"size": 3}), ValueError, "option 'size' of reset is unknown"),
        (lambda env: as_gymnasium("random-5", render_mode="human"), ValueError, "render_mode='human' is unknown"),
        (lambda env: as_gymnasium("random-2"), ValueError, "N=2 is outside 3 to 64"),
        (lambda env: as_gymnasium("random-5", speed=1), TypeError, "setting 'speed' is unknown"),
        (lambda env: as_gymnasium("random-5").step(0), gymnasium.error.ResetNeeded, "step came before reset"),
        (lambda env: as_gymnasium("random-5").render(), gymnasium.error.ResetNeeded, "render came before reset"),
    ],
)
def test_what_is_refused(call, error, text):
    env = as_gymnasium("random-5")
    env.reset(seed=0)
    with pytest.raises(error, match=text):
        call(env)
