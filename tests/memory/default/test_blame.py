"""Blame by hand: what a first step that kills or gains nothing changes, and for how long."""

import pytest

from agents.puppet import NEXT_START, Puppet, embed, percept, skill
from memory.handmade import HAS_KEY, NOTHING
from procmem_jax.memory.default.memory import DefaultMemory

ONE = skill((2, 0), [3])
DEATHS, PROGRESS = {"deaths_teach": True}, {"progress": True}


def distance(one, other):
    return 2 * (1 - sum(x * y for x, y in zip(embed(one), embed(other), strict=True)))


def reach(puppet, slot=0):
    return float(puppet.library.reach[slot])


def is_tried(puppet, place):
    puppet.enter(place, NOTHING, is_first=True)
    return puppet.decide()[0]


def test_without_the_switches_the_state_is_as_it_was():
    state = DefaultMemory(capacity=2).begin(percept((1, 0), NOTHING), DefaultMemory.Params())
    assert state.library.reach is state.judged is state.promised is None


def test_a_skill_that_killed_is_tried_only_nearer_from_then_on():
    puppet = Puppet((4, 0), skills=[ONE], memory=DEATHS)
    assert is_tried(puppet, (8, 0))
    puppet.enter((4, 0), NOTHING, is_first=True)
    assert puppet.step((5, 0), died=True) == (True, 3)
    assert reach(puppet) == pytest.approx(distance((4, 0), (2, 0)), rel=1e-4)
    assert puppet.counts() == (1, 0, 1)
    assert [is_tried(puppet, (x, 0)) for x in (8, 4, 3, 2)] == [False, False, True, True]
    puppet.enter((2, 0), NOTHING, is_first=True)
    puppet.step((1, 0), died=True)  # in its own situation it fails like any other
    assert reach(puppet) == pytest.approx(distance((4, 0), (2, 0)), rel=1e-4)


@pytest.mark.parametrize("end", ({"over": True}, {"died": True, "predicates": HAS_KEY}, {"died": True, "reward": 1.0}))
def test_a_limit_a_gain_and_a_reward_are_no_death(end):
    puppet = Puppet((4, 0), skills=[ONE], memory=DEATHS)
    assert puppet.step((5, 0), **end)[0]
    assert reach(puppet) == float("inf")


def test_a_death_while_exploring_or_frozen_blames_no_skill():
    puppet = Puppet((4, 0), skills=[ONE], memory=DEATHS, novelty=0.9)
    assert not puppet.step((5, 0), 1, coin=0, died=True)[0]
    puppet.enter((4, 0), NOTHING, is_first=True)
    assert puppet.step((5, 0), died=True, enabled=False)[0]
    assert reach(puppet) == float("inf")


def test_blame_goes_with_the_skill_and_what_it_does_not_reach_is_learned():
    """The way from (4, 0), which the skill is thought to know until it kills there, is stored beside it."""
    for died, number in ((False, 1), (True, 2)):
        puppet = Puppet((4, 0), skills=[ONE], memory=DEATHS, novelty=0.9, distance_cost=0.0)
        puppet.step((5, 0), over=not died, died=died)
        puppet.enter((4, 0), NOTHING, is_first=True)
        assert puppet.step((0, 0), 1, coin=0, predicates=HAS_KEY) == (False, 1)
        puppet.consolidate()
        assert puppet.library.used.sum() == number
    assert (reach(puppet), reach(puppet, 1)) == (pytest.approx(distance((4, 0), (2, 0)), rel=1e-4), float("inf"))


def test_blame_is_in_the_library_and_goes_where_that_goes():
    puppet = Puppet((4, 0), skills=[ONE], memory=DEATHS)
    puppet.step((5, 0), died=True)
    other = Puppet((8, 0), skills=[ONE], memory=DEATHS)
    assert is_tried(other, (8, 0))
    other.state = other.call("with_library", other.state, puppet.library)
    assert reach(other) == reach(puppet) < float("inf") and not is_tried(other, (8, 0)) and is_tried(other, (3, 0))
    without = Puppet((8, 0))
    without.state = without.call("with_library", without.state, puppet.library)
    assert without.library.reach is None and is_tried(without, (8, 0))


@pytest.mark.parametrize(("place", "counts"), (((3, 0), (1, 1, 0)), ((5, 0), (1, 0, 1)), ((0, 9), (1, 0, 1))))
def test_a_first_step_is_judged_by_what_is_promised_after_it(place, counts):
    puppet = Puppet((4, 0), skills=[ONE], memory=PROGRESS)
    assert puppet.step(place) == (True, 3)
    assert puppet.counts() == (0, 0, 0)
    runs, _ = puppet.decide()
    assert puppet.counts() == counts
    assert runs == (counts[1] == 1)  # a failure is followed by a step of exploration


def test_the_end_of_an_episode_is_not_judged_by_the_next_one():
    puppet = Puppet((4, 0), skills=[ONE], memory=PROGRESS)
    puppet.step((5, 0))
    puppet.enter(NEXT_START, NOTHING, is_first=True)  # as a budget ends it
    puppet.decide()
    assert puppet.counts() == (0, 0, 0)
