"""The tutorial's embedding against the plain one, exact ties, and the code tables that stand in for `hash()`."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from plain_tutorial import PlainAgent, PlainWorld, scripted_choice
from procmem_jax.memory.similarity import cosine_similarity
from procmem_jax.memory.tutorial.embedding import hashed_code_tables, tutorial_embedding, tutorial_query
from quick import quick_first

L = 5
POSITION_CODE, ACTION_CODES = 0.731, [0.127, 0.904, 0.333, 0.058, 0.61, 0.999]


def embed(size, code, flags, actions, length=L, action_codes=ACTION_CODES):
    """The embedding of one skill; `actions` is filled up with 5s, which must not count."""
    padded = jnp.array([*actions, *[5] * (L - len(actions))], jnp.int8)
    codes, flags = jnp.array(action_codes, jnp.float32), jnp.array([*flags, True])
    return tutorial_embedding(jnp.array([code], jnp.float32), flags, padded, jnp.int8(length), codes, size)


def plain_embed(size, code, flags, actions):
    """The same by the plain reference, in float64, with the tutorial's 1e-8 in the norm."""
    agent = PlainAgent(PlainWorld(4), [[code]], ACTION_CODES, size, explore=scripted_choice)
    vector = np.array(agent.embed((0, 0, *flags), actions)) / 1000
    return np.pad(vector / (np.linalg.norm(vector) + 1e-8), (0, size - len(vector)))


@pytest.mark.parametrize("size", quick_first((3, 5, 8, 16)))
def test_embeddings_match_the_plain_reference(size):
    rng = np.random.default_rng(size)
    for length, flags in itertools.product(range(1, L + 1), ((False, False), (True, False), (True, True))):
        actions = tuple(rng.integers(0, 6, length).tolist())
        embedding = embed(size, POSITION_CODE, flags, actions, length)
        assert embedding.shape == (size,) and embedding.dtype == jnp.float32
        np.testing.assert_allclose(embedding, plain_embed(size, POSITION_CODE, flags, actions), atol=1e-6)


def test_one_embedding_by_hand():
    # Codes 0.3 and 0.4 make the vector (0, 0, 0, 0.3, 0.4), of length 0.5.
    embedding = embed(8, 0.0, (False, False), (0, 1), 2, [0.3, 0.4, 0.9, 0.9, 0.9, 0.9])
    np.testing.assert_allclose(embedding, [0, 0, 0, 0.6, 0.8, 0, 0, 0], atol=1e-6)


@pytest.mark.parametrize("size", (3, 8))
def test_a_query_is_an_embedding_without_actions(size):
    for flags in ((False, False), (True, False), (True, True)):
        query = tutorial_query(jnp.array([0.5]), jnp.array([*flags, True]), size)
        np.testing.assert_allclose(query, plain_embed(size, 0.5, flags, ()), atol=1e-6)
        np.testing.assert_array_equal(query, embed(size, 0.5, flags, (), 0))


def test_codes_of_zero_make_a_zero_vector():
    for size in (3, 8):
        assert embed(size, 0.0, (False, False), (0, 1, 2), 3, [0.0] * 6).tolist() == [0.0] * size
        assert tutorial_query(jnp.zeros(1), jnp.zeros(3, bool), size).tolist() == [0.0] * size


def test_skills_that_differ_in_the_order_of_their_actions_tie_exactly():
    orders = jnp.array(list(itertools.permutations(range(5))), jnp.int8)
    codes, flags = jnp.array(ACTION_CODES, jnp.float32), jnp.array([True, False, False])
    for code in (0.001, POSITION_CODE, 0.999):
        context = jnp.array([code], jnp.float32)
        embeddings = jax.jit(
            jax.vmap(lambda order, context=context: tutorial_embedding(context, flags, order, jnp.int8(5), codes, 8))
        )(orders)
        np.testing.assert_array_equal(np.sort(embeddings, axis=1), np.sort(embeddings[:1], axis=1).repeat(120, 0))
        scores = jax.jit(cosine_similarity)(tutorial_query(context, flags, 8), embeddings)
        assert len(set(scores.tolist())) == 1
        for embedding, order in zip(embeddings[:3], orders[:3], strict=True):  # alone as in the batch
            np.testing.assert_array_equal(embed(8, code, (True, False), order.tolist()), embedding)


def test_every_code_is_squared_exactly():
    # Its length in whole millionths must be exact for all 1000 codes, or the ties above would be chance.
    codes = np.arange(1, 1000)
    contexts = jnp.asarray((codes / 1000).astype(np.float32))[:, None]
    queries = jax.jit(jax.vmap(lambda context: tutorial_query(context, jnp.array([True, True]), 3)))(contexts)
    expected = codes / 1000 / (np.sqrt(codes**2 / 1e6 + 2) + 1e-8)
    np.testing.assert_allclose(queries[:, 0], expected, rtol=3e-7)
    np.testing.assert_array_equal(queries[:, 1], queries[:, 2])


# Code tables


def plain_mix(number):
    """MurmurHash3's finaliser in Python's integers."""
    number = (number ^ number >> 16) * 0x85EBCA6B % 2**32
    number = (number ^ number >> 13) * 0xC2B2AE35 % 2**32
    return number ^ number >> 16


def plain_codes(table_number, numbers):
    base = plain_mix((table_number + 1) % 2**32)
    return [plain_mix(base ^ plain_mix(number)) % 1000 for number in numbers]


def tables_of(numbers, side):
    """The tables of many agents at once."""
    return jax.jit(jax.vmap(lambda number: hashed_code_tables(number, side, 6)))(jnp.asarray(numbers, jnp.uint32))


def test_tables_match_plain_integers():
    numbers, side = [0, 1, 77, 2**31, 2**32 - 1], 5
    tables = tables_of(numbers, side)
    for index, number in enumerate(numbers):
        cells = [x * 65536 + y for x in range(side) for y in range(side)]
        thousandths = np.rint(1000 * np.asarray(tables.position_codes[index], np.float64)).astype(int)
        assert thousandths.ravel().tolist() == plain_codes(number, cells)
        thousandths = np.rint(1000 * np.asarray(tables.action_codes[index], np.float64)).astype(int)
        assert thousandths.tolist() == plain_codes(number, range(2**31, 2**31 + 6))


def test_codes_are_thousandths_below_one():
    tables = tables_of(np.arange(200), 8)
    for codes in (tables.position_codes, tables.action_codes):
        assert codes.dtype == jnp.float32
        codes = np.asarray(codes)
        assert codes.min() >= 0 and codes.max() <= np.float32(0.999)
        np.testing.assert_array_equal(codes, np.float32(np.rint(1000.0 * codes.astype(float)) / 1000))


def test_the_same_cell_has_the_same_code_on_a_larger_table():
    small, large = (jax.tree.map(lambda codes: codes[0], tables_of([9], side)) for side in (5, 16))
    np.testing.assert_array_equal(small.position_codes, large.position_codes[:5, :5])
    np.testing.assert_array_equal(small.action_codes, large.action_codes)
    assert len(set(large.position_codes.ravel().tolist())) > 200


def test_agents_have_tables_of_their_own():
    tables = tables_of(np.arange(3000), 4)
    rows = np.concatenate([np.asarray(tables.position_codes).reshape(3000, 16), tables.action_codes], axis=1)
    assert len({tuple(row) for row in rows.tolist()}) == 3000
    # Two agents agree on a code about once in 1000 times.
    assert np.mean(rows[1:] == rows[:-1]) == pytest.approx(0.001, abs=0.0006)


def test_codes_are_spread_within_a_table_and_across_agents():
    tables = tables_of(np.arange(500), 16)
    thousandths = np.rint(1000 * np.asarray(tables.position_codes)).astype(int).reshape(500, 256)
    distinct = np.array([len(set(row)) for row in thousandths.tolist()])
    assert distinct.mean() == pytest.approx(1000 * (1 - 0.999**256), abs=1.5)  # as if thrown independently
    assert scipy.stats.chisquare(np.bincount(thousandths.ravel(), minlength=1000)).pvalue > 1e-3
    assert scipy.stats.chisquare(np.bincount(thousandths[:, 37] // 50, minlength=20)).pvalue > 1e-3
    columns = np.corrcoef(thousandths[:, :16].T)
    assert np.abs(columns - np.eye(16)).max() < 0.2
