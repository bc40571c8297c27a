"""The library against its model in plain Python, through any sequence of operations."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.plain_library import (
    INSERT,
    NOTHING,
    RECORD,
    VECTORS,
    PlainLibrary,
    assert_equal_libraries,
    make_program,
    make_skill,
    plain_skill,
)
from procmem_jax.memory.eviction import EVICTION_RULES
from procmem_jax.memory.settings import LibraryConfig
from quick import quick_first

NUM_OPERATIONS, CAPACITY, K = 24, 4, 3
BOOLS = st.tuples(st.booleans(), st.booleans())
OPERATION = st.tuples(
    st.sampled_from([INSERT, INSERT, INSERT, RECORD, RECORD, NOTHING]),
    st.integers(0, len(VECTORS) - 1),  # the embedding of an inserted skill
    st.integers(0, 15),  # its precondition
    st.sampled_from([-1.0, 0.25, 0.5, 0.9, 1.0]),  # the merge threshold
    st.sampled_from([-1, 0, 1, 2, 3, 4, -2**31, 2**31 - 1]),  # the slot of an outcome
    st.booleans(),  # its success
    BOOLS,  # what holds when skills are retrieved
    st.integers(0, len(VECTORS) - 1),  # the query
)  # fmt: skip
# Random sequences of this kind; the rest of a shorter one is NOTHING.
OPERATIONS = st.lists(OPERATION, min_size=1, max_size=NUM_OPERATIONS)


def make_config(eviction, counting):
    return LibraryConfig(capacity=CAPACITY, embedding_size=4, max_skill_length=3, num_predicates=2,
                         eviction=eviction, counting=counting)  # fmt: skip


@functools.cache
def program(config):
    return make_program(config, K)


def as_inputs(operations, config):
    """The operations as arrays `[NUM_OPERATIONS, ...]`; the t-th inserted skill has number 3 t + 1."""
    padding = (NOTHING, 0, 0, 0.9, -1, False, (False, False), 0)
    rows = [*operations, *[padding] * (NUM_OPERATIONS - len(operations))]
    skills = [plain_skill(3 * t + 1, row[1], config, row[2]) for t, row in enumerate(rows)]
    stacked = jax.tree.map(lambda *parts: np.stack(parts), *[make_skill(skill) for skill in skills])
    kinds, _, _, thresholds, slots, successes, predicates, queries = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    queries = np.array(VECTORS, np.float32)[queries]
    arrays = kinds.astype(np.int32), stacked, thresholds.astype(np.float32), slots.astype(np.int32)
    return (*arrays, successes, predicates, queries), skills


def check_retrieved(found, expected):
    scores, slots, valid = expected
    assert found.scores.tolist() == scores
    assert found.slots.tolist() == slots
    assert found.valid.tolist() == valid


def check_sequence(operations, config):
    inputs, skills = as_inputs(operations, config)
    steps = jax.tree.map(np.asarray, program(config)(inputs))
    model, given_out = PlainLibrary(config), set()
    for t, (kind, _, _, threshold, slot, success, predicates, query) in enumerate(operations):
        library, insertion, by_query, by_rate, summary = jax.tree.map(lambda x, t=t: x[t], steps)
        expected = -1, False, -1
        if kind == INSERT:
            expected = model.insert(skills[t], threshold)
            if not expected[1]:
                new_id = int(library.skill_ids[expected[0]])
                assert new_id not in given_out
                given_out.add(new_id)
        elif kind == RECORD:
            model.record_outcome(slot, success)
        assert (insertion.slot, insertion.merged, insertion.evicted_id) == expected
        assert_equal_libraries(library, model)
        check_retrieved(by_query, model.retrieve(predicates, VECTORS[query], K))
        check_retrieved(by_rate, model.retrieve(predicates, None, K))
        skills_stored, uses, rate = model.summary()
        assert (summary.total_skills, summary.total_uses) == (skills_stored, uses)
        assert summary.mean_success_rate == pytest.approx(rate, abs=1e-6)
        assert skills_stored <= CAPACITY
        if config.counting == "outcomes":
            assert 0 <= summary.mean_success_rate <= 1
            assert np.all(by_rate.scores[by_rate.valid] >= 0) and np.all(by_rate.scores <= 1)


@pytest.mark.parametrize("counting", ("outcomes", "tutorial"))
@pytest.mark.parametrize("eviction", quick_first(EVICTION_RULES))
def test_any_sequence_does_what_the_model_does(eviction, counting):
    config = make_config(eviction, counting)

    @settings(deadline=None, max_examples=20)
    @given(OPERATIONS)
    def check(operations):
        check_sequence(operations, config)

    check()


@pytest.mark.parametrize("eviction", quick_first(EVICTION_RULES))
def test_a_full_library_keeps_turning_over_as_the_model_does(eviction):
    # Nothing merges at threshold 1, so that three quarters of these operations evict; the others change who is next.
    rng = np.random.default_rng(9)
    for _ in range(20):
        operations = [
            (INSERT if rng.random() < 0.5 else RECORD, int(rng.integers(8)), 0, 1.0, int(rng.integers(-1, 5)),
             bool(rng.integers(2)), (True, False), int(rng.integers(8)))
            for _ in range(NUM_OPERATIONS)
        ]  # fmt: skip
        check_sequence(operations, make_config(eviction, "outcomes"))
