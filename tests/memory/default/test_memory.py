"""The default memory by hand: what it learns, what it chooses, what counts as success; each switch on and off."""

import chex
import jax
import jax.numpy as jnp
import pytest

from agents.puppet import FAR, KNOWN, LIBRARY, NEXT_START, SUCCESS, TO_KEY, Puppet, after_key, embed, percept, skill
from memory.handmade import HAS_KEY, NOTHING, OPENED, as_library
from procmem_jax.memory.default.choice import random_applicable
from procmem_jax.memory.library import success_rates

# Learning


def test_the_way_to_a_change_becomes_skills():
    puppet = after_key(**FAR)
    assert puppet.skills() == []  # not before the consolidation
    puppet.consolidate()
    assert puppet.skills() == [(a, NOTHING, [0]) for a in ([4], [3, 4], [2, 3, 4])]
    for slot, place in enumerate([(1, 0), (2, 0), (3, 0)]):
        assert puppet.library.embeddings[slot].tolist() == pytest.approx(embed(place), abs=1e-6)
    before = puppet.library
    chex.assert_trees_all_equal(puppet.consolidate().library, before)  # a segment is taken in once


def test_every_change_ends_a_segment_and_the_next_begins_there():
    puppet = after_key(**FAR).consolidate()
    puppet.explore((1, (0, 1)), (5, (0, 1)), predicates=OPENED)
    puppet.consolidate().explore((1, (0, 2)), predicates=SUCCESS, over=True)
    assert puppet.consolidate().skills()[3:] == [([5], HAS_KEY, [1]), ([1, 5], HAS_KEY, [1]), ([1], OPENED, [2])]


def test_an_episode_that_fails_later_is_learned_from_too():
    puppet = after_key(**FAR)
    puppet.explore((0, (0, 1)), (0, (0, 2)), over=True)
    assert len(puppet.consolidate().skills()) == 3


def test_an_episode_begins_a_segment():
    puppet = Puppet(**FAR)
    puppet.explore((1, (2, 0)), (2, (1, 0)), over=True)
    puppet.explore((3, (2, -2)), (4, (3, -2)), predicates=HAS_KEY)
    assert [actions for actions, *_ in puppet.consolidate().skills()] == [[4], [3, 4]]
    assert puppet.library.embeddings[1].tolist() == pytest.approx(embed(NEXT_START), abs=1e-6)


def test_the_last_steps_of_a_long_way_become_skills():
    puppet = Puppet(**FAR)
    puppet.explore(*[(n % 6, (3, n)) for n in range(1, 12)], predicates=HAS_KEY)
    actions = [n % 6 for n in range(8, 12)]
    assert [a for a, *_ in puppet.consolidate().skills()] == [actions[-n:] for n in range(1, 5)]


def test_without_suffixes_only_the_whole_is_a_candidate():
    assert after_key(memory={"suffixes": False}, **FAR).consolidate().skills() == [([2, 3, 4], NOTHING, [0])]


def test_with_segmentation_by_success_only_the_goal_teaches():
    settings = {"predicates": OPENED, "memory": {"segmentation": "success"}} | FAR
    assert after_key(memory=settings["memory"], **FAR).consolidate().skills() == []
    puppet = Puppet(**settings)
    puppet.explore((1, (2, 0)), (3, (1, 0)), predicates=SUCCESS, over=True)
    assert puppet.consolidate().skills() == [([3], OPENED, [2]), ([1, 3], OPENED, [2])]


# From (3, 0) to (2, 0), round a loop of five and back there, then on.
LOOP = ((2, (2, 0)), (0, (2, 1)), (0, (2, 2)), (2, (1, 2)), (1, (1, 1)), (3, (2, 0)), (5, (2, -1)), (4, (0, 0)))
ERASED, KEPT = [[4], [5, 4], [2, 5, 4]], [[4], [5, 4], [3, 5, 4], [1, 3, 5, 4]]


@pytest.mark.parametrize(
    ("memory", "actions"), (({}, ERASED), ({"loop_erasure": False}, KEPT), ({"history_length": 4}, KEPT))
)
def test_a_loop_is_forgotten_if_the_history_holds_it(memory, actions):
    puppet = Puppet(memory=memory, **FAR)
    puppet.explore(*LOOP, predicates=HAS_KEY)
    assert [a for a, *_ in puppet.consolidate().skills()] == actions


def test_a_step_that_changes_nothing_is_a_loop():
    puppet = Puppet(**FAR)
    puppet.explore((0, (3, 0)), (0, (3, 0)), (2, (2, 0)), (1, (2, 0)), (4, (1, 0)), predicates=HAS_KEY)
    assert [a for a, *_ in puppet.consolidate().skills()] == [[4], [2, 4]]


@pytest.mark.parametrize(("novel_only", "merges"), ((True, 0), (False, 1)))
def test_what_skills_did_alone_teaches_nothing_new(novel_only, merges):
    puppet = Puppet(skills=[KNOWN], memory={"novel_only": novel_only, "suffixes": False}, **FAR)
    for _, place in TO_KEY[:2]:
        assert puppet.step(place)[0]
    assert puppet.step((0, 0), predicates=HAS_KEY) == (True, 4)
    assert puppet.consolidate().library.merge_counts[0] == merges


@pytest.mark.parametrize(("num_skill_steps", "learns"), ((3, True), (4, False)))
def test_one_explored_step_makes_a_segment_new(num_skill_steps, learns):
    """If it is among the last four, from which skills are made."""
    known = skill((3, 0), [2, 3, 4, 5][:num_skill_steps])
    puppet = Puppet((5, 5), skills=[known], memory={"suffixes": False}, **FAR)
    puppet.explore((1, (3, 0)))
    for number in range(num_skill_steps):
        last = number == num_skill_steps - 1
        assert puppet.step((0, 5 + number), predicates=HAS_KEY if last else None)[0]
    found = puppet.consolidate().library
    assert (found.used.sum(), found.merge_counts.sum()) == ((2, 0) if learns else (1, 0))


@pytest.mark.parametrize(("keep_better", "length"), ((True, 3), (False, 4)))
def test_a_shorter_way_from_the_same_situation_is_kept(keep_better, length):
    known = skill((3, 0), [0, 0, 0, 0], failures=1)  # not chosen: the coin is in favour of exploration
    puppet = Puppet(skills=[known], novelty=1.0, memory={"keep_better": keep_better, "suffixes": False}, **FAR)
    for action, place in TO_KEY:
        assert not puppet.step(place, action, coin=0, predicates=HAS_KEY if action == 4 else None)[0]
    library = puppet.consolidate().library
    assert (library.lengths[0], library.merge_counts[0], library.used.sum()) == (length, 1, 1)
    assert library.success_counts[0] == 0


@pytest.mark.parametrize(("admission", "lengths"), ((True, [1]), (False, [1, 2, 3])))
def test_what_the_library_foresees_is_turned_away(admission, lengths):
    """From (1, 0) one step takes the key; from (2, 0) and (3, 0) that is thought to do as well, at this distance."""
    puppet = after_key(memory={"admission": admission}, distance_cost=1.0)
    assert puppet.consolidate().library.lengths.tolist()[: len(lengths)] == lengths
    assert puppet.library.used.sum() == len(lengths)


def test_the_running_skill_survives_a_consolidation():
    """The library is full, and the running skill the least useful in it."""
    skills = [skill((3, 0), [1, 1, 1]), *[skill((20 * n, -30), [n], uses=9) for n in range(5)]]
    puppet = after_key(**FAR)
    puppet.state = puppet.call("with_library", puppet.state, as_library(skills, LIBRARY, embed))
    puppet.enter((3, 0), NOTHING, is_first=True)
    assert puppet.decide() == (True, 1)
    assert puppet.consolidate().library.skill_ids[0] == 0
    assert puppet.decide() == (True, 1)


@pytest.mark.parametrize("how", ("enabled", "learn"))
def test_a_frozen_or_unlearning_memory_keeps_its_library(how):
    settings = {"memory": {"learn": False}} if how == "learn" else {}
    on = how != "enabled"
    puppet = Puppet((5, 5), skills=[skill((3, 0), [1, 1])], **settings, **FAR)
    before = puppet.library
    puppet.explore((0, (0, 4)), (1, (3, 0)), enabled=on)
    assert puppet.step((3, 1), enabled=on) == (True, 1)  # it uses what it knows
    puppet.step((3, 2), enabled=on)
    puppet.step((3, 3), 4, enabled=on, predicates=HAS_KEY)
    puppet.consolidate(enabled=on)
    chex.assert_trees_all_equal(puppet.library, before)
    uses = int(puppet.memory.num_uses(puppet.state))
    assert uses == (1 if how == "learn" else 0)


def test_a_memory_that_is_frozen_with_news_never_takes_it_in():
    puppet = after_key(**FAR)
    assert puppet.consolidate(enabled=False).skills() == []
    frozen = Puppet(**FAR)
    frozen.explore(*TO_KEY, predicates=HAS_KEY, enabled=False)
    assert frozen.consolidate().skills() == []


# Choosing


def test_in_its_own_situation_a_skill_runs_as_a_whole():
    puppet = Puppet(skills=[KNOWN])
    assert [puppet.step(place) for place in ((2, 0), (1, 0), (9, 9))] == [(True, 2), (True, 3), (True, 4)]
    assert puppet.counts() == (1, 0, 1)


def test_elsewhere_only_its_first_step_is_taken():
    puppet = Puppet((4, 0), skills=[KNOWN])
    assert puppet.step((9, 9)) == (True, 2)
    assert puppet.counts() == (1, 1, 0)
    assert puppet.step((4, 9), 1)[0] is False  # (9, 9) is like nothing known


def test_the_cheapest_applicable_one_is_chosen():
    cheap, dear, other = skill((4, 0), [1]), skill((3, 0), [2, 2, 2, 2]), skill((3, 0), [3], before=HAS_KEY)
    assert Puppet(skills=[dear, other, cheap], distance_cost=1.0).decide() == (True, 1)
    assert Puppet(skills=[dear, other, cheap], distance_cost=1000.0).decide() == (True, 2)
    assert Puppet(skills=[dear, other, cheap], predicates=HAS_KEY).decide() == (True, 3)
    assert Puppet(skills=[skill((3, 0), [4], failures=2), dear]).decide() == (True, 4)  # 1 / 0.25 = 4 < 4 / 0.5
    assert Puppet(skills=[skill((3, 0), [4, 4, 4], failures=2), dear]).decide() == (True, 2)
    assert Puppet(skills=[skill((3, 0), [4]), skill((3, 0), [5])]).decide() == (True, 4)  # the lowest slot


def test_nothing_is_chosen_that_is_retired_or_too_far():
    assert not Puppet(skills=[skill((3, 0), [1], failures=3)]).decide()[0]
    assert Puppet(skills=[skill((3, 0), [1], failures=3)], retire_rate=0.1).decide()[0]
    assert not Puppet(skills=[skill((0, 3), [1])]).decide()[0]
    assert Puppet(skills=[skill((0, 3), [1])], match_tolerance=3.0).decide()[0]
    assert not Puppet().decide()[0]


@pytest.mark.parametrize(("uses", "novelty", "challenged"), ((0, 0.5, 64), (1, 0.5, 32), (3, 0.5, 16), (0, 0.0, 0)))
def test_what_is_little_used_is_challenged(uses, novelty, challenged):
    """With probability novelty / (1 + uses), in steps of 1/128."""
    puppet = Puppet(skills=[skill((3, 0), [1], uses=uses)], novelty=novelty)
    coins = jnp.arange(128, dtype=jnp.uint32) << 1
    here = percept(puppet.place, puppet.predicates)
    decide = jax.vmap(lambda word: puppet.call("decide", puppet.state, here, word, puppet.params)[1])
    assert decide(coins).tolist() == [False] * challenged + [True] * (128 - challenged)


def test_random_choice_takes_any_applicable_skill_as_a_whole():
    places = [(3, 0), (-3, 0), (0, 9), (-1, -1)]
    skills = [skill(place, [number, 5]) for number, place in enumerate(places)]
    skills.append(skill((3, 0), [4, 5], before=HAS_KEY))
    chosen = set()
    for x in range(12):
        puppet = Puppet((x, 4), skills=skills, memory={"choose": random_applicable})
        in_skill, action = puppet.decide()
        assert in_skill
        chosen.add(action)
        assert puppet.step((x, 5)) == (True, action)
        assert puppet.step((x, 6)) == (True, 5)
    assert chosen == {0, 1, 2, 3}
    assert not Puppet(skills=skills[:4], predicates=OPENED, memory={"choose": random_applicable}).decide()[0]


# Outcomes


def test_success_is_its_postcondition_inside_it():
    """The skill stops there, though it is longer."""
    puppet = Puppet(skills=[KNOWN])
    puppet.step((2, 0))
    assert puppet.counts() == (0, 0, 0)  # outcomes count when the skill ends
    puppet.step((1, 0), predicates=HAS_KEY)
    assert puppet.counts() == (1, 1, 0)
    assert puppet.state.num_uses == 1
    assert not puppet.decide()[0]
    assert success_rates(puppet.library, LIBRARY)[0] == pytest.approx(2 / 3)


def test_at_its_end_without_it_a_whole_skill_has_failed():
    puppet = Puppet(skills=[KNOWN])
    for place in ((2, 0), (1, 0), (0, 0)):
        assert puppet.step(place)[0]
    assert puppet.counts() == (1, 0, 1)
    assert success_rates(puppet.library, LIBRARY)[0] == pytest.approx(1 / 3)


def test_another_change_ends_a_skill_and_is_no_success():
    puppet = Puppet(skills=[KNOWN])
    puppet.step((2, 0), predicates=(False, True, False))
    assert puppet.counts() == (1, 0, 1)


def test_a_change_beside_its_own_does_not_matter():
    puppet = Puppet(skills=[KNOWN])
    puppet.step((2, 0), predicates=OPENED)
    assert puppet.counts() == (1, 1, 0)


def test_the_end_of_the_episode_ends_a_skill():
    puppet = Puppet(skills=[KNOWN, skill(NEXT_START, [5])])
    puppet.step((2, 0), over=True)
    assert puppet.counts() == (1, 0, 1)
    assert puppet.decide() == (True, 5)  # the next episode begins without it, and without a retreat
    reached = Puppet(skills=[KNOWN])
    reached.step((2, 0), predicates=HAS_KEY, over=True)
    assert reached.counts() == (1, 1, 0)


def test_two_steps_in_a_row_that_change_nothing_end_a_skill():
    known = skill((3, 0), [2, 2, 2, 2])
    puppet = Puppet(skills=[known])
    assert [puppet.step((3, 0))[0] for _ in range(2)] == [True, True]
    assert puppet.counts() == (1, 0, 1)
    assert not puppet.decide()[0]
    puppet = Puppet(skills=[known])
    assert [puppet.step(place)[0] for place in ((3, 0), (2, 0), (2, 0))] == [True] * 3
    assert puppet.counts() == (0, 0, 0)  # not two in a row
    assert puppet.step((2, 0))[0]
    assert puppet.counts() == (1, 0, 1)


def test_two_steps_back_do_not_end_a_skill():
    """They come to states known from the path, but they change something."""
    puppet = Puppet((5, 5), skills=[skill((3, 0), [2, 3, 2, 3])])
    puppet.explore((1, (3, 0)))
    for place in ((3, 1), (3, 0), (5, 5)):
        assert puppet.step(place)[0]
    assert puppet.counts() == (0, 0, 0)
    assert puppet.decide() == (True, 3)


@pytest.mark.parametrize("loop_erasure", (True, False))
def test_a_first_step_succeeds_if_it_leads_anywhere_new(loop_erasure):
    """Or to the postcondition; not back to where the agent has been, and not if nothing changes."""
    memory = {"loop_erasure": loop_erasure}
    for place, predicates, counts in (
        ((4, 1), NOTHING, (1, 1, 0)),
        ((4, 0), NOTHING, (1, 0, 1)),
        ((5, 0), NOTHING, (1, 0, 1)),
        ((4, 0), HAS_KEY, (1, 1, 0)),
        ((4, 1), (False, True, False), (1, 1, 0)),
        ((4, 0), (False, True, False), (1, 1, 0)),  # other predicates make it another state
    ):
        puppet = Puppet((5, 0), skills=[skill((3, 0), [2, 3])], memory=memory, match_tolerance=0.009, novelty=0.5)
        assert not puppet.step((4, 0), 2, coin=0)[0]
        assert puppet.step(place, predicates=predicates) == (True, 2)
        assert puppet.counts() == counts


def test_without_counting_failures_every_use_is_a_success():
    puppet = Puppet(skills=[KNOWN], memory={"count_failures": False})
    for place in ((2, 0), (1, 0), (0, 0)):
        puppet.step(place)
    assert puppet.counts() == (1, 1, 0)
    puppet.enter((3, 0), NOTHING, is_first=False)
    assert not puppet.decide()[0]  # it retreats all the same


# Interruption

SUFFIXES = [skill((1, 0), [4]), skill((2, 0), [3, 4]), KNOWN]


def test_a_skill_goes_on_where_the_situation_promises_what_it_has_left():
    puppet = Puppet(skills=SUFFIXES, memory={"interruption": True}, **FAR)
    for place, action in (((2, 0), 2), ((1, 0), 3), ((9, 9), 4)):
        assert puppet.step(place) == (True, action)
    assert [puppet.counts(slot) for slot in range(3)] == [(0, 0, 0), (0, 0, 0), (1, 0, 1)]


@pytest.mark.parametrize(
    ("interruption", "place", "taken", "uses"),
    (
        (True, (1, 0), (True, 4), 1),  # a step has been saved
        (False, (1, 0), (True, 3), 0),
        (True, (0, 9), (True, 3), 0),  # no skill knows any better
        (False, (3, 0), (True, 3), 0),
    ),
)
def test_a_skill_is_broken_off_where_it_is_not(interruption, place, taken, uses):
    """Without an outcome."""
    puppet = Puppet(skills=SUFFIXES, memory={"interruption": interruption}, **FAR)
    assert puppet.step(place) == (True, 2)
    assert puppet.step((9, 9)) == taken
    assert puppet.counts(0)[0] == uses
    assert puppet.counts(2) == (0, 0, 0)


def test_a_skill_that_is_broken_off_after_a_loop_has_failed():
    """And the agent retreats: in that tick already, and once more, since this is the second failure."""
    known = [*SUFFIXES, skill((8, 0), [1])]
    puppet = Puppet((8, 0), skills=known, memory={"interruption": True}, **FAR)
    puppet.step((8, 0))
    assert puppet.counts(3) == (1, 0, 1)
    puppet.step((3, 0), 0)
    assert puppet.step((3, 0)) == (True, 2)  # nothing changes, and three steps promise more than the two that are left
    assert not puppet.step((3, 0), 0)[0]
    assert puppet.counts(2) == (1, 0, 1)
    assert int(puppet.state.num_uses) == 2
    assert not puppet.step((3, 0), 0)[0]
    assert puppet.decide() == (True, 2)


def test_a_loop_before_a_skill_began_does_not_count():
    puppet = Puppet((7, 7), skills=SUFFIXES, memory={"interruption": True}, **FAR)
    puppet.explore((0, (7, 7)))
    puppet.explore((0, (3, 0)))
    assert puppet.step((1, 0)) == (True, 2)
    assert puppet.decide() == (True, 4)
    assert puppet.counts(2) == (0, 0, 0)


def test_what_takes_its_place_may_be_challenged():
    puppet = Puppet(skills=SUFFIXES, memory={"interruption": True}, novelty=0.5, **FAR)
    assert puppet.step((1, 0)) == (True, 2)
    assert not puppet.step((9, 9), coin=0)[0]


def test_the_interval_is_that_of_the_config():
    for interval in (1, 7):
        assert Puppet(memory={"consolidation_interval": interval}).memory.period == interval


# Parts of one's own
