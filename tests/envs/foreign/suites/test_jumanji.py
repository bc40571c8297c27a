"""Jumanji: steps, masks and ends as its own, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import ProjectedPercept, from_jumanji
from raw_loops import play_beside

jumanji = pytest.importorskip("jumanji")
wrappers = pytest.importorskip("jumanji.wrappers")
pytestmark = pytest.mark.usefixtures("lenient")


def maze():
    from jumanji.environments.routing.maze.generator import RandomGenerator

    return jumanji.environments.Maze(RandomGenerator(num_rows=5, num_cols=5))


def minesweeper():
    from jumanji.environments.logic.minesweeper.generator import UniformSamplingGenerator

    return jumanji.environments.Minesweeper(UniformSamplingGenerator(num_rows=3, num_cols=4, num_mines=2))


def cleaner():
    from jumanji.environments.routing.cleaner.generator import RandomGenerator

    return jumanji.environments.Cleaner(RandomGenerator(num_rows=5, num_cols=5, num_agents=2), time_limit=30)


def perceive_board(obs, state, params):
    return ProjectedPercept()(obs.board, state, params)


def perceive_maze(obs, state, params):
    return ProjectedPercept()(obs.walls, state, params)


def own_loop(env, action_of):
    def start(key):
        state, timestep = env.reset(key)
        return timestep.observation, state

    def go(key, state, action):
        state, timestep = env.step(state, action_of(action))
        terminated = timestep.last() & (timestep.discount == 0)
        return timestep.observation, state, timestep.reward, terminated, timestep.last() & ~terminated

    return start, go


@pytest.mark.parametrize(
    ("make", "action_of", "legal_only"),
    [
        pytest.param(maze, lambda number: number, False, marks=pytest.mark.slow),
        (minesweeper, lambda number: jnp.stack([number // 4, number % 4]), False),
        pytest.param(cleaner, lambda number: jnp.stack([number // 4, number % 4]), True, marks=pytest.mark.slow),
    ],
)
def test_it_is_its_own_loop(make, action_of, legal_only):
    env = make()
    assert play_beside(from_jumanji(env), *own_loop(env, action_of), 300, legal_only=legal_only) > 3


class Cut(wrappers.Wrapper):
    """Ends an episode after its third step without a termination."""

    def reset(self, key):
        state, timestep = self._env.reset(key)
        return (state, 0), timestep

    def step(self, state, action):
        inner, timestep = self._env.step(state[0], action)
        cut = jumanji.types.truncation(timestep.reward, timestep.observation)
        return (inner, state[1] + 1), jax.tree.map(lambda a, b: jnp.where(state[1] >= 2, a, b), cut, timestep)


@pytest.mark.slow
def test_a_wrapper_is_honoured_and_cuts():
    raw = from_jumanji(Cut(maze()))
    _, state = raw.reset(jax.random.key(0), None)
    ends = []
    for _ in range(3):
        *_, terminated, truncated, _ = (out := raw.step(None, state, jnp.int32(0), None))
        state = out[1]
        ends.append((bool(terminated), bool(truncated)))
    assert ends == [(False, False), (False, False), (False, True)]


def test_the_mask_and_what_is_known():
    env = maze()
    raw = from_jumanji(env)
    config, _ = with_memory(env, perceive_maze)
    assert (config.environment.num_actions, config.environment.episode_limit) == (4, 25)
    assert raw == from_jumanji(env) == config.environment.env == with_memory(raw, perceive_maze)[0].environment.env
    obs, state = jax.jit(raw.reset, static_argnums=1)(jax.random.key(0), None)
    assert raw.legal_actions(obs, state, None).tolist() == np.asarray(obs.action_mask).tolist()


class Steered(jumanji.environments.Maze):
    action_spec = jumanji.specs.BoundedArray((2,), float, 0.0, 1.0)


def test_what_cannot_be_is_refused():
    from jumanji.environments import LevelBasedForaging

    for env, why in [
        (wrappers.AutoResetWrapper(maze()), "AutoResetWrapper resets inside step"),
        (Cut(wrappers.AutoResetWrapper(maze())), "AutoResetWrapper resets inside step"),
        (wrappers.VmapWrapper(maze()), "VmapWrapper holds many"),
        (LevelBasedForaging(), "2 players, each with a reward"),
        (Steered(), "continuous"),
        (jumanji.make("MMST-v0"), "46,656 combinations of actions"),
    ]:
        with pytest.raises(ValueError, match=why):
            with_memory(env)
    with pytest.raises(TypeError, match="a dict has no reset"):
        from_jumanji({})


@pytest.mark.slow
def test_it_trains():
    config, params = with_memory(minesweeper(), perceive_board, max_steps=12, use_skills=False)
    metrics = train(run_key(0), config, params, 4, 5).metrics
    assert metrics.steps.shape == (4, 5) and metrics.steps.min() >= 1 and metrics.steps.max() <= 10
