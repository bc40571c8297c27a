"""Ends of steps of five values: a goal at the last step is a goal; time limits of every form."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor
from procmem_jax import run_key, train, with_memory
from procmem_jax.envs.foreign.forms.limits import lift_limit, limit_of, whole_limit
from procmem_jax.envs.foreign.forms.traced import RawKeys
from procmem_jax.envs.foreign.projected import ProjectedPercept
from quick import quick_first

GOAL = 5
PERCEPT = ProjectedPercept()  # without a probe
WORDS = (jnp.uint32(0), jnp.uint32(1))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Params:
    max_steps_in_episode: Any = GOAL
    stride: Any = 1


class Named(NamedTuple):
    max_timesteps: Any = GOAL


class Line:
    """The steps of gymnax 0.x: one flag for every end; its state counts by a name of its own and holds that flag."""

    def __init__(self, default_params=None):
        self.default_params = Params() if default_params is None else default_params

    num_actions = 2

    def reset_env(self, key, params):
        state = {"ticks": jnp.int32(0), "place": jnp.int32(0), "over": jnp.bool_(False)}
        return self.observe(state, params), state

    def observe(self, state, params):
        return state["ticks"] / limit_of(params)

    def step_env(self, key, state, action, params):
        ticks, place = state["ticks"] + 1, state["place"] + action
        over = state["over"] | (ticks >= limit_of(params)) | (place == GOAL)
        state = {"ticks": ticks, "place": place, "over": over}
        return self.observe(state, params), state, place == GOAL, over, {}


class Wrapped:
    """Around the step of gymnax 0.x, which resets itself."""

    def __init__(self, env):
        self.env = env

    def __getattr__(self, name):
        return getattr(self.env, name)

    def step(self, key, state, action, params=None):
        return self.env.step(key, state, action, params)


class Resetting(Line):
    def reset(self, key, params=None):
        return self.reset_env(key, params)

    def step(self, key, state, action, params=None):
        obs, state, reward, done, info = self.step_env(key, state, action, params)
        first = self.reset_env(key, params)
        return *jax.tree.map(lambda new, old: jnp.where(done, new, old), first, (obs, state)), reward, done, info


def last(world, params, actions):
    """Returns how many steps an episode had, its last reward, and its end."""
    state = world.begin(WORDS, params)
    for number, action in enumerate(actions, 1):
        state, reward, terminated, truncated, _ = world.step_from_words(WORDS, state, jnp.int32(action), params)
        if terminated | truncated:
            return number, float(reward), bool(terminated), bool(truncated)
    return None


@pytest.mark.parametrize("make", quick_first((Resetting, Line, lambda: Wrapped(Wrapped(Resetting())))))
@pytest.mark.parametrize(
    "params_of", quick_first((lambda limit: Named(np.float32(limit)), lambda limit: Params(limit)))
)
def test_a_goal_at_the_last_step_is_a_goal(make, params_of, lenient):
    for theirs, ours in [*((GOAL, GOAL + i) for i in (-1, 0, 1)), *((GOAL + i, None) for i in (-1, 0, 1))]:
        params = params_of(theirs)
        world, limit = (
            with_memory(make(), PERCEPT, env_params=params, max_steps=ours)[0].environment,
            min(ours or 9, theirs),
        )
        expected = (limit, 0.0, False, True) if limit < GOAL else (GOAL, 1.0, True, False)
        assert last(world, params, [1] * GOAL) == expected
        assert last(world, params, [0] * 9) == (limit, 0.0, False, True)


def test_what_is_lifted_does_not_show():
    env, params = Line(), Params(GOAL)
    ours = with_memory(env, PERCEPT)[0].environment.env
    obs, state, reward, terminated, truncated, _ = ours.step(None, env.reset_env(None, params)[1], 1, params)
    assert float(obs) == np.float32(1 / GOAL) and not any((bool(reward), bool(terminated), bool(truncated)))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(100.0, 100), (99.5, 100), (np.int64(7), 7), (jnp.float32(3), 3), (np.inf, None), (2**31 - 1, None)]
    + [(None, None), (np.arange(3), None), ("9", None), (True, None)],
)
def test_limits_as_whole_numbers(limit, expected):
    found = whole_limit(limit)
    assert found == expected and type(found) in (int, type(None))


def test_limits_are_found_and_lifted_in_every_kind_of_params():
    for params in (Params(7), Named(7.0), {"max_steps_in_episode": 7}):
        lifted = lift_limit(params)
        assert limit_of(params) == 7 and limit_of(lifted) > 1e8 and type(lifted) is type(params)
    assert limit_of(None) is None and lift_limit(()) is None


def test_a_limit_that_is_not_told_is_asked_for():
    for limit in (None, np.inf):
        with pytest.raises(ValueError, match="max_steps is unknown: the environment's params do not tell; give it"):
            with_memory(Line(Params(limit)) if limit else Line(()))
    with pytest.raises(ValueError, match="max_steps is unknown: the environment's params are traced here; give it"):
        jax.jit(lambda limit: with_memory(Line(Params(limit))))(3)
    with pytest.raises(TypeError, match=r"max_steps=9\.5 is a float; give a whole number"):
        with_memory(Line(), max_steps=9.5)
    with pytest.raises(ValueError, match="max_steps=0 is below 1"):
        with_memory(Line(), max_steps=0)


def test_the_limit_of_bernoulli_bandit_is_a_float(lenient):
    gymnax = pytest.importorskip("gymnax")
    env, params = gymnax.make("BernoulliBandit-misc")
    assert type(params.max_steps_in_episode) is float and with_memory(env, PERCEPT)[0].environment.episode_limit == 100


class OldKeys:
    """Takes keys as two numbers only; its rewards are bools of one element."""

    num_actions, default_params = 2, None

    def reset(self, key, params):
        return jnp.zeros(1), {"key": key.astype(jnp.uint32)}

    def step(self, key, state, action, params):
        draw = jax.random.uniform(jax.random.wrap_key_data(key.astype(jnp.uint32)))
        return draw[None], {"key": key}, (action == 1)[None], jnp.int32(0), False, {}


def test_keys_as_two_numbers():
    config, _ = with_memory(OldKeys(), PERCEPT, max_steps=3)
    world = config.environment.with_observations()
    assert isinstance(world.env, RawKeys)
    state, reward, terminated, truncated, _ = world.step_from_words(WORDS, world.begin(WORDS, None), jnp.int32(1), None)
    draw = jax.random.uniform(jax.random.wrap_key_data(jnp.stack(WORDS)))
    assert float(world.observe_state(state, None)[0]) == float(draw)
    assert reward.shape == () and float(reward) == 1.0 and not terminated and not truncated


def test_params_in_python_and_steps_of_another_form_are_refused_in_one_line():
    class Branching(Line):
        def reset_env(self, key, params):
            return jnp.zeros(params.stride), super().reset_env(key, params)[1]

    class Many(Corridor):
        def step(self, key, state, action, params):
            return jnp.zeros(1), state, jnp.zeros(3), False, False, {}

    class Few(Corridor):
        def step(self, key, state, action, params):
            return jnp.zeros(1), state, 0.0, False, {}

    for env, text in (
        (Branching(), "decides shapes or branches in Python by its params"),
        (Many(), r"step gives reward of shape \[3\]; give one number for one environment"),
        (Few(), "step gives no six values; give"),
    ):
        with pytest.raises(ValueError, match=text) as caught:
            with_memory(env, max_steps=3)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_params_are_swept(lenient):
    """One program for many limits: each agent's own one ends its episodes."""
    config, params = with_memory(Line(), max_steps=50, use_skills=False)
    limits = []
    for limit in (3, 4):
        changed = dataclasses.replace(params, environment=Params(np.int32(limit), np.int32(1)))
        limits.append(train(run_key(0), config, changed, 3, 2).metrics.steps)
    assert [set(steps.ravel().tolist()) for steps in limits] == [{3}, {4}]
