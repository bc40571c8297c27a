"""Consolidation: each of its rules on a library made by hand, and random sequences against the reference."""

import copy
import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.handmade import (
    HAS_KEY,
    NOTHING,
    NUM_VECTORS,
    OPENED,
    as_library,
    as_skill,
    check_library,
    plain_skill,
    vector,
)
from plain_default import PlainMemory, make_similarity
from procmem_jax.memory.default.choice import make_index
from procmem_jax.memory.default.consolidation import consolidate_skill
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.library import record_outcome
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import as_arrays
from quick import quick_first

CONFIG = LibraryConfig(capacity=4, embedding_size=4, max_skill_length=6, eviction="utility")
NUMBERS = {"match_tolerance": 1.5, "merge_threshold": 0.9, "distance_cost": 1.0, "retire_rate": 0.25}
LONG = CONFIG.max_skill_length


@functools.partial(jax.jit, static_argnames=("keep_better", "admission"))
def take_in(library, skill, numbers, protected, enabled, *, keep_better, admission):
    library, index = consolidate_skill(library, make_index(library), skill, CONFIG, numbers, num_coordinates=2,
                                       keep_better=keep_better, admission=admission, protected_slot=protected,
                                       enabled=enabled)  # fmt: skip
    return library, index, make_index(library)


def taken_in(slots, skill, *, clock=50, protected=-1, enabled=True, keep_better=True, admission=True, **changes):
    """(library before, library after) of one candidate."""
    before = as_library(slots, CONFIG, clock=clock)
    numbers = as_arrays(DefaultMemoryParams(**NUMBERS | changes))
    row = as_skill(skill, vector(skill.situation), LONG)
    after, index, fresh = take_in(before, row, numbers, jnp.int32(protected), jnp.bool_(enabled),
                                  keep_better=keep_better, admission=admission)  # fmt: skip
    chex.assert_trees_all_equal(index, fresh)  # what is kept up to date is what would be made anew
    return before, after


def check_scalars(before, after, *, new=0, evicted=0):
    assert (after.clock, after.next_id) == (before.clock + 1, before.next_id + new)
    assert after.num_evictions == before.num_evictions + evicted


def is_stored(library, slot, skill, skill_id):
    return (
        library.skill_ids[slot] == skill_id
        and library.lengths[slot] == len(skill.actions)
        and library.actions[slot, : len(skill.actions)].tolist() == list(skill.actions)
        and library.embeddings[slot].tolist() == [float(x) for x in vector(skill.situation)]
        and library.pre_value[slot].tolist() == list(skill.before)
    )


def same_but(before, after, *changed):
    """Checks that a library has changed in these fields only."""
    for field in dataclasses.fields(before):
        equal = np.array_equal(getattr(before, field.name), getattr(after, field.name))
        assert equal == (field.name not in changed), field.name


def test_a_new_situation_takes_the_lowest_empty_slot():
    old, new = plain_skill(0, successes=2, uses=2), plain_skill(1, length=2)
    for slots, slot in (((None, None), 0), ((old, None), 1), ((None, old), 0), ((old, plain_skill(2), None), 2)):
        before, after = taken_in(slots, new)
        assert is_stored(after, slot, new, before.next_id)
        check_scalars(before, after, new=1)
        counts = (after.success_counts, after.failure_counts, after.use_counts, after.merge_counts)
        assert [int(count[slot]) for count in counts] == [0, 0, 0, 0]
        assert (after.created[slot], after.last_used[slot]) == (50, 50)


def test_a_longer_one_is_merged_and_changes_nothing_but_the_count():
    old = plain_skill(0, length=2, uses=5, successes=3, failures=2, merges=1)
    before, after = taken_in([old], plain_skill(0, length=3))
    same_but(before, after, "clock", "merge_counts")
    assert after.merge_counts[0] == 2
    _, after = taken_in([old], plain_skill(0, length=2))
    same_but(before, after, "clock", "merge_counts")


def test_a_shorter_one_takes_its_place():
    old = plain_skill(0, length=4, uses=5, successes=3, failures=2, merges=1, created=7)
    new = dataclasses.replace(plain_skill(0, length=3), actions=(4, 4, 5))
    before, after = taken_in([plain_skill(1), old], new)
    assert is_stored(after, 1, new, before.next_id)
    check_scalars(before, after, new=1)
    # Its uses and its age stay, since the situation does; its outcomes do not. A merge is no success.
    assert (after.use_counts[1], after.merge_counts[1], after.created[1], after.last_used[1]) == (5, 2, 7, 50)
    assert (after.success_counts[1], after.failure_counts[1]) == (0, 0)


def test_without_keep_better_the_first_one_stays():
    for old in (plain_skill(0, length=4), plain_skill(0, failures=9)):
        before, after = taken_in([old], plain_skill(0, length=1), keep_better=False)
        same_but(before, after, "clock", "merge_counts")


def test_a_retired_skill_is_renewed():
    """By a longer one too: that is its way back."""
    new = plain_skill(0, length=5)
    for failures, renewed in ((2, False), (3, True)):  # rates 1/4 and 1/5
        old = plain_skill(0, length=2, failures=failures, uses=failures)
        before, after = taken_in([old], new)
        assert is_stored(after, 0, new, before.next_id) == renewed
        assert after.failure_counts[0] == (0 if renewed else failures)
        check_scalars(before, after, new=int(renewed))
    assert not is_stored(taken_in([old], new, retire_rate=0.1)[1], 0, new, 1)


def test_another_precondition_is_another_situation():
    before, after = taken_in([plain_skill(0, length=4)], plain_skill(0, length=2, before=HAS_KEY))
    assert after.skill_ids.tolist() == [0, 1, -1, -1]
    assert after.merge_counts.tolist() == [0, 0, 0, 0]
    check_scalars(before, after, new=1)


def test_the_lowest_of_several_that_are_the_same_is_merged_with():
    before, after = taken_in([plain_skill(1), plain_skill(0, length=3), plain_skill(0, length=4)], plain_skill(0))
    assert after.skill_ids.tolist() == [0, 3, 2, -1]
    check_scalars(before, after, new=1)


@pytest.mark.parametrize(
    ("length", "changes", "stored"),
    (
        (4, {}, False),  # 2 steps and 1.01 for the distance make 3.01
        (3, {}, True),
        (3, {"distance_cost": 0.99}, False),
        (4, {"distance_cost": 3.0}, True),
        (6, {"match_tolerance": 1.0}, True),  # not similar enough to be tried
        (6, {"admission": False}, True),
    ),
)
def test_what_is_foreseen_is_turned_away(length, changes, stored):
    """A skill of length 2 is stored for a situation at distance 1."""
    before, after = taken_in([plain_skill(4, length=2)], plain_skill(0, length=length), **changes)
    if stored:
        assert is_stored(after, 1, plain_skill(0, length=length), 1)
        check_scalars(before, after, new=1)
    else:
        same_but(before, after, "clock")


def test_what_is_not_allowed_foresees_nothing():
    candidate = plain_skill(0, length=6)
    for known in (plain_skill(4, before=HAS_KEY), plain_skill(4, failures=3), plain_skill(4, before=OPENED)):
        assert is_stored(taken_in([known], candidate)[1], 1, candidate, 1)
    # An unreliable one does, as if it never failed.
    same_but(*taken_in([plain_skill(4, failures=2)], candidate), "clock")


def full(**protects):
    """A full library whose slot 2 is the least useful, then slot 0."""
    uses = {0: 2, 1: 9, 2: 1, 3: 9} | protects
    return [plain_skill(number, uses=uses[number]) for number in range(4)]


def test_a_full_library_gives_up_the_least_useful():
    new = plain_skill(4, length=6)
    before, after = taken_in(full(), new, match_tolerance=0.5)
    assert is_stored(after, 2, new, 4)
    assert after.skill_ids.tolist() == [0, 1, 4, 3]
    assert (after.use_counts[2], after.created[2]) == (0, 50)
    check_scalars(before, after, new=1, evicted=1)


def test_a_library_with_room_gives_up_nothing():
    slots = [*full()[:3], None]
    before, after = taken_in(slots, plain_skill(4, length=6), match_tolerance=0.5)
    assert after.skill_ids.tolist() == [0, 1, 2, 3]
    check_scalars(before, after, new=1)


def test_a_merge_into_a_full_library_gives_up_nothing():
    before, after = taken_in([plain_skill(number, length=2) for number in range(4)], plain_skill(3, length=1))
    assert after.skill_ids.tolist() == [0, 1, 2, 4]
    check_scalars(before, after, new=1)


def test_the_running_skill_is_not_overwritten():
    """Neither evicted nor replaced; the candidate is lost."""
    candidate = plain_skill(4, length=6)
    for protected, evicts in ((2, False), (0, True), (-1, True)):
        before, after = taken_in(full(), candidate, protected=protected, match_tolerance=0.5)
        assert after.skill_ids.tolist() == [0, 1, 4 if evicts else 2, 3]
        check_scalars(before, after, new=int(evicts), evicted=int(evicts))
    for protected, replaced in ((0, False), (1, True)):
        before, after = taken_in([plain_skill(0, length=3)], plain_skill(0), protected=protected)
        assert after.lengths[0] == (1 if replaced else 3)
        assert after.merge_counts[0] == 1
        check_scalars(before, after, new=int(replaced))


def test_disabled_changes_nothing():
    for slots in ([], [plain_skill(0, length=3)], full()):
        for candidate in (plain_skill(0), plain_skill(4, length=6)):
            before, after = taken_in(slots, candidate, enabled=False, match_tolerance=0.5)
            chex.assert_trees_all_equal(before, after)


# Random sequences

TAKE_IN, OUTCOME, NOTHING_DONE = range(3)
NUM_OPERATIONS = 20
OPERATION = st.tuples(
    st.sampled_from([TAKE_IN, TAKE_IN, TAKE_IN, OUTCOME, OUTCOME]),
    st.integers(0, NUM_VECTORS - 1),  # the candidate's situation
    st.integers(1, LONG),  # its length
    st.sampled_from([(NOTHING, HAS_KEY), (HAS_KEY, OPENED), (OPENED, (True, True, True)), (HAS_KEY, NOTHING)]),
    st.sampled_from([-1, -1, 0, 1, 2, 3]),  # the protected slot, or that of an outcome
    st.booleans(),  # its success
)
PLAIN_NUMBERS = st.fixed_dictionaries(
    {
        "match_tolerance": st.sampled_from([0.0, 0.5, 1.5, 2.5, 1e6]),
        "merge_threshold": st.sampled_from([-1.0, 0.4, 0.9, 1.0]),
        "distance_cost": st.sampled_from([0.0, 0.5, 1.0, 8.0]),
        "retire_rate": st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    }
)


@functools.cache
def program(keep_better, admission):
    """One jitted scan over operations; returns the library after each of them."""

    def operate(library, row):
        kind, skill, slot, success, numbers = row
        library = record_outcome(library, slot, success, enabled=kind == OUTCOME)
        library, _, _ = take_in(
            library, skill, numbers, slot, kind == TAKE_IN, keep_better=keep_better, admission=admission
        )
        return library, library

    return jax.jit(lambda library, rows: jax.lax.scan(operate, library, rows)[1])


def check_sequence(operations, numbers, keep_better, admission):
    sizes = {"capacity": CONFIG.capacity, "embedding_size": CONFIG.embedding_size, "max_skill_length": LONG}
    memory = DefaultMemory(**sizes, keep_better=keep_better, admission=admission)
    params = DefaultMemoryParams(**numbers)
    model = PlainMemory(memory, params, make_similarity(vector), 2)
    traced = jax.tree.map(np.asarray, as_arrays(params))
    padding = [(NOTHING_DONE, 0, 1, (NOTHING, HAS_KEY), -1, False)] * (NUM_OPERATIONS - len(operations))
    rows, skills = [], []
    for kind, situation, length, conditions, slot, success in [*operations, *padding]:
        skill = plain_skill(situation, length, *conditions)
        skills.append(skill)
        row = as_skill(skill, vector(situation), LONG)
        rows.append((np.int32(kind), row, np.int32(slot), np.bool_(success), traced))
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *rows)
    libraries = jax.tree.map(np.asarray, program(keep_better, admission)(as_library([], CONFIG), stacked))
    for t, (kind, _, _, _, slot, success) in enumerate(operations):
        if kind == TAKE_IN:
            model.take_in(copy.copy(skills[t]), None if slot == -1 else slot)
        elif slot >= 0 and model.slots[slot] is not None:
            model.count(slot, success)
        check_library(jax.tree.map(lambda leaf, t=t: leaf[t], libraries), model, what=t)


@pytest.mark.parametrize("admission", quick_first((True, False)))
@pytest.mark.parametrize("keep_better", (True, False))
def test_any_sequence_does_what_the_reference_does(keep_better, admission):
    @settings(deadline=None, max_examples=40)
    @given(st.lists(OPERATION, min_size=1, max_size=NUM_OPERATIONS), PLAIN_NUMBERS)
    def check(operations, numbers):
        check_sequence(operations, numbers, keep_better, admission)

    check()


def test_a_full_library_turns_over_as_the_reference_does():
    rng = np.random.default_rng(8)
    for _ in range(20):
        operations = [
            (int(rng.choice([TAKE_IN, TAKE_IN, OUTCOME])), int(rng.integers(NUM_VECTORS)), int(rng.integers(1, 7)),
             [(NOTHING, HAS_KEY), (HAS_KEY, OPENED)][rng.integers(2)], int(rng.integers(-1, 4)), bool(rng.integers(2)))
            for _ in range(NUM_OPERATIONS)
        ]  # fmt: skip
        numbers = NUMBERS | {"match_tolerance": 0.5}
        check_sequence(operations, numbers, True, True)
