"""The default memory by hand: no skills can hold an agent, whether they fail or undo each other."""

import numpy as np
import pytest

from agents.puppet import FAR, Puppet, after_key, skill
from memory.handmade import HAS_KEY, NOTHING, OPENED
from quick import quick_first

# Retreat


def steps_until_a_skill(puppet):
    """Explores from (3, 0) to (3, 0) until a skill is chosen there; returns after how many steps."""
    for count in range(100):
        if puppet.decide()[0]:
            return count
        puppet.step((3, 0), 0)
    raise AssertionError("no skill for 100 steps")


@pytest.mark.slow
def test_the_retreat_grows_with_failures_and_ends():
    puppet = Puppet(skills=[skill((3, 0), [2])], retire_rate=0.0, retreat_steps=2)
    retreats = []
    for _ in range(4):
        retreats.append(steps_until_a_skill(puppet))
        assert puppet.step((3, 0)) == (True, 2)
    assert retreats == [0, 2, 4, 6]
    assert puppet.counts() == (4, 0, 4)


def test_the_first_failures_are_forgiven():
    puppet = Puppet(skills=[skill((3, 0), [2])], retire_rate=0.0, retreat_steps=3, forgiven_failures=2)
    retreats = []
    for _ in range(6):
        retreats.append(steps_until_a_skill(puppet))
        puppet.step((3, 0))
    assert retreats == [0, 0, 0, 3, 6, 9]


def test_without_a_retreat_the_next_skill_comes_at_once():
    puppet = Puppet(skills=[skill((3, 0), [2])], retire_rate=0.0, retreat_steps=0)
    assert [puppet.step((3, 0))[0] for _ in range(5)] == [True] * 5


def test_a_change_of_the_predicates_ends_the_retreat():
    known = [skill((3, 0), [2]), skill((3, 0), [1], before=HAS_KEY)]
    for last in ({"predicates": HAS_KEY}, {}):
        puppet = Puppet(skills=known, retire_rate=0.0, retreat_steps=5)
        puppet.step((3, 0))
        assert not puppet.step((3, 0), 0, **last)[0]
        assert puppet.decide()[0] == bool(last)
    # and the count of failures
    puppet = Puppet(skills=known, retire_rate=0.0, retreat_steps=1)
    for _ in range(3):
        steps_until_a_skill(puppet)
        puppet.step((3, 0))
    while puppet.step((3, 0), 0, predicates=HAS_KEY)[0]:
        pass
    puppet.step((3, 0))
    assert steps_until_a_skill(puppet) == 1


def test_a_success_does_not_make_failures_forgotten():
    """They are counted through the whole segment, so that no mixture of both holds an agent."""
    puppet = Puppet(skills=[skill((3, 0), [2])], retire_rate=0.0)
    assert puppet.step((3, 0))[0]  # the first failure
    assert not puppet.step((6, 0), 0)[0]
    assert puppet.step((7, 0))[0]  # a first step, to a new place
    assert puppet.counts() == (2, 1, 1)
    assert puppet.step((3, 0))[0]  # a first step back
    assert puppet.counts() == (3, 1, 2)
    assert steps_until_a_skill(puppet) == 2


@pytest.mark.parametrize("undone", quick_first((True, False)))
def test_a_first_step_back_to_where_exploration_came_from_has_failed(undone):
    """Exploration comes back from (0, 7), and the skill for (4, 0) leads from (6, 0) there again: nowhere new."""
    puppet = Puppet((6, 0), skills=[skill((4, 0), [2, 2])], retire_rate=0.0, retreat_steps=0, memory={"undone": undone})
    tries = []
    for to in ((0, 7), (0, 7), (0, 8), (0, 7)):
        assert puppet.step(to)[0]
        tries.append(puppet.counts()[1:])
        assert not puppet.step((6, 0), 0)[0]
    once = [(1, 0), (1, 1), (2, 1), (3, 1)]  # what came after (0, 8) is not remembered
    assert tries == (once if undone else [(1, 0), (2, 0), (3, 0), (4, 0)])


def share_of_exploration(num_steps, **changes):
    """Whether each step of an agent in a closed room explored, with skills for everywhere that lead nowhere."""
    moves = {0: (0, 1), 1: (0, -1), 2: (-1, 0), 3: (1, 0)}
    skills = [skill((n, n), [n] * 4) for n in range(4)]
    puppet = Puppet((2, 2), skills=skills, merge_threshold=-1.0, match_tolerance=1e6, **changes)
    rng, explored = np.random.default_rng(2), []
    for _ in range(num_steps):
        random_action = int(rng.integers(6))
        in_skill, action = puppet.decide(coin=127)
        dx, dy = moves.get(action if in_skill else random_action, (0, 0))
        to = tuple(int(np.clip(c + d, 0, 4)) for c, d in zip(puppet.place, (dx, dy), strict=True))
        assert puppet.step(to, random_action)[0] == in_skill
        explored.append(not in_skill)
    assert puppet.library.success_counts.sum() == 0
    return np.array(explored), puppet


@pytest.mark.parametrize("interruption", quick_first((False, True)))
def test_a_growing_retreat_keeps_failing_skills_from_holding_an_agent(interruption):
    """The share of exploration goes to 1, though no skill is ever retired."""
    memory = {"interruption": interruption}
    explored, puppet = share_of_exploration(500, retire_rate=0.0, memory=memory)
    shares = [part.mean() for part in np.split(explored, 5)]
    assert shares[0] < min(shares[1:]) and shares[-1] > 0.85
    failures = int(puppet.library.failure_counts.sum())
    assert failures * (failures - 1) / 2 <= 500  # each one is paid for with a longer retreat


def test_retirement_keeps_failing_skills_from_holding_an_agent():
    """Though there is no retreat; without both an agent is held."""
    explored, puppet = share_of_exploration(100, retreat_steps=0)
    assert explored[-50:].all()
    assert puppet.library.failure_counts.tolist()[:4] == [3, 3, 3, 3]
    held, _ = share_of_exploration(100, retire_rate=0.0, retreat_steps=0)
    assert not held.any()


# Predicates that can be lost again


def test_ways_to_lose_what_one_has_are_not_learned():
    puppet = after_key(**FAR).consolidate()
    known = puppet.skills()
    puppet.explore((3, (1, 0)), (2, (-4, 5)), predicates=NOTHING)
    assert puppet.consolidate().skills() == known
    puppet.explore((5, (-4, 6)), predicates=HAS_KEY)  # but how to win it back is
    assert len(puppet.consolidate().skills()) > len(known)


TAKE_AND_DROP = (skill((3, 0), [4]), skill((3, 0), [5], before=HAS_KEY, after=NOTHING))


def undo_each_other(num_steps, **changes):
    """Whether each step of an agent with skills that take and drop the key, on and on, explored."""
    puppet, explored = Puppet(skills=TAKE_AND_DROP, **changes), []
    for _ in range(num_steps):
        in_skill, action = puppet.decide()
        following = {4: HAS_KEY, 5: NOTHING}.get(action, puppet.predicates) if in_skill else puppet.predicates
        puppet.step((3, 0), 0, predicates=following)
        explored.append(not in_skill)
    return np.array(explored), puppet


def test_skills_that_undo_each_other_lose_their_hold():
    explored, puppet = undo_each_other(200)
    assert puppet.library.failure_counts.sum() == 0  # each does what it promises
    assert not explored[:2].any() and explored[-100:].mean() > 0.85
    held, _ = undo_each_other(50, retreat_steps=0)
    assert not held.any()


def test_something_new_ends_the_retreat_that_undoing_brought():
    puppet = Puppet(skills=TAKE_AND_DROP, retreat_steps=3)
    for following in (HAS_KEY, NOTHING):
        assert puppet.step((3, 0), predicates=following)[0]
    assert not puppet.decide()[0]  # dropping it brought nothing new
    assert puppet.state.retreat == 3 and puppet.state.achieved.tolist() == list(HAS_KEY)
    puppet.step((3, 0), 0, predicates=OPENED)
    assert puppet.state.retreat == 0 and puppet.state.failures == 0


def test_an_episode_begins_with_nothing_achieved():
    puppet = after_key()
    puppet.step((0, 0), 0, over=True)
    assert puppet.state.achieved.tolist() == list(NOTHING)
