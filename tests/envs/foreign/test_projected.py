"""The percept for any environment: exact sums, thresholds that stay reached, and that it suffices for a memory."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor
from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import AdaptedState, ProjectedPercept


def look(percept, obs, rewarded=False, notes=None):
    no = jnp.zeros((), jnp.bool_)
    state = AdaptedState(None, jnp.asarray(rewarded), no, jnp.zeros((), jnp.int32))
    notes = percept.take_notes(obs, state, notes, None)
    return percept(obs, dataclasses.replace(state, notes=notes), None)


class Lamp(Corridor):
    """The corridor with the place and whether the lamp is lit as its observation."""

    def reset(self, key, params):
        place, state = super().reset(key, params)
        return jnp.stack([place, jnp.zeros_like(place)]), state

    def step(self, key, state, action, params):
        place, state, *others = super().step(key, state, action, params)
        return jnp.stack([place, state["lamp"].astype(jnp.int32)]), state, *others


def test_the_projection_by_hand():
    percept = ProjectedPercept(num_features=3, resolution=2.0, seed=5)
    obs = np.array([[0.3, -1.0], [2.26, 0.0]], np.float32)
    signs = np.random.default_rng(5).choice([-1, 0, 0, 0, 0, 1], (3, 4))
    expected = signs @ np.array([1, -2, 5, 0])  # 0.6, -2, 4.52 and 0 rounded
    found = look(percept, jnp.asarray(obs))
    assert found.context.tolist() == expected.tolist()
    assert {
        sign: int((np.random.default_rng(0).choice([-1, 0, 0, 0, 0, 1], 600) == sign).sum() // 50) for sign in (-1, 1)
    }


def test_equal_observations_have_equal_fingerprints_and_others_do_not():
    percept = ProjectedPercept(resolution=10.0)
    prints = [int(look(percept, jnp.float32(obs)).fingerprint) for obs in ([0, 1], [1, 0], [0, 1], [0.01, 1], [0, 1.1])]
    assert prints[0] == prints[2] == prints[3] and len(set(prints)) == 3


def test_thresholds_stay_reached_until_the_episode_ends():
    percept = ProjectedPercept(thresholds=((0, 0.5), (1, -1.0)))
    assert percept.predicate_names == ("obs_0_reached_0.5", "obs_1_reached_-1", "rewarded")
    now = look(percept, jnp.float32([0.6, -2.0]))
    assert now.predicates.tolist() == [True, False, False]
    later = look(percept, jnp.float32([0.0, -1.0]), notes=now.predicates[:2], rewarded=True)
    assert later.predicates.tolist() == [True, True, True]


@pytest.mark.parametrize("dtype", (np.uint8, np.int32, np.bool_, np.float32))
def test_images_and_vectors_of_all_kinds(dtype):
    percept = ProjectedPercept(num_features=5, resolution=1.0)
    obs = np.random.default_rng(1).integers(0, 2, (7, 6, 3)).astype(dtype)
    found = look(percept, jnp.asarray(obs))
    assert found.context.shape == (5,) and found.context.dtype == jnp.float32
    alone = jax.jit(lambda one: look(percept, one).context)(jnp.asarray(obs))
    batch = jax.jit(jax.vmap(lambda one: look(percept, one).context))(jnp.stack([jnp.asarray(obs)] * 33))
    np.testing.assert_array_equal(batch, np.broadcast_to(alone, (33, 5)))


@pytest.mark.slow
def test_two_devices_share_its_agents():
    config, params = with_memory(Lamp(), max_steps=9)
    one, two = (train(run_key(0), config, params, 20, 2, devices=jax.devices()[:n]).metrics for n in (1, 2))
    jax.tree.map(np.testing.assert_array_equal, one, two)


@pytest.mark.slow
def test_it_is_the_default_and_suffices():
    config, params = with_memory(Corridor(), max_steps=30)
    assert isinstance(config.environment.perceive, ProjectedPercept)
    percept = ProjectedPercept(num_features=12, resolution=1.0, thresholds=((1, 1.0),))
    runs = []
    for use_skills in (False, True):
        config, params = with_memory(Lamp(), percept, max_steps=60, use_skills=use_skills, success="rewarded")
        runs.append(train(run_key(0), config, params, 32, 60).metrics.success[:, -20:].mean())
    assert runs[1] > 0.8 > 0.5 > runs[0]
