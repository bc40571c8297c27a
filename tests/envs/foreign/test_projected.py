"""The percept for any environment: exact sums, thresholds that stay reached, and that it suffices for a memory."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import LENGTH, Corridor
from procmem_jax import run_key, train, with_memory
from procmem_jax.envs import AdaptedState, ProjectedPercept
from procmem_jax.envs.foreign.probes.ranges import fitted


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


def test_pytrees_of_all_dtypes_are_flattened_leaf_by_leaf():
    obs = {
        "picture": jnp.full((2, 2), 200, jnp.uint8),
        "lit": jnp.asarray(True),
        "key": jax.random.key(0),
        "pair": (jnp.float16(0.5), None, jnp.asarray([3 - 2j], jnp.complex64)),
        "number": 7,
    }
    percept = ProjectedPercept(resolution=1.0)
    found = look(percept, obs)
    flat = jnp.float32([1, 7, 0.5, 3, -2, 200, 200, 200, 200])  # lit, number, pair, picture
    np.testing.assert_array_equal(found.context, look(percept, flat).context)
    assert found.fingerprint == look(percept, flat).fingerprint
    for nothing in ({}, None, {"key": jax.random.key(0)}, jnp.zeros((0, 3))):
        with pytest.raises(TypeError, match="the observation holds no numbers; give a function perceive"):
            look(percept, nothing)


def test_numbers_that_are_not_finite():
    percept = ProjectedPercept(num_features=4, resolution=2.0, offset=(1.0, 0.0, 0.0))
    found, expected = (look(percept, jnp.float32(obs)) for obs in ([np.nan, np.inf, -np.inf], [1, 1e30, -1e30]))
    assert found.fingerprint == expected.fingerprint and found.context.tolist() == expected.context.tolist()


def test_each_element_has_its_own_steps():
    percept = ProjectedPercept(num_features=4, resolution=(1.0, 1024.0), offset=(0.0, -0.5), scale=0.25)
    steps = np.array([40, 102])  # 40 and 0.1 * 1024
    expected = np.round(percept.signs(2) @ steps * 0.25)
    assert look(percept, jnp.float32([40, -0.4])).context.tolist() == expected.tolist() and expected.any()
    with pytest.raises(ValueError, match="resolution has 2 numbers, the observation 3; give one each"):
        look(percept, jnp.zeros(3))
    with pytest.raises(ValueError, match="resolution=None is for with_memory to find"):
        look(ProjectedPercept(resolution=None), jnp.zeros(3))


def test_its_name_is_short_and_that_of_before_where_nothing_is_new():
    assert repr(ProjectedPercept(2)) == "ProjectedPercept(num_features=2, thresholds=(), resolution=8.0, seed=0)"
    names = [repr(ProjectedPercept(resolution=(first, *range(9999)))) for first in (1.0, 2.0)]
    assert len(set(names)) == 2 and all("<10000 numbers, sha256 " in name and len(name) < 150 for name in names)
    assert "offset=0.5, scale=0.25" in repr(ProjectedPercept(offset=0.5, scale=0.25))


def observations(kind):
    draw = np.random.default_rng(3)
    if kind == "bytes":  # a picture, nearly all of it background
        pictures = np.full((60, 200), 240.0)
        pictures[np.arange(60), draw.integers(0, 200, 60)] = 10
        return pictures
    if kind == "small and large":
        return draw.normal([-0.5, 0, 3e5], [0.1, 1e-4, 1e4], (60, 3))
    if kind == "tiny":
        return 1e-9 * draw.normal(size=(60, 6))
    return (draw.random((60, 300)) < 0.1).astype(float)


@pytest.mark.parametrize("kind", ("bytes", "small and large", "tiny", "bits"))
def test_a_probe_brings_contexts_into_the_range_of_the_embedding(kind):
    rows = observations(kind)
    percept = fitted(ProjectedPercept(resolution=None), rows, [rows.shape[1]])
    found = jax.jit(jax.vmap(functools.partial(look, percept)))(jnp.float32(rows))
    contexts = np.abs(found.context)
    assert 4 < np.sqrt(np.mean(contexts**2)) < 16 and contexts.max() <= 64
    assert len(np.unique(found.fingerprint)) == len(np.unique(rows, axis=0))


def test_elements_of_a_probe():
    ramp = np.linspace(0, 1, 50)
    rows = np.stack(
        [
            np.round(ramp * 500),  # whole numbers stay apart
            ramp * 1e-3,  # what hardly varies has finer steps
            np.full(50, 7.0),  # what does not vary, those of its leaf
            1 + 1e-7 * ramp,  # no range, but rounding
            np.where(ramp > 0.5, np.nan, -4.0),
            np.where(ramp > 0.5, np.inf, ramp * 4),
        ],
        axis=1,
    )
    percept = fitted(ProjectedPercept(), rows, [3, 1, 2])
    assert percept.resolution == (1.0, 2.0**17, 1.0, 8.0, 128.0, 128.0)
    assert percept.offset[2:5] == (7.0, 1.0, -4.0)
    noise = rows * (1 + 2.0**-22 * np.random.default_rng(0).uniform(-1, 1, rows.shape))
    noise[:, [0, 2]] = rows[:, [0, 2]]
    assert fitted(ProjectedPercept(), noise, [3, 1, 2]) == percept
    assert fitted(ProjectedPercept(), np.zeros((9, 4)), [4]) == ProjectedPercept()


class Ranges(Corridor):
    """Observations of many kinds, of ranges that a constant does not fit."""

    def reset(self, key, params):
        place, state = super().reset(key, params)
        return self.show(place), state

    def step(self, key, state, action, params):
        place, state, *others = super().step(key, state, action, params)
        return self.show(place), state, *others

    def show(self, place):
        picture = jnp.where(jnp.arange(LENGTH) == place, 255, 40).astype(jnp.uint8)
        return {"picture": picture, "key": jax.random.key(3), "far": 1e-4 * place.astype(jnp.float32), "no": jnp.nan}


def test_with_memory_probes_and_finds_the_same_again():
    configs = [with_memory(Ranges(), max_steps=30)[0] for _ in range(2)]
    assert configs[0] == configs[1] and hash(configs[0]) == hash(configs[1])
    percept = configs[0].environment.perceive
    assert len(percept.resolution) == 2 + LENGTH and percept.resolution[0] > 1e5 and percept.resolution[2] == 1.0
    shown = [look(percept, Ranges().show(jnp.asarray(place))) for place in range(LENGTH)]
    assert len({int(one.fingerprint) for one in shown}) == LENGTH
    assert 4 < max(float(jnp.abs(one.context).max()) for one in shown) <= 64
    thresholds = ((0, 1.0),)
    config, _ = with_memory(Ranges(), ProjectedPercept(2, thresholds, resolution=None), max_steps=30)
    assert config.environment.perceive.resolution == percept.resolution
    assert config.environment.predicate_names == ("obs_0_reached_1", "rewarded")


@pytest.mark.slow
def test_two_devices_share_its_agents():
    config, params = with_memory(Lamp(), max_steps=9)
    one, two = (train(run_key(0), config, params, 20, 2, devices=jax.devices()[:n]).metrics for n in (1, 2))
    jax.tree.map(np.testing.assert_array_equal, one, two)


@pytest.mark.slow
def test_it_is_the_default_and_suffices():
    percept = ProjectedPercept(num_features=12, resolution=1.0, thresholds=((1, 1.0),))
    runs = []
    for use_skills in (False, True):
        config, params = with_memory(Lamp(), percept, max_steps=60, use_skills=use_skills, success="rewarded")
        runs.append(train(run_key(0), config, params, 32, 60).metrics.success[:, -20:].mean())
    assert runs[1] > 0.8 > 0.5 > runs[0]
