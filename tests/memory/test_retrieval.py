"""Retrieval at the door: any query, what is refused, and handles that outlive their slots."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memory.test_insertion import ANYTHING, CONFIG, jitted, library_of, skill
from procmem_jax.memory.insertion import insert
from procmem_jax.memory.library import empty, record_outcome
from procmem_jax.memory.retrieval import retrieve
from procmem_jax.memory.similarity import cosine_top_k
from quick import quick_first

ROWS = ([1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0])


@pytest.mark.parametrize("query", quick_first(([np.nan, 0, 0], [np.inf, 1, 0], [0, 0, -np.inf], [np.nan] * 3)))
def test_a_query_that_is_not_finite_finds_nothing(query):
    query = np.float32(query)
    for found in (
        retrieve(library_of(*ROWS), ANYTHING, CONFIG, query=query, k=3),
        jax.jit(lambda q: retrieve(library_of(*ROWS), ANYTHING, CONFIG, query=q, k=3))(query),
    ):
        assert not found.valid.any() and found.scores.tolist() == [-np.inf] * 3
        assert found.slots.tolist() == found.skill_ids.tolist() == [-1] * 3


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    (
        (
            {"predicates": np.zeros(3, bool)},
            ValueError,
            "predicates has shape (3,), not (1,) (num_predicates=1); give one example of that shape, and use vmap for "
            "batches",
        ),
        ({"predicates": np.zeros(1, np.int32)}, TypeError, "predicates is of kind int32, not booleans; give booleans"),
        ({"query": np.ones(4)}, ValueError, "query has shape (4,), not (3,) (embedding_size=3); "),
        ({"query": np.ones((2, 3))}, ValueError, "query has shape (2, 3), not (3,) (embedding_size=3); "),
        ({"query": np.ones(3, bool)}, TypeError, "query is of kind bool, not real numbers; give real numbers"),
        ({"k": 0}, ValueError, "k=0 is outside 1 to capacity=4; choose k in that range"),
        ({"k": 2.0}, TypeError, "k=2.0 is a float; give a whole number"),
        ({"k": True}, TypeError, "k=True is a bool; give a whole number"),
    ),
)
def test_wrong_arguments(arguments, error, text):
    predicates = arguments.pop("predicates", ANYTHING)
    with pytest.raises(error) as caught:
        retrieve(empty(CONFIG), predicates, CONFIG, **arguments)
    assert str(caught.value).startswith(text)
    if "k" not in arguments:
        with pytest.raises(error):
            jax.eval_shape(lambda p, a: retrieve(empty(CONFIG), p, CONFIG, **a), predicates, arguments)


@pytest.mark.parametrize("factor", (2.0**-100, 0.3, 1.0, 7.0, 2.0**100))
def test_the_length_of_a_query_does_not_matter(factor):
    library = library_of(*ROWS)
    for query in ([0.1, 0.5, 0.2], [0.0, -1.0, -0.5], [0.0, 0.0, 0.0]):
        query = np.float32(query)
        search = jitted(retrieve, k=4)
        one, other = (search(library, ANYTHING, query=query * np.float32(size)) for size in (1, factor))
        assert one.slots.tolist() == other.slots.tolist()
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)


def test_a_unit_query_is_compared_as_it_is():
    rng = np.random.default_rng(0)
    library = library_of(*rng.normal(size=(4, 3)))
    queries = np.asarray([*np.eye(3), *library.embeddings, np.zeros(3)], np.float32)
    for query in queries:
        checked = jitted(retrieve, k=3)(library, ANYTHING, query=query)
        bare = cosine_top_k(query, library.embeddings, library.used, k=3, normalized=True)
        for name in ("scores", "slots", "valid"):
            np.testing.assert_array_equal(getattr(checked, name), getattr(bare, name))


def test_vmap_equals_a_loop_equals_no_jit():
    library = jax.tree.map(np.asarray, library_of(*ROWS))
    queries = np.float32([[3, 1, 0], [0, 0, 1e-30], [np.nan, 0, 0], [1e30, -1e30, 0], [0, 0, 0]])
    many = jax.jit(jax.vmap(lambda query: retrieve(library, ANYTHING, CONFIG, query=query, k=3)))(queries)
    for index, query in enumerate(queries):
        row = jax.tree.map(lambda x, i=index: x[i], many)
        chex.assert_trees_all_equal(retrieve(library, ANYTHING, CONFIG, query=query, k=3), row)
        assert (row.skill_ids == row.slots).all()  # the first skills of a library


# Handles


def test_a_handle_survives_the_eviction_of_its_skill():
    library = library_of(*ROWS, [0.0, 0.0, 1.0])
    best = retrieve(library, ANYTHING, CONFIG, query=np.float32([1, 0, 0]))
    assert (best.slots.tolist(), best.skill_ids.tolist()) == ([0], [0])
    later, insertion = insert(library, skill([1.0, -1.0, 0.0]), CONFIG)
    assert (int(insertion.slot), int(insertion.evicted_id)) == (0, 0)
    for outcome in (record_outcome, jax.jit(record_outcome)):
        after = outcome(later, best.slots[0], jnp.asarray(True), skill_id=best.skill_ids[0])
        chex.assert_trees_all_equal(after, later)  # the skill is gone, and its successor gets no credit
        after = outcome(library, best.slots[0], jnp.asarray(True), skill_id=best.skill_ids[0])
        chex.assert_trees_all_equal(after, outcome(library, best.slots[0], jnp.asarray(True)))
        assert after.use_counts.tolist() == [1, 0, 0, 0]
    again = retrieve(later, ANYTHING, CONFIG, query=np.float32([1, -1, 0]))
    assert (again.slots.tolist(), again.skill_ids.tolist()) == ([0], [4])


def test_no_skill_has_no_outcome_whatever_its_id():
    library = library_of(*ROWS)  # slot 3 is empty
    for slot, number in ((-1, -1), (3, -1), (3, 3), (0, -1), (0, 1), (4, 0), (0, 2**40), (2**32, 0)):
        after = record_outcome(library, slot, True, skill_id=number)
        chex.assert_trees_all_equal(after, library)


def test_wrong_outcomes():
    library = library_of(*ROWS)
    for arguments, text in (
        ((1.0, True), "slot is of kind float64, not whole numbers"),
        ((0, 0.5), "success is of kind float64, not booleans"),
        ((np.zeros(2, np.int32), True), r"slot has shape \(2,\), not \(\) \(one number\)"),
    ):
        with pytest.raises((TypeError, ValueError), match=text):
            record_outcome(library, *arguments)
    with pytest.raises(ValueError, match="library.skill_ids has shape"):
        record_outcome(jax.tree.map(lambda x: jnp.stack([x, x]), library), 0, True)
