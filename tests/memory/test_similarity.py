"""Masked cosine top-k against NumPy, exact ties, and one query's bits alone and in any batch."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.fixed_order import fixed_order_sum
from procmem_jax.memory import similarity
from procmem_jax.memory.similarity import (
    cosine_similarity,
    cosine_similarity_of_columns,
    cosine_top_k,
    masked_top_k,
    normalize,
    to_unit,
)
from quick import quick_first

# (N, D, K): every size class, odd widths, K = N, and K on both sides of 8, where the kernel changes.
SHAPES = (
    (1, 1, 1), (2, 3, 2), (7, 1, 3), (9, 5, 9), (16, 64, 4), (17, 33, 17), (31, 7, 8), (33, 70, 9), (70, 31, 70),
)  # fmt: skip


@functools.cache
def batched_top_k(k, normalized=False):
    """Top-k of many libraries at once, each with a query and a mask of its own."""
    return jax.jit(jax.vmap(functools.partial(cosine_top_k, k=k, normalized=normalized)))


def random_problems(rng, count, num_slots, size):
    """(queries, embeddings, masks) with zero vectors, duplicates and empty masks among them."""
    queries = rng.normal(size=(count, size)).astype(np.float32)
    embeddings = rng.normal(size=(count, num_slots, size)).astype(np.float32)
    embeddings[rng.random((count, num_slots)) < 0.1] = 0.0
    embeddings[:, num_slots // 2] = embeddings[:, 0]
    queries[0], embeddings[1] = 0.0, 0.0
    masks = rng.random((count, num_slots)) < rng.random((count, 1))
    masks[2], masks[3] = False, True
    return queries, embeddings, masks


def float64_cosines(queries, embeddings):
    def unit(vectors):
        norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
        return vectors / np.where(norms > 0, norms, 1.0)

    return np.einsum("ad,and->an", unit(queries.astype(np.float64)), unit(embeddings.astype(np.float64)))


def ranked(scores, mask, k):
    """(scores, slots, valid) by sorting in plain Python, ties to the lowest slot."""
    order = sorted(np.flatnonzero(mask).tolist(), key=lambda slot: (-scores[slot], slot))[:k]
    padding = k - len(order)
    return [*scores[order], *[-np.inf] * padding], [*order, *[-1] * padding], [True] * len(order) + [False] * padding


@pytest.mark.parametrize(("num_slots", "size", "k"), quick_first(SHAPES, optimized=True))
def test_values_match_float64_and_order_matches_a_sort(num_slots, size, k):
    queries, embeddings, masks = random_problems(np.random.default_rng(size), 60, num_slots, size)

    def search(query, rows, mask):
        return cosine_top_k(query, rows, mask, k=k), cosine_similarity(normalize(query), normalize(rows))

    found, float32_scores = jax.tree.map(np.asarray, jax.jit(jax.vmap(search))(queries, embeddings, masks))
    assert (found.scores.dtype, found.slots.dtype, found.valid.dtype) == (np.float32, np.int32, np.bool_)
    assert not np.any(np.isnan(found.scores)) and found.scores.max() <= 1.0
    exact = float64_cosines(queries, embeddings)
    assert float32_scores.min() >= -1.0 and float32_scores.max() <= 1.0
    np.testing.assert_allclose(float32_scores, exact, atol=1e-6)
    for index in range(60):
        scores, slots, valid = ranked(float32_scores[index], masks[index], k)
        assert found.slots[index].tolist() == slots
        assert found.valid[index].tolist() == valid
        np.testing.assert_array_equal(found.scores[index], np.float32(scores))


def exact_problems(rng, count, num_slots):
    """Problems of 4-vectors whose cosines are exact multiples of 1/4, so that many tie on any machine."""
    halves = rng.choice([-0.5, 0.5], size=(count, num_slots + 1, 4))
    axes = np.eye(4)[rng.integers(0, 4, (count, num_slots + 1))] * rng.choice([-1, 1], (count, num_slots + 1, 1))
    kind = rng.integers(0, 5, (count, num_slots + 1, 1))
    vectors = np.where(kind == 0, 0.0, np.where(kind < 3, axes, halves)).astype(np.float32)
    return vectors[:, 0], vectors[:, 1:], rng.random((count, num_slots)) < 0.7


@pytest.mark.parametrize(
    ("num_slots", "k", "normalized"), ((5, 5, False), (20, 8, True), (20, 9, False), (70, 70, True))
)
def test_exact_ties_go_to_the_lowest_slot(num_slots, k, normalized):
    queries, embeddings, masks = exact_problems(np.random.default_rng(k), 200, num_slots)
    found = jax.tree.map(np.asarray, batched_top_k(k, normalized)(queries, embeddings, masks))
    exact = float64_cosines(queries, embeddings)
    for index in range(200):
        scores, slots, valid = ranked(exact[index], masks[index], k)
        assert found.scores[index].tolist() == scores
        assert found.slots[index].tolist() == slots
        assert found.valid[index].tolist() == valid
    assert any(len(set(row)) < k for row in found.scores.tolist())


# By hand


def top_k(scores, mask=None, k=1):
    scores = jnp.asarray(scores, jnp.float32)
    mask = jnp.ones(scores.shape, bool) if mask is None else jnp.asarray(mask, bool)
    return jax.jit(masked_top_k, static_argnames="k")(scores, mask, k=k)


def test_cosines_by_hand():
    embeddings = jnp.array([[2.0, 0.0], [3.0, 4.0], [0.0, 0.0], [0.0, -7.0]])
    found = cosine_top_k(jnp.array([5.0, 0.0]), embeddings, jnp.ones(4, bool), k=4)
    np.testing.assert_allclose(found.scores, [1.0, 0.6, 0.0, 0.0], atol=1e-7)
    assert found.slots.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("k", (2, 10))
def test_an_empty_mask_gives_nothing(k):
    found = top_k(np.linspace(0, 1, 12), np.zeros(12), k)
    assert found.scores.tolist() == [-np.inf] * k
    assert found.slots.tolist() == [-1] * k
    assert not found.valid.any()


@pytest.mark.parametrize("k", (4, 12))
def test_fewer_rows_than_k_leave_the_rest_invalid(k):
    found = top_k(np.arange(12), np.arange(12) % 5 == 1, k)  # rows 1, 6 and 11
    assert found.slots.tolist() == [11, 6, 1] + [-1] * (k - 3)
    assert found.scores.tolist() == [11, 6, 1] + [-np.inf] * (k - 3)
    assert found.valid.tolist() == [True] * 3 + [False] * (k - 3)


@pytest.mark.parametrize("k", (8, 9, 12))
def test_minus_zero_ties_with_zero(k):
    found = top_k([-0.0, 0.0, -0.0, 0.0, -0.0, 0.0] * 2, k=k)
    assert found.slots.tolist() == list(range(k))
    assert not np.signbit(np.asarray(found.scores)).any()


@pytest.mark.parametrize("k", (8, 9))
def test_nan_and_minus_infinity_are_never_returned(k):
    found = top_k([np.nan, 1.0, -np.inf, 2.0, np.nan, *[np.nan] * 7], k=k)
    assert found.slots.tolist() == [3, 1] + [-1] * (k - 2)
    assert not np.isnan(found.scores).any()


def test_both_kernels_agree():
    rng = np.random.default_rng(5)
    scores = (rng.integers(-3, 4, (200, 30)) / 4).astype(np.float32)
    masks = rng.random((200, 30)) < 0.4
    few, many = (jax.jit(jax.vmap(functools.partial(masked_top_k, k=k)))(scores, masks) for k in (8, 9))
    assert not np.all(many.valid)
    chex.assert_trees_all_equal(few, jax.tree.map(lambda x: x[:, :8], many))


@pytest.mark.parametrize("k", (0, -1, 6))
def test_k_outside_its_range(k):
    with pytest.raises(ValueError) as caught:
        cosine_top_k(jnp.ones(3), jnp.ones((5, 3)), jnp.ones(5, bool), k=k)
    assert str(caught.value) == f"k={k} is outside 1 to capacity=5; choose k in that range"


def test_normalize_by_hand():
    vectors = jnp.array([[3.0, 4.0], [0.0, 0.0], [-1e-9, 0.0], [1e15, 0.0]])
    np.testing.assert_allclose(normalize(vectors), [[0.6, 0.8], [0, 0], [-1, 0], [1, 0]], rtol=1e-6)


@pytest.mark.parametrize("power", (-105, -60, 60, 120))
def test_huge_and_tiny_vectors_have_the_same_bits(power):
    vectors = np.random.default_rng(1).normal(size=(50, 7)).astype(np.float32)
    plain, scaled = normalize(vectors), jax.jit(normalize)(vectors * np.float32(2.0**power))
    np.testing.assert_array_equal(plain, scaled)
    found = cosine_top_k(vectors[3] * np.float32(2.0**power), vectors, k=1)
    assert found.slots.tolist() == [3] and found.scores[0] == pytest.approx(1.0, abs=1e-6)


def test_the_largest_numbers_do_not_overflow():
    largest = np.finfo(np.float32).max
    np.testing.assert_allclose(normalize(jnp.array([largest, -largest])), [0.5**0.5, -(0.5**0.5)], rtol=1e-6)


@pytest.mark.parametrize("size", quick_first((1, 3, 8, 64, 1024), optimized=True))
def test_unit_vectors_stay_as_they_are(size):
    vectors = np.random.default_rng(size).normal(size=(300, size)).astype(np.float32)
    units = np.asarray(normalize(vectors))
    np.testing.assert_array_equal(jax.jit(to_unit)(units), units)
    np.testing.assert_array_equal(to_unit(vectors * 3), np.asarray(normalize(vectors * 3)))
    np.testing.assert_array_equal(to_unit(jnp.zeros(size)), np.zeros(size))
    np.testing.assert_allclose(np.linalg.norm(np.float64(to_unit(units * np.float32(1 + 1e-5))), axis=1), 1, atol=1e-6)


def test_the_sum_is_that_of_all_entries_and_of_none():
    for size in (1, 3, 8):
        assert fixed_order_sum(jnp.arange(1, size + 1, dtype=jnp.float32)) == size * (size + 1) / 2
    # A tree of halves, not a running sum: 1 + (-1) and 2^-30 + 2^-30 meet first.
    assert fixed_order_sum(jnp.array([1.0, 2.0**-30, -1.0, 2.0**-30])) == 2.0**-29


# Properties


@pytest.mark.parametrize(("num_slots", "k"), ((16, 5), (16, 16)))
def test_permuting_the_slots_permutes_the_answer(num_slots, k):
    rng = np.random.default_rng(11)
    queries = rng.normal(size=(50, 6)).astype(np.float32)
    embeddings = rng.normal(size=(50, num_slots, 6)).astype(np.float32)
    masks = rng.random((50, num_slots)) < 0.7
    order = np.stack([rng.permutation(num_slots) for _ in range(50)])
    moved = np.take_along_axis(embeddings, order[:, :, None], 1), np.take_along_axis(masks, order, 1)
    before, after = (batched_top_k(k)(queries, *library) for library in ((embeddings, masks), moved))
    np.testing.assert_array_equal(before.scores, after.scores)
    slots = np.asarray(after.slots)
    back = np.where(slots >= 0, np.take_along_axis(order, np.maximum(slots, 0), 1), -1)
    np.testing.assert_array_equal(before.slots, back)


@pytest.mark.parametrize(
    ("num_slots", "size", "k", "widths"),
    quick_first(((16, 5, 2, (2, 7, 16, 300)), (1, 8, 1, (300,)), (70, 33, 9, (7,))), optimized=True),
)
@pytest.mark.parametrize("normalized", (False, True))
def test_a_query_gets_the_same_bits_alone_and_in_any_batch(num_slots, size, k, widths, normalized):
    rng = np.random.default_rng(size)
    queries = rng.normal(size=(300, size)).astype(np.float32)
    embeddings = rng.normal(size=(num_slots, size)).astype(np.float32)
    mask = rng.random(num_slots) < 0.9
    if normalized:
        queries, embeddings = np.asarray(normalize(queries)), np.asarray(normalize(embeddings))
    search = functools.partial(cosine_top_k, k=k, normalized=normalized)
    alone = [search(query, embeddings, mask) for query in queries]
    alone = jax.tree.map(lambda *parts: np.stack(parts), *alone)
    for width in () if normalized else widths:
        batch = jax.jit(jax.vmap(search, in_axes=(0, None, None)))(queries[:width], embeddings, mask)
        chex.assert_trees_all_equal(batch, jax.tree.map(lambda x, width=width: x[:width], alone))
    # A library for each query, as agents have.
    libraries = np.broadcast_to(embeddings, (300, num_slots, size)), np.broadcast_to(mask, (300, num_slots))
    chex.assert_trees_all_equal(jax.jit(jax.vmap(search))(queries, *libraries), alone)


@pytest.mark.parametrize(("num_slots", "size"), quick_first(((1, 1), (5, 8), (17, 5)), optimized=True))
def test_embeddings_in_columns_have_the_same_bits(num_slots, size):
    rng = np.random.default_rng(size)
    queries = np.asarray(normalize(rng.normal(size=(50, size)).astype(np.float32)))
    embeddings = np.asarray(normalize(rng.normal(size=(50, num_slots, size)).astype(np.float32)))
    by_rows = jax.jit(jax.vmap(cosine_similarity))(queries, embeddings)
    by_columns = jax.jit(jax.vmap(cosine_similarity_of_columns))(queries, embeddings.swapaxes(1, 2))
    np.testing.assert_array_equal(by_rows, by_columns)
    np.testing.assert_allclose(by_rows, float64_cosines(queries, embeddings), atol=1e-6)


def test_traced_once_for_each_shape(monkeypatch):
    traces = []

    def counting(scores, mask, k):
        traces.append((scores.shape, k))
        return masked_top_k(scores, mask, k)

    monkeypatch.setattr(similarity, "masked_top_k", counting)
    for num_slots, k in ((43, 2), (43, 2), (43, 3), (44, 2), (43, 2)):
        cosine_top_k(jnp.ones(3), jnp.ones((num_slots, 3)), jnp.ones(num_slots, bool), k=k)
    assert traces == [((43,), 2), ((43,), 3), ((44,), 2)]


def test_jit_equals_no_jit():
    rng = np.random.default_rng(2)
    queries, embeddings, masks = random_problems(rng, 6, 9, 7)
    expected = batched_top_k(2)(queries, embeddings, masks)
    for index in (0, 5):
        scores = cosine_similarity(normalize(jnp.asarray(queries[index])), normalize(jnp.asarray(embeddings[index])))
        found = masked_top_k(scores, jnp.asarray(masks[index]), 2)
        chex.assert_trees_all_equal(found, jax.tree.map(lambda x, index=index: x[index], expected))
