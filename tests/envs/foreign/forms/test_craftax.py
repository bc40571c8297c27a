"""Craftax: its state counts by another name, and the limit is called otherwise; single steps, and whole runs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import run_key, train, with_memory
from procmem_jax.envs.foreign.keys import keys_to_words
from procmem_jax.envs.foreign.projected import ProjectedPercept
from quick import rest_exhaustive

# Not Craftax-Pixels-v1: its textures alone take minutes to make.
NAMES = ("Craftax-Classic-Symbolic-v1", "Craftax-Symbolic-v1", "Craftax-Classic-Pixels-v1")


def make(name, auto_reset=True):
    module = pytest.importorskip("craftax.craftax_env")
    return module.make_craftax_env_from_name(name, auto_reset=auto_reset)


@pytest.mark.slow
@pytest.mark.parametrize("auto_reset", rest_exhaustive((True, False)))
def test_its_raw_steps_are_played_and_its_limit_is_told_from_death(auto_reset, lenient):
    env = make(NAMES[0], auto_reset)
    world = with_memory(env, ProjectedPercept())[0].environment
    assert (world.num_actions, world.episode_limit) == (17, 10_000)
    key, params = jax.random.key(0), env.default_params
    _, state = jax.jit(env.reset_env)(key, params)
    both_ways = jax.jit(lambda *given: (env.step_env(*given), world.env.step(*given)))  # compiles in half the time
    dead, late = (
        state.replace(player_health=jnp.full_like(state.player_health, -3)),
        state.replace(timestep=jnp.full_like(state.timestep, 9_999)),
    )
    both = dead.replace(timestep=late.timestep)
    for start, ends in ((state, (0, 0)), (dead, (1, 0)), (late, (0, 1)), (both, (1, 0))):
        expected, found = both_ways(key, start, 1, params)
        jax.tree.map(np.testing.assert_array_equal, *map(keys_to_words, (found[:3], expected[:3])))
        assert (bool(found[3]), bool(found[4])) == ends and bool(expected[3]) == any(ends)


@pytest.mark.slow
@pytest.mark.parametrize("name", rest_exhaustive(NAMES, 2))
def test_each_has_the_shapes_that_a_run_needs(name, lenient):
    """Compiling the larger ones takes minutes."""
    config, params = with_memory(make(name), ProjectedPercept(), use_skills=False)
    words = (jax.ShapeDtypeStruct((), "uint32"),) * 2
    world = config.environment
    begun = jax.eval_shape(lambda words: world.begin(words, params.environment), words)
    after = jax.eval_shape(
        lambda words, state: world.step_from_words(words, state, 1, params.environment)[0], words, begun
    )
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), begun) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), after
    )


@pytest.mark.slow
def test_it_is_trained(lenient):
    config, params = with_memory(make(NAMES[0]), ProjectedPercept(), max_steps=6, use_skills=False)
    params = dataclasses.replace(params, environment=params.environment.replace(max_timesteps=np.int32(4)))
    metrics = train(run_key(0), config, params, 2, 2).metrics
    assert (metrics.steps == 4).all()
