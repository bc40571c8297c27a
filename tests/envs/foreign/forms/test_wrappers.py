"""gymnax wrappers: what an agent meets is what the wrapper's own step gives, but for the reset."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import with_memory
from procmem_jax.envs.foreign.keys import make_key
from procmem_jax.envs.foreign.projected import ProjectedPercept
from quick import quick_first

gymnax = pytest.importorskip("gymnax")
from gymnax.environments.classic_control.cartpole import CartPole  # noqa: E402
from gymnax.wrappers import purerl  # noqa: E402

pytestmark = pytest.mark.usefixtures("lenient")
STEPS = 100
PERCEPT = ProjectedPercept()
ACTIONS = np.random.default_rng(5).integers(2, size=STEPS)


class Doubled(purerl.GymnaxWrapper):
    """Twice the reward, by a jitted method, as gymnax's own wrappers have them."""

    @functools.partial(jax.jit, static_argnames=("self",))
    def step(self, key, state, action, params=None):
        obs, state, reward, *rest = self._env.step(key, state, action, params)
        return obs, state, 2 * reward + action, *rest


@dataclasses.dataclass(frozen=True)
class Shifted:
    """Other observations, of a class of its own that forwards nothing; equal to its equals."""

    inside: object
    by: float = 1.0

    def reset(self, key, params):
        obs, state = self.inside.reset(key, params)
        return obs + self.by, {"inside": state}

    def step(self, key, state, action, params):
        obs, inside, *rest = self.inside.step(key, state["inside"], action, params)
        return obs + self.by, {"inside": inside}, *rest


class Slotted:
    """A wrapper without a dictionary."""

    __slots__ = ("env",)

    def __init__(self, env):
        self.env = env

    def __getattr__(self, name):
        return getattr(self.env, name)

    def step(self, key, state, action, params=None):
        obs, state, reward, *rest = self.env.step(key, state, 1 - action, params)
        return obs, state, reward, *rest


class FastCartPole(CartPole):
    """The step of the environment itself changed in a class further down."""

    def step(self, key, state, action, params=None):
        obs, state, reward, *rest = super().step(key, state, action, params)
        return obs, state, 3 * reward, *rest


class Layered(CartPole):
    """An environment that plays the public step of another one inside its raw step."""

    def __init__(self, env):
        super().__init__()
        self.other = env

    def step_env(self, key, state, action, params):
        obs, state, reward, terminated, _, info = self.other.step(key, state, 1 - action, params)
        return obs, state, 5 * reward, terminated, info


class OnlyRaw(purerl.GymnaxWrapper):
    """A wrapper of raw transitions."""

    def step_env(self, key, state, action, params):
        obs, state, reward, *rest = self._env.step_env(key, state, action, params)
        return obs, state, 7 * reward, *rest


def sticky(env):
    return purerl.StickyActionWrapper(env, 0.7)


WRAPPED = {
    "nested": lambda: purerl.LogWrapper(Doubled(Shifted(sticky(CartPole())))),
    "sticky": lambda: sticky(CartPole()),
    "reward": lambda: Doubled(CartPole()),
    "observation": lambda: Shifted(CartPole()),
    "log": lambda: purerl.LogWrapper(CartPole()),
    "flat": lambda: purerl.FlattenObservationWrapper(CartPole()),
    "slots": lambda: Slotted(CartPole()),
    "five values": lambda: gymnax.wrappers.LegacyStepAPIWrapper(Doubled(sticky(CartPole()))),
    "a class further down": FastCartPole,
    "and wrapped": lambda: sticky(FastCartPole()),
}


def episode(env, params, keys, step=None):
    """Returns the (observation, reward, ended) of one episode by hand, keys as given, and its last state."""
    _, state = env.reset(keys[0], params)
    met = []
    for key, action in zip(keys[1:], ACTIONS, strict=True):
        obs, state, reward, *ends, info = env.step(key, state, jnp.int32(action), params)
        obs = obs if step is None else step(obs, info)
        met.append((np.asarray(obs), float(reward), any(map(bool, ends))))
        if met[-1][2]:
            break
    return met, state


@pytest.mark.parametrize("name", quick_first(WRAPPED))
def test_the_agent_meets_what_the_step_of_the_wrapper_gives(name):
    env, params = WRAPPED[name](), CartPole().default_params
    words = [(jnp.uint32(3), jnp.uint32(number)) for number in range(STEPS + 1)]
    by_hand, _ = episode(env, params, [make_key(pair) for pair in words])
    world = with_memory(env, PERCEPT, env_params=params, max_steps=500)[0].environment.with_observations()
    state, met = world.begin(words[0], params), []
    for pair, action in zip(words[1:], ACTIONS, strict=True):
        state, reward, terminated, truncated, _ = world.step_from_words(pair, state, jnp.int32(action), params)
        met.append((np.asarray(world.observe_state(state, params)), float(reward), bool(terminated | truncated)))
        if met[-1][2]:
            break
    assert met[-1][2] and [pair[1:] for pair in met] == [pair[1:] for pair in by_hand]
    for ours, theirs in zip(met[:-1], by_hand[:-1], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
    assert (
        np.abs(met[-1][0] - (1.0 if name in ("observation", "nested") else 0.0)).max() > 0.15
    )  # it lies where it fell


def test_a_step_is_not_reset_and_the_environment_of_the_user_stays_as_it_is():
    env, params = sticky(CartPole()), CartPole().default_params
    key = jax.random.key(0)
    _, state = env.reset(key, params)
    falling = dataclasses.replace(
        state, env_state=state.env_state.replace(theta=jnp.float32(0.2), theta_dot=jnp.float32(2.0), time=7)
    )
    ours = with_memory(env, PERCEPT)[0].environment.env
    obs, after, _, terminated, truncated, info = ours.step(key, falling, jnp.int32(0), params)
    assert bool(terminated) and not bool(truncated) and int(after.env_state.time) == 8
    np.testing.assert_array_equal(obs, info["final_observation"])
    assert int(env.step(key, falling, jnp.int32(0), params)[1].env_state.time) == 0
    assert int(ours.step(key, falling, jnp.int32(0), params)[1].env_state.time) == 8


def test_raw_steps_of_wrappers():
    params, key = CartPole().default_params, jax.random.key(1)
    for env, factor in ((OnlyRaw(CartPole()), 7), (Layered(CartPole()), 5), (Layered(Doubled(CartPole())), 15)):
        ours = with_memory(env, PERCEPT, env_params=params)[0].environment.env
        _, state = ours.reset(key, params)
        late = state.replace(theta=jnp.float32(0.2), theta_dot=jnp.float32(2.0), time=3)
        _, after, reward, terminated, _, _ = ours.step(key, late, jnp.int32(0), params)
        assert (float(reward), bool(terminated), int(after.time)) == (factor, True, 4)


def resets_inside(env):
    class Restarting(purerl.GymnaxWrapper):
        def step(self, key, state, action, params=None):
            obs, state, reward, terminated, truncated, info = self._env.step(key, state, action, params)
            start, first = self._env.reset(key, params)
            done = terminated | truncated
            state = jax.tree.map(lambda new, old: jnp.where(done, new, old), first, state)
            return jnp.where(done, start, obs), state, reward, terminated, truncated, info

    return Restarting(env)


def holds_a_step(env):
    class Batched(purerl.GymnaxWrapper):
        def __init__(self, env):
            super().__init__(env)
            self.step = jax.vmap(env.step, in_axes=(0, 0, 0, None))

    return Batched(env)


def plays_elsewhere(env):
    class Elsewhere(purerl.GymnaxWrapper):
        def __init__(self, env):
            super().__init__(env)
            self.play = lambda *args: env.step(*args)

        def step(self, key, state, action, params=None):
            return self.play(key, state, action, params)

    return Elsewhere(env)


def keeps_info_back(env):
    class Silent(purerl.GymnaxWrapper):
        def step(self, key, state, action, params=None):
            return *self._env.step(key, state, action, params)[:-1], {}

    return Silent(gymnax.wrappers.LegacyStepAPIWrapper(env))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (resets_inside, ValueError, r"LogWrapper\(Restarting\(CartPole\)\): a wrapper resets the environment inside"),
        (holds_a_step, ValueError, "Batched holds its step as an attribute, resets inside; make it a method"),
        (
            plays_elsewhere,
            ValueError,
            "the step of the environment inside is not played; give the environment without it",
        ),
        (keeps_info_back, ValueError, "the info that tells a goal from a limit is lost in a wrapper; pass it on"),
        (lambda env: OnlyRaw(sticky(env)), ValueError, "what is outside of StickyActionWrapper does not play its step"),
        (
            gymnax.wrappers.GymnaxToDmEnvWrapper,
            ValueError,
            r"GymnaxToDmEnvWrapper\(CartPole\): its reset gives no pair",
        ),
        (gymnax.wrappers.GymnaxToGymWrapper, TypeError, "is of Gymnasium, which keeps its state; give a JAX env"),
        (lambda env: type(env), TypeError, "env=CartPole is the class itself; give an instance"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(make, error, text):
    env = make(CartPole())
    env = purerl.LogWrapper(env) if make is resets_inside else env
    with pytest.raises(error, match=text) as caught:
        with_memory(env, max_steps=9)
    assert "\n" not in str(caught.value)
