"""Environments that hold arrays are hashed by what they hold."""

import dataclasses
import types
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor, perceive
from procmem_jax import run_key, train, with_memory
from procmem_jax.envs.foreign.forms.by_content import ByContent, hashable
from procmem_jax.envs.foreign.projected import ProjectedPercept


@dataclasses.dataclass(frozen=True)
class Walled(Corridor):
    """A dataclass of arrays."""

    walls: Any = dataclasses.field(default_factory=lambda: jnp.arange(3))


class Mutable:
    """Python gives it no hash, for it compares by what it holds and may change."""

    num_actions, default_params = 4, None
    reset, step = Corridor.reset, Corridor.step

    def __init__(self, walls):
        self.walls = walls

    def __eq__(self, other):
        return self.walls == other.walls


def make(env):
    return with_memory(env, perceive, max_steps=9)[0].environment


@pytest.mark.parametrize("make_env", (Walled, lambda: Mutable({"a": [np.ones(2), jax.random.key(3)], "b": None})))
def test_equal_ones_are_one_environment(make_env):
    one, two = make(make_env()), make(make_env())
    assert hash(one) == hash(two) and one == two and one != make(Corridor())
    assert one.num_actions == 4


def test_others_differ():
    mine = types.SimpleNamespace(own=jnp.ones(3))
    mine.own_again = mine
    different = [1, 1.0, [1], (1,), {"a": 1}, {"a": 2}, np.ones(2), np.ones(2, np.int32), np.ones((2, 1)), np.zeros(2)]
    different += [Walled(), Walled(np.arange(4)), mine, jax.random.key(1), jax.random.key(2)]
    assert len({ByContent(value) for value in different}) == len(different)
    assert ByContent(mine) == ByContent(mine) and ByContent(1) != 1
    assert hashable(Corridor()) == Corridor() and repr(hashable(Walled(3))) == "Walled(walls=3)"


def test_one_of_gymnax(lenient):
    gymnax = pytest.importorskip("gymnax")

    @dataclasses.dataclass
    class Padded(type(gymnax.make("CartPole-v1")[0])):
        pad: Any

    padded = (Padded(jnp.full(2, number)) for number in (1, 1, 2))
    one, two, other = (with_memory(env, ProjectedPercept())[0].environment for env in padded)
    assert one == two != other and hash(one) == hash(two) and "CartPole" in one.env.name


@pytest.mark.slow
def test_it_is_trained_and_equal_ones_share_their_program():
    runs = []
    for _ in range(2):
        config, params = with_memory(Walled(), perceive, max_steps=20, use_skills=False)
        runs.append(train(run_key(0), config, params, 3, 2).metrics)
    jax.tree.map(np.testing.assert_array_equal, *runs)
