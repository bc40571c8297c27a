"""Environments of Brax's protocol: steps and ends as its own loop, tables of actions, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import from_brax
from raw_loops import play_beside, same

base = pytest.importorskip("brax.envs.base")
training = pytest.importorskip("brax.envs.wrappers.training")
pytestmark = pytest.mark.usefixtures("lenient")

TABLE = np.array([[-1.0], [0.0], [0.5]], np.float32)


class Slide(base.Env):
    """A thing on a line, pushed; it is over beyond 1. Brax's protocol, without its physics."""

    observation_size, action_size, backend = 2, 1, "none"

    def reset(self, rng):
        state = jax.random.uniform(rng, (2,), jnp.float32, -0.1, 0.1)
        return base.State(state, state, jnp.float32(0), jnp.float32(0), {"pushed": jnp.float32(0)}, {"rng": rng})

    def step(self, state, action):
        rng, key = jax.random.split(state.info["rng"])
        place, speed = state.pipeline_state
        speed = 0.8 * speed + 0.2 * action[0] + jax.random.uniform(key, (), jnp.float32, -0.05, 0.05)
        now = jnp.stack([place + speed, speed])
        state.info["rng"] = rng  # as Brax's own wrappers do
        done = (jnp.abs(now[0]) > 1).astype(jnp.float32)
        metrics = {"pushed": jnp.abs(action[0])}
        return state.replace(pipeline_state=now, obs=now, reward=-(now[0] ** 2), done=done, metrics=metrics)


def own_loop(env):
    def start(key):
        state = env.reset(key)
        return state.obs, state

    def go(key, state, action):
        state = env.step(state, jnp.asarray(TABLE)[action])
        cut = state.info.get("truncation", jnp.float32(0)) == 1
        return state.obs, state, state.reward, (state.done == 1) & ~cut, (state.done == 1) & cut

    return start, go


@pytest.mark.parametrize("wrap", [lambda env: env, lambda env: training.EpisodeWrapper(env, 12, 2)])
def test_it_is_its_own_loop(wrap):
    env = wrap(Slide())
    assert play_beside(from_brax(env), *own_loop(env), 200, actions=TABLE) > 3


def test_both_ends_are_met_and_nothing_is_written_into():
    raw = from_brax(training.EpisodeWrapper(Slide(), 6, 2))
    assert raw.episode_limit == 3 and from_brax(Slide()).episode_limit is None
    step, ends = jax.jit(lambda *given: raw.step(*given, None)), []
    for push in (0.0, 40.0):
        _, state = raw.reset(jax.random.key(0), None)
        for _ in range(3):
            *_, terminated, truncated, _ = (out := step(None, state, jnp.full(1, push)))
            state = out[1]
            ends.append((bool(terminated), bool(truncated)))
    assert ends[2] == (False, True) and ends[3] == (True, False)
    _, state = raw.reset(jax.random.key(0), None)
    before = jax.tree.map(lambda leaf: leaf, state)
    raw.step(None, state, jnp.zeros(1), None)
    same(state, before)


def test_it_takes_a_table_and_is_refused_without():
    env = training.EpisodeWrapper(Slide(), 12, 1)
    config, _ = with_memory(env, actions=TABLE)
    assert config.environment.action_names == ("-1", "0", "0.5") and config.environment.episode_limit == 12
    for given, why in [
        (env, r"continuous \(Box\)"),
        (training.AutoResetWrapper(env), "AutoResetWrapper resets inside step"),
        (training.EpisodeWrapper(training.VmapWrapper(Slide()), 12, 1), "VmapWrapper holds many"),
    ]:
        with pytest.raises(ValueError, match=why):
            with_memory(given)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_its_own_physics():
    envs = pytest.importorskip("brax.envs")
    env = envs.create("inverted_pendulum", episode_length=30, auto_reset=False, backend="spring")
    assert play_beside(from_brax(env), *own_loop(env), 200, actions=TABLE) > 3


@pytest.mark.slow
def test_it_trains():
    config, params = with_memory(training.EpisodeWrapper(Slide(), 12, 1), actions=TABLE, use_skills=False)
    metrics = train(run_key(0), config, params, 4, 5).metrics
    assert metrics.steps.max() <= 12 and (metrics.episode_return < 0).all()
