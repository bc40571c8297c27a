"""The default memory with another embedding, choice or eviction rule: a user's functions decide."""

import functools

import jax.numpy as jnp
import pytest

from agents.own_parts import by_sign, newest, shortest
from agents.puppet import FAR, KNOWN, LIBRARY, TO_KEY, Puppet, after_key, embed, skill
from memory.handmade import HAS_KEY, NOTHING, as_library
from procmem_jax.memory.default.direction import direction_embedding


def test_an_embedding_of_ones_own_tells_which_situations_are_alike():
    """By sign, a skill for one to the right serves for nine to the right as if it were the same."""
    known = skill((1, 0), [1, 5])
    for memory, whole in (({}, False), ({"embed": by_sign}, True)):
        puppet = Puppet((9, 0), memory=memory)
        of_context = functools.partial(memory.get("embed", direction_embedding), embedding_size=4)
        library = as_library([known], LIBRARY, lambda place, of=of_context: of(jnp.asarray(place, jnp.float32)))
        puppet.state = puppet.call("with_library", puppet.state, library)
        assert puppet.decide() == (True, 1)
        assert bool(puppet.state.whole) == whole
        assert puppet.step((4, 5))[0]
        assert puppet.decide()[0] == whole  # a first step alone is taken otherwise, and (4, 5) is like nothing known


def test_an_embedding_of_ones_own_is_that_of_new_skills_and_of_queries():
    puppet = after_key(memory={"embed": by_sign, "admission": False}, merge_threshold=1.0).consolidate()
    assert puppet.skills()[2][0] == [2, 3, 4]
    assert puppet.library.embeddings[2].tolist() == pytest.approx(
        by_sign(jnp.asarray((3.0, 0.0)), 4).tolist(), rel=1e-6
    )
    assert puppet.state.query.tolist() == by_sign(jnp.zeros(2), 4).tolist()


def test_a_choice_of_ones_own_chooses():
    """The shortest that applies, as a whole, however far its situation; not the least expected cost."""
    known = [KNOWN, skill((-7, 7), [5, 1]), skill((3, 0), [0], before=HAS_KEY)]
    assert Puppet(skills=known).decide() == (True, 2)
    puppet = Puppet(skills=known, memory={"choose": shortest, "interruption": True})
    assert puppet.step((2, 0)) == (True, 5)
    assert puppet.step((1, 0)) == (True, 1)  # it promises nothing, and so is not broken off
    assert puppet.counts(1) == (1, 0, 1)


def test_an_eviction_rule_of_ones_own_makes_room():
    slots = [skill((20 * n, -30), [n], uses=n) for n in range(6)]
    for memory, gone in (({}, 0), ({"evict": newest}, 5)):
        puppet = Puppet(skills=slots, memory={"suffixes": False} | memory, **FAR)
        puppet.explore(*TO_KEY, predicates=HAS_KEY)
        library = puppet.consolidate().library
        assert library.skill_ids.tolist() == [6 if slot == gone else slot for slot in range(6)]
        assert library.num_evictions == 1


def test_a_rule_that_names_no_slot_turns_the_newcomer_away():
    """Whether a skill runs, whose slot is not overwritten either, or none does."""
    slots = [skill((-5, 5), [1, 1, 1]), *[skill((20 * n, -30), [n], uses=n) for n in range(1, 6)]]
    for runs in (False, True):
        puppet = after_key(memory={"suffixes": False, "evict": nobody}, **FAR)
        puppet.state = puppet.call("with_library", puppet.state, as_library(slots, LIBRARY, embed))
        puppet.enter((-5, 5), NOTHING, is_first=True)
        assert not runs or puppet.decide() == (True, 1)
        library = puppet.consolidate().library
        assert (library.skill_ids.tolist(), int(library.num_evictions)) == ([0, 1, 2, 3, 4, 5], 0)
        assert library.clock == 1  # the candidate was looked at


def nobody(library, rates):
    return jnp.int32(-1)
