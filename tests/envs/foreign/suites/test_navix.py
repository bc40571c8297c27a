"""NAVIX of any kind: steps and observations as its own, wrappers, drawn observations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import from_navix
from raw_loops import play_beside, same

navix = pytest.importorskip("navix")
empty = pytest.importorskip("navix.environments.empty")
observations = pytest.importorskip("navix.observations")
pytestmark = pytest.mark.usefixtures("lenient")


class Costly(empty.Room):
    """A step of somebody's own."""

    def step(self, timestep, action):
        timestep = super().step(timestep, action)
        return timestep.replace(reward=timestep.reward - 0.25)


def own_loop(env, raw):
    def stripped(timestep):
        if not raw.keeps_tiles:
            timestep = timestep.replace(state=timestep.state.replace(cache=None))
        return timestep.observation, timestep.replace(observation=None)

    def start(key):
        return stripped(env.reset(key))

    def go(key, timestep, action):
        cache = env.reset(jax.random.key(0)).state.cache
        timestep = env.step(timestep.replace(state=timestep.state.replace(cache=cache)), action)
        return *stripped(timestep), timestep.reward, timestep.is_termination(), timestep.is_truncation()

    return start, go


@pytest.mark.slow
@pytest.mark.parametrize("ident", ["Navix-Empty-5x5-v0", "Navix-Dynamic-Obstacles-5x5-v0"])
def test_it_is_its_own_loop(ident):
    env = navix.make(ident, max_steps=60)
    raw = from_navix(env)
    assert play_beside(raw, *own_loop(env, raw), 300) > 3


@pytest.mark.slow
def test_a_step_of_somebodys_own_is_played():
    env = Costly.create(height=5, width=5, max_steps=30, observation_fn=observations.symbolic_first_person)
    raw = from_navix(env)
    assert play_beside(raw, *own_loop(env, raw), 100) > 2


@pytest.mark.slow
def test_drawn_observations_are_its_own():
    env = navix.make("Navix-Empty-5x5-v0", observation_fn=observations.rgb)
    raw, key = from_navix(env), jax.random.key(3)
    assert raw.keeps_tiles and not from_navix(navix.make("Navix-Empty-5x5-v0")).keeps_tiles
    obs, state = raw.reset(key, None)
    timestep = env.reset(key)
    same(obs, timestep.observation)
    same(raw.step(key, state, jnp.int32(2), None)[0], env.step(timestep, jnp.int32(2)).observation)


@pytest.mark.slow
def test_equal_ones_share_a_program_and_it_tells_of_itself():
    config, _ = with_memory(navix.make("Navix-Empty-5x5-v0"))
    assert config == with_memory(navix.make("Navix-Empty-5x5-v0"))[0]
    assert config.environment.num_actions == 7 and config.environment.episode_limit == 100
    assert config != with_memory(navix.make("Navix-Empty-6x6-v0"), max_steps=100)[0]
    assert config != with_memory(navix.make("Navix-Empty-5x5-v0", max_steps=99), max_steps=100)[0]


@pytest.mark.slow
def test_it_trains():
    config, params = with_memory(navix.make("Navix-Empty-5x5-v0", max_steps=40))
    metrics = train(run_key(0), config, params, 4, 5).metrics
    assert metrics.steps.max() <= 40 and np.isin(metrics.episode_return, (0.0, 1.0)).all()
