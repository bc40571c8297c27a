"""XLand-MiniGrid of any kind: steps as its own, rule sets as params, wrappers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import from_xland
from procmem_jax.envs.foreign.projected import ProjectedPercept
from raw_loops import play_beside

xminigrid = pytest.importorskip("xminigrid")
wrappers = pytest.importorskip("xminigrid.wrappers")
pytestmark = pytest.mark.usefixtures("lenient")


class Noisy(wrappers.Wrapper):
    """A wrapper of somebody's own: rewards of other sizes."""

    def step(self, params, timestep, action):
        timestep = self._env.step(params, timestep, action)
        return timestep.replace(reward=timestep.reward + 0.25)


def ruled(env_params, goal):
    """The same world with the rules that an agent finds out there, none, and a goal."""
    from xminigrid.types import RuleSet

    parts = jnp.asarray(goal), jnp.zeros((1, 7), jnp.uint8), jnp.asarray([[3, 1], [4, 2]], jnp.uint8)
    return env_params.replace(ruleset=RuleSet(*parts))


@pytest.mark.slow
@pytest.mark.parametrize("ident", ["MiniGrid-Empty-5x5", "XLand-MiniGrid-R1-9x9"])
def test_it_is_its_own_loop(ident):
    env, env_params = xminigrid.make(ident)
    env_params = env_params.replace(max_steps=60)
    if ident.startswith("XLand"):
        env_params = ruled(env_params, jnp.asarray([1, 3, 1, 0, 0], jnp.uint8))
    env = Noisy(wrappers.DirectionObservationWrapper(env))

    def start(key):
        timestep = env.reset(env_params, key)
        return timestep.observation, timestep

    def go(key, timestep, action):
        timestep = env.step(env_params, timestep, action)
        terminated = timestep.discount == 0
        return timestep.observation, timestep, timestep.reward, terminated, timestep.last() & ~terminated

    raw = from_xland(env, env_params)
    assert play_beside(raw, start, go, 400, params=raw.default_params) > 3


@pytest.mark.slow
def test_rule_sets_are_params_and_share_a_program():
    env, env_params = xminigrid.make("XLand-MiniGrid-R1-9x9", view_size=3)
    one, other = (ruled(env_params, jnp.asarray([1, tile, 1, 0, 0], jnp.uint8)) for tile in (3, 4))
    (config, params), (same, others) = (
        with_memory(env, ProjectedPercept(), env_params=given) for given in (one, other)
    )
    assert config == same and config.environment.episode_limit == env_params.max_steps
    assert params.environment.ruleset.goal.tolist() != others.environment.ruleset.goal.tolist()
    assert config.environment.num_actions == 6
    raw = config.environment.env
    _, timestep = jax.eval_shape(lambda params: raw.reset(jax.random.key(0), params), params.environment)
    assert timestep.state.goal_encoding.shape == (5,)


def test_what_cannot_be_is_refused():
    env, env_params = xminigrid.make("MiniGrid-Empty-5x5")
    for reset in (wrappers.GymAutoResetWrapper, wrappers.DmEnvAutoResetWrapper):
        with pytest.raises(ValueError, match=f"{reset.__name__} resets inside step"):
            with_memory(Noisy(reset(env)), env_params=env_params)
    with pytest.raises(ValueError, match="give env_params=, the second value of xminigrid.make"):
        with_memory(env)


@pytest.mark.slow
def test_its_picture_is_that_of_its_params():
    env, env_params = xminigrid.make("MiniGrid-Empty-5x5")
    raw = from_xland(env, env_params)
    _, timestep = raw.reset(jax.random.key(0), raw.default_params)
    np.testing.assert_array_equal(raw.picture(timestep, raw.default_params), env.render(env_params, timestep))


@pytest.mark.slow
def test_it_trains():
    env, env_params = xminigrid.make("MiniGrid-Empty-5x5")
    config, params = with_memory(env, env_params=env_params, use_skills=False)
    metrics = train(run_key(0), config, params, 4, 5).metrics
    assert metrics.steps.shape == (4, 5) and metrics.steps.max() <= env_params.max_steps
