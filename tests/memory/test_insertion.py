"""Skills at the door of a library: any vector, no nonsense, and the same answer however it is called."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory.plain_library import make_skill, plain_skill
from procmem_jax.memory.insertion import insert, insert_unit
from procmem_jax.memory.library import empty
from procmem_jax.memory.retrieval import retrieve
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.similarity import normalize

CONFIG = LibraryConfig(capacity=4, embedding_size=3, max_skill_length=2, num_predicates=1)
ANYTHING = np.zeros(1, bool)
NOTHING_DONE = (-1, False, -1)


def skill(embedding=(1.0, 0.0, 0.0), **changes):
    """A skill of one example in NumPy arrays, with some fields replaced."""
    embedding = np.float32(embedding) if isinstance(embedding, (list, tuple)) else embedding
    return dataclasses.replace(make_skill(plain_skill(1, 0, CONFIG)), embedding=embedding, **changes)


@functools.cache
def jitted(function, **settings):
    return jax.jit(functools.partial(function, config=CONFIG, **settings))


def library_of(*embeddings, threshold=1.0):
    library = empty(CONFIG)
    for embedding in embeddings:
        library, _ = jitted(insert)(library, skill(np.float32(embedding)), merge_threshold=threshold)
    return library


def done(insertion):
    return int(insertion.slot), bool(insertion.merged), int(insertion.evicted_id)


@functools.cache
def traced_insert():
    """`insert` of traced values, whose result says whether the library is as it was."""

    def run(library, one, threshold=0.9):
        after, insertion = insert(library, one, CONFIG, merge_threshold=threshold)
        same = jax.tree.map(lambda new, old: jnp.all(new == old), after, library)
        return insertion, jnp.all(jnp.stack(jax.tree.leaves(same)))

    return jax.jit(run)


def assert_refused(*args):
    insertion, unchanged = traced_insert()(library_of([0.0, 1.0, 0.0]), *args)
    assert done(insertion) == NOTHING_DONE and unchanged


# Vectors


@pytest.mark.slow
def test_vectors_need_not_be_unit_vectors():
    library, first = insert(empty(CONFIG), skill([3.0, 3.0, 0.0]), CONFIG)
    library, second = insert(library, skill([2.0, 0.0, 0.0]), CONFIG)  # their cosine is 0.71
    assert (done(first), done(second)) == ((0, False, -1), (1, False, -1))
    found = retrieve(library, ANYTHING, CONFIG, query=jnp.array([1.0, 0.0, 0.0]), k=2)
    assert found.slots.tolist() == [1, 0]
    np.testing.assert_allclose(found.scores, [1.0, 0.5**0.5], atol=1e-6)
    np.testing.assert_allclose(library.embeddings[:2], [[0.5**0.5, 0.5**0.5, 0], [1, 0, 0]], atol=1e-6)
    _, third = insert(library, skill([0.5, 0.01, 0.0]), CONFIG)
    assert done(third) == (1, True, -1)


@pytest.mark.parametrize("size", (1e30, 1e-30, 3e38, 1e-37))
def test_huge_and_tiny_vectors_keep_their_direction(size):
    library = library_of([size, 0.0, 0.0], [size, -size, 0.0], [0.0, 0.0, size])
    expected = [[1, 0, 0], [0.5**0.5, -(0.5**0.5), 0], [0, 0, 1]]
    np.testing.assert_allclose(library.embeddings[:3], expected, atol=1e-6)
    for row, vector in enumerate(expected):
        found = retrieve(library, ANYTHING, CONFIG, query=np.float32(size) * np.float32(vector))
        assert found.slots.tolist() == [row] and found.scores[0] == pytest.approx(1.0, abs=1e-6)


def test_a_zero_vector_stays_zero_and_merges_with_nothing():
    library = library_of([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], threshold=0.0)
    assert library.used.tolist() == [True, True, False, False] and not library.embeddings.any()


@pytest.mark.parametrize("bad", (np.nan, np.inf, -np.inf))
def test_what_is_not_finite_is_never_stored(bad):
    full = library_of(*np.eye(3), [1.0, 1.0, 1.0])
    library, insertion = insert(full, skill([1.0, bad, 0.0]), CONFIG)
    assert done(insertion) == NOTHING_DONE
    for place in range(10):
        embedding = np.ones(3, np.float32)
        embedding[place % 3] = bad
        library, insertion = jitted(insert)(library, skill(embedding))
        assert done(insertion) == NOTHING_DONE
    chex.assert_trees_all_equal(library, full)
    assert_refused(skill([1.0, bad, 0.0]))
    assert done(insert(full, skill(np.array([1e300, 0.0, 0.0])), CONFIG)[1]) == NOTHING_DONE  # no float32


VECTOR = st.lists(st.integers(-50, 50), min_size=3, max_size=3).filter(any)
FACTOR = st.floats(2.0**-100, 2.0**100, width=32)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(VECTOR, FACTOR), min_size=1, max_size=4), FACTOR)
def test_what_was_inserted_is_found_whatever_its_length(rows, factor):
    """Whole numbers up to 50 make directions that are the same, or whose cosine is below 1 - 1e-5."""
    plain = [np.float32(vector) for vector, _ in rows]
    scaled = [vector * np.float32(size) for vector, (_, size) in zip(plain, rows, strict=True)]
    libraries = [library_of(*vectors, threshold=np.float32(1 - 1e-5)) for vectors in (plain, scaled)]
    np.testing.assert_array_equal(libraries[0].skill_ids, libraries[1].skill_ids)
    np.testing.assert_array_equal(libraries[0].merge_counts, libraries[1].merge_counts)
    for vector in plain:
        found = [jitted(retrieve)(library, ANYTHING, query=vector * np.float32(factor)) for library in libraries]
        assert found[0].slots.tolist() == found[1].slots.tolist()
        assert found[0].scores[0] == pytest.approx(1.0, abs=1e-6)
        row = np.asarray(libraries[0].embeddings)[int(found[0].slots[0])].astype(np.float64)
        assert np.dot(row, vector) / np.linalg.norm(vector.astype(np.float64)) > 1 - 1e-5


@pytest.mark.optimized
def test_unit_vectors_are_stored_to_the_bit_as_without_checks():
    rng = np.random.default_rng(0)
    config = LibraryConfig(capacity=40, embedding_size=37, max_skill_length=2, num_predicates=1)
    vectors = np.asarray(normalize(jnp.asarray(rng.normal(size=(60, 37)), jnp.float32)))
    vectors = np.concatenate([vectors, vectors[:20] + np.float32(1e-8), np.zeros((2, 37), np.float32)])
    skills = jax.tree.map(lambda x: np.broadcast_to(x, (82, *x.shape)), skill())
    skills = dataclasses.replace(skills, embedding=vectors)

    def all_of(one_by):
        step = functools.partial(one_by, config=config)
        return jax.jit(lambda rows: jax.lax.scan(step, empty(config), rows))(skills)

    chex.assert_trees_all_equal(all_of(insert), all_of(insert_unit))


# Numbers, kinds and shapes

# (field, value, the text of its error); all are of the right kind and shape.
WIDER = " (above 127: with wide_actions=True)"
WRONG = (
    ("length", np.int32(99), "skill.length=99 is outside 1 to 2; give a value in that range"),
    ("length", np.int8(0), "skill.length=0 is outside 1 to 2; give a value in that range"),
    ("length", np.uint32(2**32 - 1), "skill.length=4294967295 is outside 1 to 2; give a value in that range"),
    ("label", np.int8(1), "skill.label=1 is outside -1 to 0; give a value in that range"),
    ("label", np.int32(-2), "skill.label=-2 is outside -1 to 0; give a value in that range"),
    ("successes", np.int32(-1), "skill.successes=-1 is outside 0 to 2147483647; give a value in that range"),
    ("episode", np.int32(-2), "skill.episode=-2 is outside -1 to 2147483647; give a value in that range"),
    ("tick", np.int32(-7), "skill.tick=-7 is outside -1 to 2147483647; give a value in that range"),
    ("actions", np.array([0, 200]), "skill.actions=200 is outside 0 to 127; give the indices of actions" + WIDER),
    (
        "actions",
        np.array([-1, 0], np.int8),
        "skill.actions=-1 is outside 0 to 127; give the indices of actions" + WIDER,
    ),
    (
        "actions",
        np.array([128, 9], np.uint8),
        "skill.actions=128 is outside 0 to 127; give the indices of actions" + WIDER,
    ),
)


@pytest.mark.parametrize(("field", "value", "text"), WRONG)
def test_wrong_numbers(field, value, text):
    wrong = skill(**{"length": np.int8(2), field: value})
    with pytest.raises(ValueError) as caught:
        insert(empty(CONFIG), wrong, CONFIG)
    assert str(caught.value) == text
    with pytest.raises(ValueError, match="is outside"):  # known though inside `jit`
        jax.eval_shape(lambda: insert(empty(CONFIG), wrong, CONFIG))
    assert_refused(wrong)


@pytest.mark.parametrize("threshold", (1.5, -1.001, np.nan, np.inf, 2))
def test_wrong_thresholds(threshold):
    with pytest.raises(ValueError) as caught:
        insert(empty(CONFIG), skill(), CONFIG, merge_threshold=threshold)
    assert str(caught.value) == f"merge_threshold={threshold} is outside -1.0 to 1.0; give a value in that range"
    assert_refused(skill(), threshold)


@pytest.mark.slow
def test_whole_numbers_of_any_width_do_not_wrap():
    for dtype in (np.uint8, np.int16, np.int32, np.int64, np.uint32):
        one = skill(actions=np.array([127, 5], dtype), length=dtype(2), successes=dtype(3))
        library, insertion = insert(empty(CONFIG), one, CONFIG)
        assert done(insertion) == (0, False, -1)
        assert library.actions[0].tolist() == [127, 5] and library.success_counts[0] == 3
        assert done(traced_insert()(empty(CONFIG), one)[0]) == (0, False, -1)
    far = skill(actions=np.array([2**40, 5]), length=np.int8(2))
    with pytest.raises(ValueError, match="skill.actions=1099511627776 is outside 0 to 127"):
        insert(empty(CONFIG), far, CONFIG)


def test_actions_behind_the_length_are_not_looked_at():
    for behind in (-1, 200):
        library, insertion = insert(empty(CONFIG), skill(actions=np.array([3, behind]), length=1), CONFIG)
        assert insertion.slot == 0 and library.actions[0, 0] == 3


# (changes, error, text): wrong however it is called.
WRONG_KINDS = (
    (
        {"embedding": np.ones(4, np.float32)},
        ValueError,
        "skill.embedding has shape (4,), not (3,) (embedding_size=3); ",
    ),
    ({"embedding": np.ones((2, 3), np.float32)}, ValueError, "skill.embedding has shape (2, 3), not (3,) ("),
    (
        {"embedding": np.ones(3, bool)},
        TypeError,
        "skill.embedding is of kind bool, not real numbers; give real numbers",
    ),
    ({"embedding": np.ones(3, complex)}, TypeError, "skill.embedding is of kind complex128, not real numbers; "),
    ({"actions": np.zeros(3, np.int8)}, ValueError, "skill.actions has shape (3,), not (2,) (max_skill_length=2); "),
    ({"actions": np.zeros(2, np.float32)}, TypeError, "skill.actions is of kind float32, not whole numbers; "),
    ({"length": np.ones(1, np.int8)}, ValueError, "skill.length has shape (1,), not () (one number); "),
    ({"length": np.float32(1)}, TypeError, "skill.length is of kind float32, not whole numbers; give whole numbers"),
    ({"pre_mask": np.zeros(3, bool)}, ValueError, "skill.pre_mask has shape (3,), not (1,) (num_predicates=1); "),
    ({"post_value": np.zeros(1, np.int8)}, TypeError, "skill.post_value is of kind int8, not booleans; "),
    ({"label": np.bool_(True)}, TypeError, "skill.label is of kind bool, not whole numbers; "),
    ({"successes": np.float32(0)}, TypeError, "skill.successes is of kind float32, not whole numbers; "),
    ({"tick": np.float32(0)}, TypeError, "skill.tick is of kind float32, not whole numbers; "),
)


@pytest.mark.parametrize(("changes", "error", "text"), WRONG_KINDS)
def test_wrong_kinds_and_shapes(changes, error, text):
    with pytest.raises(error) as caught:
        insert(empty(CONFIG), skill(**changes), CONFIG)
    assert str(caught.value).startswith(text)
    with pytest.raises(error) as caught:
        jax.eval_shape(jitted(insert), empty(CONFIG), skill(**changes))
    assert str(caught.value).startswith(text.replace("complex128", "complex64"))


def test_wrong_arguments():
    for library, config in ((empty(CONFIG), dataclasses.replace(CONFIG, capacity=5)),):
        with pytest.raises(ValueError) as caught:
            insert(library, skill(), config)
        assert str(caught.value) == (
            "library.embeddings has shape (4, 3), not (5, 3) (capacity=5, embedding_size=3); give one example of that "
            "shape, and use vmap for batches"
        )
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), empty(CONFIG))
    with pytest.raises(ValueError, match="library.embeddings has shape"):
        insert(batch, skill(), CONFIG)
    with pytest.raises(TypeError, match="merge_threshold is of kind bool, not real numbers"):
        insert(empty(CONFIG), skill(), CONFIG, merge_threshold=True)
    with pytest.raises(TypeError, match="enabled is of kind float64, not booleans"):
        insert(empty(CONFIG), skill(), CONFIG, enabled=0.5)


# The same answer however it is called


def test_vmap_equals_a_loop_equals_no_jit_and_one_bad_skill_spoils_no_other():
    rng = np.random.default_rng(3)
    vectors = (rng.normal(size=(12, 3)) * 10.0 ** rng.integers(-20, 20, (12, 1))).astype(np.float32)
    batch = jax.tree.map(lambda x: np.broadcast_to(x, (12, *x.shape)), skill(length=np.int8(1)))
    vectors[0], lengths, labels = np.nan, np.ones(12, np.int32), np.zeros(12, np.int32)
    lengths[3], labels[6] = 9, 5
    batch = dataclasses.replace(batch, embedding=vectors, length=lengths, label=labels)
    library = library_of([1.0, 1.0, 0.0], [0.0, 2.0, 2.0])
    many = jax.jit(jax.vmap(lambda one: insert(library, one, CONFIG, merge_threshold=0.8)))(batch)
    for index in range(12):
        row, one = (jax.tree.map(lambda x, i=index: x[i], tree) for tree in (many, batch))
        chex.assert_trees_all_equal(jitted(insert)(library, one, merge_threshold=0.8), row)
        if index in (0, 3, 6):
            assert done(row[1]) == NOTHING_DONE
            chex.assert_trees_all_equal(row[0], library)
        else:
            assert row[1].slot != -1
    chex.assert_trees_all_equal(insert(library, one, CONFIG, merge_threshold=0.8), row)


def test_numpy_libraries_and_python_numbers():
    library = jax.tree.map(np.asarray, library_of([0.0, 1.0, 0.0]))
    one = skill([3, 0, 0], actions=[1, 2], length=2, label=-1, successes=4, pre_mask=[False])
    after, insertion = insert(library, one, CONFIG, merge_threshold=1, enabled=True)
    assert done(insertion) == (1, False, -1) and after.success_counts.tolist() == [1, 4, 0, 0]
    assert after.embeddings[1].tolist() == [1, 0, 0]
    chex.assert_trees_all_equal_shapes_and_dtypes(after, empty(CONFIG))


# When it was learned


def test_a_library_knows_when_its_skills_were_learned():
    library, _ = insert(empty(CONFIG), skill(episode=np.int32(7), tick=np.int32(300)), CONFIG)
    library, _ = insert(library, skill([0.0, 1.0, 0.0], episode=None, tick=None), CONFIG)
    merged, insertion = insert(library, skill(episode=np.int32(9), tick=np.int32(400)), CONFIG)
    assert insertion.merged
    for found in (library, merged):  # a merge is no learning
        assert found.learned_episode.tolist() == [7, -1, -1, -1] and found.learned_tick.tolist() == [300, -1, -1, -1]


def test_a_skill_of_nine_fields_can_be_mapped_over():
    nine = skill(episode=None, tick=None)
    assert len(jax.tree.leaves(nine)) == 9
    batch = jax.tree.map(lambda x: np.stack([x, x]), nine)
    for one_by in (insert, insert_unit):
        library, _ = jax.jit(jax.vmap(lambda one, f=one_by: f(empty(CONFIG), one, CONFIG)))(batch)
        assert library.learned_tick.tolist() == [[-1] * 4] * 2 and library.used[:, 0].all()
