"""One shared library: against NumPy, exact ties, blocks that do not fit, and the kernel of single queries."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procmem_jax.memory import shared_retrieval
from procmem_jax.memory.shared_retrieval import shared_top_k
from procmem_jax.memory.similarity import cosine_top_k, normalize
from quick import quick_first

# (B, N, D, K, mask): one of each; K = N; odd sizes; both sides of a block of 1,024 slots and of 256 or 512 queries;
# several blocks, full or not; K of every kernel (1, up to 32, above).
CASES = (
    (1, 1, 3, 1, "none"), (5, 7, 4, 7, "pairs"), (257, 100, 5, 10, "slots"), (513, 1024, 8, 1, "none"),
    (33, 2049, 16, 1, "pairs"), (3, 2048, 4, 2, "none"), (300, 1025, 8, 9, "none"), (300, 1025, 8, 9, "slots"),
    (300, 1025, 8, 9, "pairs"), (17, 1001, 16, 32, "pairs"), (19, 1100, 7, 40, "slots"), (19, 1100, 7, 40, "pairs"),
)  # fmt: skip


def random_mask(rng, kind, num_queries, num_slots):
    """None, `[N]`, or `[B, N]` whose rows allow many slots, a few or none."""
    if kind == "none":
        return None
    if kind == "slots":
        return rng.random(num_slots) < 0.6
    mask = rng.random((num_queries, num_slots)) < rng.choice([0.7, 3 / num_slots], (num_queries, 1))
    mask[0], mask[-1] = False, False
    return mask


def sorted_top_k(scores, mask, k):
    """(scores, slots, valid), each `[B, K]`, by a stable sort of float64 scores."""
    scores = scores if mask is None else np.where(mask, scores, -np.inf)
    slots = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    best = np.take_along_axis(scores, slots, axis=1)
    valid = best > -np.inf
    return best, np.where(valid, slots, -1), valid


def float64_cosines(queries, embeddings):
    def unit(vectors):
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        return vectors / np.where(norms > 0, norms, 1.0)

    return np.clip(unit(queries) @ unit(embeddings).T, -1.0, 1.0)


def search(queries, embeddings, mask, k, normalized=False):
    found = jax.tree.map(np.asarray, cosine_top_k(queries, embeddings, mask, k=k, normalized=normalized))
    chex.assert_shape([found.scores, found.slots, found.valid], (len(queries), k))
    assert (found.scores.dtype, found.slots.dtype, found.valid.dtype) == (np.float32, np.int32, np.bool_)
    assert not np.isnan(found.scores).any() and found.scores.max() <= 1.0
    assert np.all((found.scores >= -1.0) == found.valid) and np.all((found.slots >= 0) == found.valid)
    return found


def one_hots(rng, count, size):
    """Unit vectors along the axes, some of them zero: their cosines are -1, 0 or 1 exactly, on any machine."""
    signs = rng.choice([-1, 0, 1], (count, 1), p=[0.4, 0.2, 0.4])
    return (np.eye(size)[rng.integers(0, size, count)] * signs).astype(np.float32)


@pytest.mark.parametrize(("num_queries", "num_slots", "size", "k", "kind"), quick_first(CASES, optimized=True))
def test_scores_are_those_of_float64_and_choices_where_scores_differ(num_queries, num_slots, size, k, kind):
    rng = np.random.default_rng(num_slots)
    queries = rng.normal(size=(num_queries, size)).astype(np.float32)
    embeddings = rng.normal(size=(num_slots, size)).astype(np.float32)
    embeddings[num_slots // 2], embeddings[-1], queries[num_queries // 2] = 0.0, embeddings[0], 0.0
    mask = random_mask(rng, kind, num_queries, num_slots)
    found = search(queries, embeddings, mask, k)
    exact = float64_cosines(queries, embeddings)
    scores, _, valid = sorted_top_k(exact, mask, k)
    np.testing.assert_array_equal(found.valid, valid)
    np.testing.assert_allclose(found.scores, scores, atol=1e-6)
    for query, (slots, row) in enumerate(zip(found.slots, valid, strict=True)):
        assert len(set(slots[row])) == row.sum()
        assert mask is None or np.broadcast_to(mask, exact.shape)[query, slots[row]].all()
        np.testing.assert_allclose(exact[query, slots[row]], scores[query, row], atol=1e-6)


@pytest.mark.parametrize(("num_queries", "num_slots", "size", "k", "kind"), quick_first(CASES, optimized=True))
def test_exact_ties_go_to_the_lowest_slot(num_queries, num_slots, size, k, kind):
    rng = np.random.default_rng(num_slots + 1)
    queries, embeddings = one_hots(rng, num_queries, size), one_hots(rng, num_slots, size)
    mask = random_mask(rng, kind, num_queries, num_slots)
    found = search(queries, embeddings, mask, k)
    scores, slots, _ = sorted_top_k(queries.astype(np.float64) @ embeddings.T, mask, k)
    np.testing.assert_array_equal(found.scores, np.float32(scores))
    np.testing.assert_array_equal(found.slots, slots)


@pytest.mark.optimized
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), shape=st.sampled_from(((4, 9, 2, 3), (3, 1030, 2, 9))), density=st.floats(0, 1))
def test_any_mask_over_many_ties(seed, shape, density):
    num_queries, num_slots, size, k = shape
    rng = np.random.default_rng(seed)
    queries, embeddings = one_hots(rng, num_queries, size), one_hots(rng, num_slots, size)
    mask = rng.random((num_queries, num_slots)) < density * rng.random((num_queries, 1)) ** 4
    found = search(queries, embeddings, mask, k)
    scores, slots, valid = sorted_top_k(queries.astype(np.float64) @ embeddings.T, mask, k)
    for field, expected in zip((found.scores, found.slots, found.valid), (scores, slots, valid), strict=True):
        np.testing.assert_array_equal(field, expected)


@pytest.mark.parametrize(("num_slots", "k"), quick_first(((64, 4), (1500, 9)), optimized=True))
def test_agrees_with_the_kernel_of_single_queries(num_slots, k):
    rng = np.random.default_rng(k)
    queries = np.asarray(normalize(rng.normal(size=(50, 16)).astype(np.float32)))
    embeddings = np.asarray(normalize(rng.normal(size=(num_slots, 16)).astype(np.float32)))
    mask = random_mask(rng, "pairs", 50, num_slots)
    single = functools.partial(cosine_top_k, k=k, normalized=True)
    expected = jax.jit(jax.vmap(single, in_axes=(0, None, 0)))(queries, embeddings, mask)
    found = search(queries, embeddings, mask, k, normalized=True)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    np.testing.assert_array_equal(found.valid, expected.valid)
    cosines = float64_cosines(queries, embeddings)
    differ = found.slots != np.asarray(expected.slots)
    gap = np.take_along_axis(cosines, found.slots, 1) - np.take_along_axis(cosines, np.asarray(expected.slots), 1)
    assert np.abs(gap[differ]).max(initial=0.0) < 1e-6 and differ.mean() < 0.01


def test_one_query_without_a_mask_sees_every_slot():
    embeddings = jnp.array([[2.0, 0.0], [3.0, 4.0], [0.0, -7.0]])
    query = jnp.array([5.0, 0.0])
    one, shared = cosine_top_k(query, embeddings, k=2), cosine_top_k(query[None], embeddings, k=2)
    assert one.slots.tolist() == [0, 1] and shared.slots.tolist() == [[0, 1]]
    np.testing.assert_allclose(shared.scores, [[1.0, 0.6]], atol=1e-7)


def test_scores_are_clipped_before_they_are_ranked():
    # Four vectors that are a little too long tie at 1, not above it.
    embeddings = np.array([[0.0, 1.0], [1.0001, 0.0], [1.0, 0.0], [1.0002, 0.0]], np.float32)
    found = search(np.array([[1.0, 0.0], [-1.0, 0.0]], np.float32), embeddings, None, 4, normalized=True)
    assert found.scores.tolist() == [[1.0, 1.0, 1.0, 0.0], [0.0, -1.0, -1.0, -1.0]]
    assert found.slots.tolist() == [[1, 2, 3, 0], [0, 1, 2, 3]]


@pytest.mark.parametrize(("k", "other"), quick_first(((1, -0.0), (9, 0.0), (40, 0.0))))
def test_minus_zero_ties_with_zero(k, other, monkeypatch):
    # This CPU's product begins with 0.0 and gives no -0.0; others may.
    zeros = jnp.tile(jnp.array([[-0.0], [other]], jnp.float32), (20, 16))
    monkeypatch.setattr(shared_retrieval, "_masked_cosines", lambda *_: zeros)
    scores, slots = shared_top_k(jnp.ones((1, 2)), jnp.ones((40, 2)), None, k)
    assert slots.tolist() == [list(range(k))]
    assert not np.signbit(scores).any()


@pytest.mark.parametrize("k", quick_first((1, 9, 40)))
def test_nan_is_never_returned(k):
    embeddings = np.ones((1100, 2), np.float32)
    embeddings[:3], embeddings[5:] = np.nan, np.nan
    found = search(np.array([[1.0, 0.0], [np.nan, 1.0]], np.float32), embeddings, None, k, normalized=True)
    assert found.slots.tolist() == [[*[3, 4][:k], *[-1] * (k - 2)], [-1] * k]


def test_no_queries():
    assert cosine_top_k(jnp.zeros((0, 3)), jnp.ones((5, 3)), k=2).slots.shape == (0, 2)


def problem():
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(33, 4)).astype(np.float32)
    return queries, rng.normal(size=(1030, 4)).astype(np.float32), random_mask(rng, "pairs", 33, 1030)


@pytest.mark.slow
def test_jit_equals_no_jit():
    queries, embeddings, mask = jax.tree.map(jnp.asarray, problem())
    with jax.disable_jit():
        expected = cosine_top_k(queries[:4], embeddings[:20], mask[:4, :20], k=1)
    found = cosine_top_k(queries[:4], embeddings[:20], mask[:4, :20], k=1)
    np.testing.assert_array_equal(found.slots, expected.slots)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


def test_a_group_of_libraries_by_vmap():
    queries, embeddings, mask = problem()
    groups = np.stack([queries, queries[::-1]]), np.stack([embeddings, -embeddings]), np.stack([mask, ~mask])
    found = jax.jit(jax.vmap(functools.partial(cosine_top_k, k=3)))(*groups)
    for index in range(2):
        expected = cosine_top_k(*(x[index] for x in groups), k=3)
        np.testing.assert_array_equal(found.slots[index], expected.slots)
        np.testing.assert_allclose(found.scores[index], expected.scores, atol=1e-6)


@pytest.mark.parametrize("k", (0, -1, 6))
def test_k_outside_its_range(k):
    with pytest.raises(ValueError) as caught:
        cosine_top_k(jnp.ones((2, 3)), jnp.ones((5, 3)), k=k)
    assert str(caught.value) == f"k={k} is outside 1 to capacity=5; choose k in that range"


def test_a_library_too_large_for_slots_kept_as_floats():
    shapes = jax.ShapeDtypeStruct((1, 1), jnp.float32), jax.ShapeDtypeStruct((2**24, 1), jnp.float32)
    with pytest.raises(ValueError) as caught:
        jax.eval_shape(lambda queries, embeddings: shared_top_k(queries, embeddings, None, 1), *shapes)
    assert str(caught.value) == "capacity=16777216 is not below 2**24=16777216; split the library"


@pytest.mark.parametrize("shape", ((5,), (1, 4), (3, 5)))
def test_a_mask_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"mask has shape .*; give \[N\]=\(4,\) or \[B, N\]=\(2, 4\)"):
        cosine_top_k(jnp.ones((2, 3)), jnp.ones((4, 3)), jnp.ones(shape, bool), k=1)


@pytest.mark.parametrize("k", (1, 10, 40))
def test_lowers_for_a_gpu(k):
    exported = jax.export.export(jax.jit(functools.partial(cosine_top_k, k=k)), platforms=["cuda"])(*problem())
    assert exported.platforms == ("cuda",)


@pytest.mark.parametrize("k", (1, 10))
def test_never_holds_a_vector_for_every_pair(k):
    shapes = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((512, 64), (2048, 64))]
    compiled = jax.jit(functools.partial(cosine_top_k, k=k, normalized=True)).lower(*shapes).compile()
    # 512 x 2,048 scores would take 4 MiB, and 64 numbers for each 256 MiB.
    assert compiled.memory_analysis().temp_size_in_bytes < 6 * 2**20
