"""Stoa: steps, ends and masks as its own loop, and what is refused."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import ProjectedPercept, from_stoa
from raw_loops import play_beside

stoa = pytest.importorskip("stoa")
pytestmark = pytest.mark.usefixtures("lenient")


class View(NamedTuple):
    place: jax.Array
    action_mask: jax.Array


class Plane(stoa.Environment):
    """A walk on a plane, two steps at once; it is over beyond 1.2; the params are how far a step goes."""

    def reset(self, rng_key, env_params=None):
        return (jnp.zeros(2), rng_key), stoa.TimeStep(
            stoa.StepType.FIRST, jnp.float32(0), jnp.float32(1), self.view(jnp.zeros(2))
        )

    def step(self, state, action, env_params=None):
        place, rng_key = state
        rng_key, key = jax.random.split(rng_key)
        place = place + env_params * (action - 1) + jax.random.uniform(key, (2,), jnp.float32, -0.1, 0.1)
        over = jnp.abs(place).max() > 1.2
        kind = jnp.where(over, stoa.StepType.TERMINATED, stoa.StepType.MID)
        return (place, rng_key), stoa.TimeStep(kind, place[0], 1.0 - over, self.view(place))

    def view(self, place):
        return View(place, jnp.stack([place > -1, place < 9, place < 1], axis=-1))

    def action_space(self, env_params=None):
        return stoa.MultiDiscreteSpace([3, 3], jnp.int32)

    def observation_space(self, env_params=None):
        return stoa.ArraySpace((2,))

    state_space = observation_space


def limited(steps):
    from stoa.utility_wrappers.step_limit import EpisodeStepLimitWrapper

    return EpisodeStepLimitWrapper(Plane(), steps)


@pytest.mark.parametrize("make", [Plane, lambda: limited(6)])
def test_it_is_its_own_loop(make):
    env, params = make(), jnp.float32(0.5)

    def start(key):
        state, timestep = env.reset(key, params)
        return timestep.observation, state

    def go(key, state, action):
        state, timestep = env.step(state, jnp.stack([action // 3, action % 3]), params)
        return timestep.observation, state, timestep.reward, timestep.terminated(), timestep.truncated()

    assert play_beside(from_stoa(env), start, go, 200, params=params, legal_only=True) > 3


def perceive(obs, state, params):
    return ProjectedPercept()(obs.place, state, params)


def test_what_is_known_and_what_is_refused():
    config, _ = with_memory(limited(6), perceive, env_params=jnp.float32(0.5))
    assert config.environment.num_actions == 9 and config.environment.episode_limit == 6
    by_itself, _ = with_memory(Plane(), ProjectedPercept(num_features=3), env_params=jnp.float32(0.5), max_steps=6)
    assert by_itself.environment.percept_name.endswith("test_stoa:Plane")
    with pytest.raises(ValueError, match="AutoResetWrapper resets inside step"):
        with_memory(stoa.AutoResetWrapper(Plane()))
    with pytest.raises(TypeError, match="a dict has no reset"):
        from_stoa({})


def test_the_reset_inside_of_gymnax_is_refused():
    gymnax = pytest.importorskip("gymnax")
    adapters = pytest.importorskip("stoa.env_adapters.gymnax")
    with pytest.raises(ValueError, match="plays gymnax's step, which resets inside"):
        with_memory(adapters.GymnaxToStoa(*gymnax.make("CartPole-v1")))


@pytest.mark.slow
def test_it_trains():
    config, params = with_memory(limited(6), perceive, env_params=jnp.float32(0.5))
    metrics = train(run_key(0), config, params, 4, 5).metrics
    assert metrics.steps.shape == (4, 5) and metrics.steps.max() <= 6
