"""The ways to success by hand: what changes of the predicates teach, and which skills they make an agent take."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.puppet import Puppet, percept, skill
from memory.handmade import HAS_KEY, NOTHING, OPENED
from procmem_jax.memory.default.knowledge.values import (
    FARTHEST,
    begin_episode,
    change_of,
    leads_back,
    learn_change,
    nearness_of,
    no_values,
    row_of,
    steps_after,
)
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Step

DOOR_OPEN, SUCCESS = (False, True, False), (False, True, True)
VALUES = {"values": True}
predicates = st.integers(1, 12).flatmap(
    lambda size: st.tuples(*[st.lists(st.booleans(), min_size=size, max_size=size)] * 2)
)


def change(before, after, *, terminated=False, truncated=False):
    ends = jnp.bool_(terminated), jnp.bool_(truncated)
    return Step(percept((0, 0), before), percept((0, 0), after), jnp.int32(0), jnp.float32(0), *ends)


def learn(values, *states, steps=1, enabled=True):
    """Goes through states of the predicates, `steps` steps for each change."""
    told = None
    for before, after in zip(states[:-1], states[1:], strict=True):
        for _ in range(steps - 1):
            values, *_ = learn_change(values, change(before, before), jnp.bool_(enabled))
        values, *told = learn_change(values, change(before, after), jnp.bool_(enabled))
    return values, [bool(flag) for flag in told]


def begun(values=None, first=NOTHING):
    return begin_episode(values or no_values(3), jnp.array(first), jnp.bool_(True))


def left(values, before, after):
    before, after = np.array(before), np.array(after)
    return float(steps_after(values, jnp.array(before), change_of(jnp.array(before != after), jnp.array(after))))


def is_back(values, before, after):
    before, after = np.array(before), np.array(after)
    return bool(leads_back(values, jnp.array(before), change_of(jnp.array(before != after), jnp.array(after))))


@settings(deadline=None)
@given(predicates)
def test_a_row_after_a_change_is_the_row_before_xor_that_of_the_change(pair):
    before, mask = (np.array(bits) for bits in pair)
    rows = [int(row_of(jnp.array(bits))) for bits in (before, mask, before ^ mask)]
    assert rows[2] == rows[0] ^ rows[1]
    assert max(rows) < no_values(len(before)).nearness.shape[0]


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_up_to_six_predicates_each_state_has_a_row_of_its_own(bits):
    assert int(row_of(jnp.array(bits))) == sum(bit << number for number, bit in enumerate(bits))


def test_success_teaches_the_way_backwards():
    values, told = learn(begun(), NOTHING, HAS_KEY, OPENED, steps=2)
    assert not values.nearness.any() and told == [False, False]  # no success was seen yet
    values, told = learn(values, OPENED, DOOR_OPEN, SUCCESS, steps=2)
    assert told == [True, True]
    assert float(nearness_of(values, jnp.array(DOOR_OPEN))) == FARTHEST - 2
    assert float(nearness_of(values, jnp.array(OPENED))) == 0  # that putting the key down leads there was not known
    values, told = learn(begun(values, OPENED), OPENED, DOOR_OPEN, steps=3)
    assert told == [True, True]
    assert float(nearness_of(values, jnp.array(OPENED))) == FARTHEST - 5
    values, _ = learn(begun(values, DOOR_OPEN), DOOR_OPEN, SUCCESS, steps=10)
    assert float(nearness_of(values, jnp.array(DOOR_OPEN))) == FARTHEST - 3  # an eighth of the way from 2 to 10
    values, told = learn(begun(values, DOOR_OPEN), DOOR_OPEN, OPENED)
    assert told == [False, False]


@pytest.mark.parametrize("how", ["terminated", "truncated"])
def test_steps_in_vain_make_the_shortest_known_way_longer(how):
    """By hand: 2 steps to success and 40 in vain make 2 + 40 / 8 = 7; then the other way, of 5, is the shorter one."""
    values, _ = learn(begun(first=DOOR_OPEN), DOOR_OPEN, SUCCESS, steps=2)
    values, _ = learn(begun(values, OPENED), OPENED, DOOR_OPEN, steps=3)
    values, _ = learn(begun(values, OPENED), OPENED, (True, True, True), steps=2)
    assert float(nearness_of(values, jnp.array(OPENED))) == FARTHEST - 2

    def in_vain(values, state, steps, enabled=True):
        for _ in range(steps - 1):
            values, *_ = learn_change(values, change(state, state), jnp.bool_(enabled))
        values, *told = learn_change(values, change(state, state, **{how: True}), jnp.bool_(enabled))
        assert not any(told)
        return values

    known = values
    values = in_vain(begun(known, OPENED), OPENED, 40)
    assert float(nearness_of(values, jnp.array(OPENED))) == FARTHEST - 5
    assert float(values.nearness[row_of(jnp.array(OPENED)), 2]) == FARTHEST - 7
    assert float(nearness_of(values, jnp.array(DOOR_OPEN))) == FARTHEST - 2
    assert (in_vain(begun(known, OPENED), OPENED, 40, enabled=False).nearness == known.nearness).all()
    assert (in_vain(begun(known, HAS_KEY), HAS_KEY, 40).nearness == known.nearness).all()  # no way from there is known


def test_what_is_not_known_counts_as_near_as_now():
    values, _ = learn(begun(first=DOOR_OPEN), DOOR_OPEN, SUCCESS, steps=4)
    assert left(values, DOOR_OPEN, SUCCESS) == 0
    assert left(values, DOOR_OPEN, OPENED) == 4
    assert left(values, OPENED, DOOR_OPEN) == 4
    assert left(values, NOTHING, HAS_KEY) == FARTHEST


def test_no_way_back_to_what_was_no_nearer():
    values, _ = learn(begun(first=DOOR_OPEN), DOOR_OPEN, SUCCESS)
    values, _ = learn(begun(values, OPENED), OPENED, DOOR_OPEN, SUCCESS)
    values, _ = learn(begun(values, OPENED), OPENED, DOOR_OPEN)
    assert is_back(values, DOOR_OPEN, OPENED)
    assert not is_back(values, DOOR_OPEN, SUCCESS)
    assert not is_back(values, DOOR_OPEN, NOTHING)  # this episode was not there yet
    values = begun(values, DOOR_OPEN)
    assert not is_back(values, DOOR_OPEN, OPENED)
    unknown, _ = learn(begun(), NOTHING, HAS_KEY, NOTHING)
    assert not is_back(unknown, NOTHING, HAS_KEY)


def test_a_frozen_agent_learns_no_way():
    values, told = learn(begun(first=DOOR_OPEN), DOOR_OPEN, SUCCESS, enabled=False)
    assert not values.nearness.any() and told == [True, True]


def test_an_episode_begins_with_no_steps_and_one_state():
    values, _ = learn(begun(), NOTHING, HAS_KEY, NOTHING, steps=3)
    for now, steps, visited in ((False, 0, 2), (True, 0, 1)):
        after = begin_episode(values, jnp.array(NOTHING), jnp.bool_(now))
        assert (int(after.steps), int(after.visited.sum())) == (steps, visited)


def taken(puppet):
    """What changes in the skill that the puppet takes here, None if it takes none."""
    runs, _ = puppet.decide()
    return puppet.skills()[int(puppet.state.running)][2] if runs else None


def through_the_door(**memory):
    """A puppet that knows, with free hands before an open door, how to take the key again and how to succeed."""
    again = skill((1, 0), [1], DOOR_OPEN, OPENED)
    succeed = skill((1, 0), [2, 2, 2], DOOR_OPEN, SUCCESS)
    return Puppet((1, 0), skills=[again, succeed], predicates=OPENED, memory=memory)


@pytest.mark.parametrize(("memory", "expected"), [({}, [0]), (VALUES, [2])])
def test_a_key_put_down_is_not_taken_up_again(memory, expected):
    puppet = through_the_door(**memory)
    for _ in range(2):
        puppet.enter((1, 0), OPENED, is_first=True)
        puppet.step((1, 0), predicates=DOOR_OPEN)
        puppet.enter((5, 5), DOOR_OPEN, is_first=False)  # where no skill is alike
        puppet.step((5, 6), predicates=SUCCESS, over=True)
    puppet.enter((1, 0), OPENED, is_first=True)
    puppet.step((1, 0), predicates=DOOR_OPEN)
    assert taken(puppet) == expected


@pytest.mark.parametrize(("memory", "learned"), [({}, 0), (VALUES, 1)])
def test_to_lose_what_is_in_the_way_is_learned_once_the_way_is_known(memory, learned):
    puppet = Puppet((1, 0), predicates=DOOR_OPEN, memory=memory)
    puppet.explore((2, (1, 1)), predicates=SUCCESS, over=True)
    puppet.consolidate()
    before = len(puppet.skills())
    puppet.enter((3, 3), OPENED, is_first=True)
    puppet.explore((4, (3, 3)), predicates=DOOR_OPEN)
    skills = puppet.consolidate().skills()
    assert len(skills) == before + learned
    if learned:
        assert skills[-1] == ([4], OPENED, [0])


def test_without_the_switch_there_are_none():
    state = DefaultMemory(capacity=2).begin(percept((1, 0), NOTHING), DefaultMemory.Params())
    assert state.values is state.relevance is state.index.changes is state.index.weights is None
    assert jax.tree.leaves(DefaultMemory(capacity=2).library(state).worth) == []
