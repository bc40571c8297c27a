"""What an action space says; several discrete actions as one; a table of continuous ones."""

import collections
import dataclasses
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor, perceive
from procmem_jax import run_key, train, with_memory
from procmem_jax.envs.foreign.forms.actions import TabledActions, number_actions
from procmem_jax.envs.foreign.projected import ProjectedPercept
from quick import quick_first


def kind(name, **attributes):
    return type(name, (types.SimpleNamespace,), {})(**attributes)


def discrete(count, **more):
    return kind("Discrete", n=count, **more)


def box(*shape, low=-1.0, high=1.0):
    return kind("Box", low=low, high=high, shape=shape, dtype=jnp.float32)


@dataclasses.dataclass(frozen=True)
class Echo:
    """Gives back the action that it got, as observation."""

    num_actions = 2
    default_params = None
    space: object = None

    def reset(self, key, params):
        return jnp.zeros(()), jnp.zeros(())

    def step(self, key, state, action, params):
        return action, state, 0.0, False, False, {}


def played(space, actions=None):
    env, names = number_actions(Echo(), space, actions)
    step = jax.jit(lambda action: env.step(None, None, action, None)[0])
    return names, [jax.tree.map(np.asarray, step(jnp.int32(number))) for number in range(len(names))]


def test_a_discrete_one_stays_as_it_is():
    env, names = number_actions(Echo(), discrete(3))
    assert env == Echo() and names == ("action_0", "action_1", "action_2")
    assert number_actions(Echo(), None) == (Echo(), ("action_0", "action_1"))
    names, values = played(discrete(3, start=5))
    assert names == ("5", "6", "7") and [int(value) for value in values] == [5, 6, 7]


def test_several_discrete_ones_become_one_the_last_fastest():
    names, values = played(kind("MultiDiscrete", nvec=np.array([2, 3]), dtype=np.int64))
    assert names == ("(0, 0)", "(0, 1)", "(0, 2)", "(1, 0)", "(1, 1)", "(1, 2)")
    assert [value.tolist() for value in values] == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert values[0].dtype == np.int32
    names, values = played(kind("Tuple", spaces=(discrete(2), kind("MultiDiscrete", nvec=np.array([[1], [2]])))))
    assert len(values) == 4 and values[3][0] == 1 and values[3][1].tolist() == [[0], [1]]
    names, values = played(kind("Dict", spaces=collections.OrderedDict(go=discrete(2), fire=discrete(2))))
    assert names[1] == "fire=1, go=0" and values[1] == {"go": 0, "fire": 1}


def test_tables():
    names, values = played(box(1), [-1.0, 0.5])
    assert names == ("-1", "0.5") and values[1].tolist() == [0.5] and values[1].dtype == np.float32
    names, values = played(box(2), np.array([[-1, 0], [0.25, 1]]))
    assert names == ("(-1, 0)", "(0.25, 1)") and values[1].tolist() == [0.25, 1]
    names, values = played(box(2), jnp.ones((3, 2)))
    assert names == ("action_0", "action_1", "action_2")  # they are one and the same
    names, values = played(discrete(9), [7, 2])
    assert names == ("7", "2") and values[0] == 7
    names, values = played(None, [[1, 2], [3, 4], [5, 6]])
    assert values[2].tolist() == [5, 6] and values[2].dtype == np.int32
    pair = kind("Dict", spaces={"turn": box(), "fire": discrete(2)})
    names, values = played(pair, {"turn": [0.0, 1.0, -1.0], "fire": [0, 1, 1]})
    assert values[2] == {"turn": -1, "fire": 1}
    assert number_actions(Echo(), box(1), [0, 1])[0] == number_actions(Echo(), box(1), [0.0, 1.0])[0]
    assert number_actions(Echo(), box(1), [0, 1])[0] != number_actions(Echo(), box(1), [0, 0.5])[0]


@pytest.mark.parametrize(
    ("space", "actions", "text"),
    [
        (box(2), None, r"the actions are continuous \(Box\): Box\(.*; give actions=, a table \[A, ...\] of those"),
        (kind("Tuple", spaces=(discrete(2), box())), None, r"the actions are continuous \(Box\)"),
        (kind("Graph", nodes=3), None, "the actions are neither Discrete nor made of such: Graph"),
        (
            kind("MultiDiscrete", nvec=np.full(16, 2)),
            None,
            "65,536 combinations of actions, above 32,767; give actions",
        ),
        (box(2), [[1.0, 1.0, 1.0]], r"actions= has rows of shape \(3,\), the space is Box"),
        (box(2), [[1.0, 1.5], [0, 0]], "actions= has values outside of Box"),
        (discrete(3), [0, 3], "actions= has values outside of Discrete"),
        (box(), 3.0, "actions= is no table; give an array"),
        (None, {"a": [1, 2], "b": [1]}, "actions= is no table; give an array"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(space, actions, text):
    with pytest.raises(ValueError, match=text) as caught:
        number_actions(Echo(), space, actions)
    assert "\n" not in str(caught.value)


def test_masks_are_those_of_the_rows():
    class Masked(Echo):
        def legal_actions(self, obs, state, params):
            return jnp.array([True, False, True])

    def legal(space, actions=None, env=Masked):
        found = number_actions(env(), space, actions)[0].legal_actions(None, None, None)
        return found if found is None else found.tolist()

    assert legal(discrete(3), [2, 1]) == [True, False] == legal(discrete(3, start=4), [6, 5])
    assert legal(kind("MultiDiscrete", nvec=np.array([3, 1]))) == [True, False, True]
    assert legal(discrete(3), [2, 1], env=Echo) is None


def test_names_fit_the_actions():
    def make(**changes):
        return with_memory(Corridor(), perceive, max_steps=9, **changes)[0].environment.action_names

    assert make() == tuple(f"action_{i}" for i in range(4)) and make(action_names="abcd") == tuple("abcd")
    assert make(actions=[0, 1, 3], num_actions=2) == ("0", "1")
    with pytest.raises(ValueError, match="action_names has 3 names, the actions are 4; name each"):
        make(action_names="abc")
    with pytest.raises(ValueError, match="num_actions=5 is above 4, which the environment has"):
        make(num_actions=5)


GYMNAX_BOXES = {
    "Pendulum-v1": [-2.0, 0.0, 2.0],
    "MountainCarContinuous-v0": [[-1.0], [1.0]],
    "Reacher-misc": [[1, 0], [-1, 0], [0, 1], [0, -1]],
    "Swimmer-misc": [[1, 0], [-1, 0], [0, 1], [0, -1]],
    "PointRobot-misc": np.array([[0.1, 0], [-0.1, 0], [0, 0.1], [0, -0.1]]),
}


@pytest.mark.parametrize("name", quick_first(GYMNAX_BOXES))
def test_continuous_environments_of_gymnax(name, lenient):
    gymnax = pytest.importorskip("gymnax")
    env, params = gymnax.make(name)
    with pytest.raises(ValueError, match=r"the actions are continuous \(Box\): Box\("):
        with_memory(env)
    table = GYMNAX_BOXES[name]
    ours = with_memory(env, ProjectedPercept(), actions=table)[0].environment
    assert isinstance(ours.env, TabledActions) and ours.num_actions == len(table) and name[:5] in ours.percept_name
    key, (row, *_) = jax.random.key(4), [np.asarray(table[1], np.float32).reshape(env.action_space(params).shape)]
    _, state = env.reset_env(key, params)
    expected = jax.jit(env.step_env)(key, state, row, params)
    found = jax.jit(ours.env.step)(key, state, jnp.int32(1), params)
    jax.tree.map(np.testing.assert_array_equal, found[:3], expected[:3])


@pytest.mark.slow
def test_a_continuous_environment_is_trained(lenient):
    gymnax = pytest.importorskip("gymnax")
    env, _ = gymnax.make("Pendulum-v1")
    config, params = with_memory(env, actions=[-2.0, 0.0, 2.0], max_steps=20)
    metrics = train(run_key(0), config, params, 4, 3).metrics
    assert (metrics.steps == 20).all() and (np.asarray(metrics.episode_return) < 0).all()
