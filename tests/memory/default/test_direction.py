"""The context embedding: angles by hand, what is near and what is far."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procmem_jax.memory.default import direction
from procmem_jax.memory.default.direction import LARGEST_MAGNITUDE, direction_embedding
from quick import quick_first

embed = jax.jit(direction_embedding, static_argnums=1)


def cosine(left, right, size=16):
    pair = [np.asarray(embed(jnp.asarray(context, jnp.float32), size), np.float64) for context in (left, right)]
    return float(np.dot(*pair))


@pytest.mark.parametrize(
    ("context", "cosines", "sines"),
    (
        ([0, 0], [1, 1], [0, 0]),
        ([1, 0], [0, 1], [1, 0]),  # a quarter turn
        ([0, -1], [1, 0], [0, -1]),
        ([2, -1], [-math.sin(1 / 8), 0], [math.cos(1 / 8), -1]),  # an eighth of a radian more for a doubling
        ([-8, 64], [-math.sin(3 / 8), -math.sin(6 / 8)], [-math.cos(3 / 8), math.cos(6 / 8)]),
        ([512, 0], [-math.sin(9 / 8), 1], [math.cos(9 / 8), 0]),  # ten cells of FourRooms, the most of any percept
        ([513, -1e30], [-math.sin(9 / 8), -math.sin(9 / 8)], [math.cos(9 / 8), -math.cos(9 / 8)]),
        ([np.inf, -np.inf], [-math.sin(9 / 8), -math.sin(9 / 8)], [math.cos(9 / 8), -math.cos(9 / 8)]),
        ([np.nan, -np.nan], [1, 1], [0, 0]),  # counts as 0
        ([0.25, -1e-30], [0, 0], [1, -1]),  # anything counts as 1 at least
        ([3, 0], [-math.sin(math.log2(3) / 8), 1], [math.cos(math.log2(3) / 8), 0]),
    ),
)
def test_the_embedding_by_hand(context, cosines, sines):
    embedding = embed(jnp.asarray(context, jnp.float32), 7)
    expected = np.array([*cosines, *sines, 0, 0, 0]) / math.sqrt(2)
    assert embedding.dtype == jnp.float32
    np.testing.assert_allclose(embedding, expected, atol=1e-6)
    assert not np.signbit(embedding)[expected == 0].any()


def rounded_by_rounded(context, embedding_size):
    """The embedding of one coordinate and its negative, each product and each sum rounded to float32 by NumPy."""
    single = np.float32

    def polynomial(coefficients, x):
        total = single(coefficients[-1])
        for coefficient in reversed(coefficients[:-1]):
            total = single(single(total * x) + single(coefficient))
        return total

    mantissa, exponent = np.frexp(np.clip(np.abs(context), single(1), single(512)))
    fraction = single(2 * mantissa - 1)
    doublings = single(single(exponent - 1) + single(fraction * polynomial(direction._LOG2, fraction)))
    angle = single(doublings * single(0.125))
    square = single(angle * angle)
    sine, cosine = single(angle * polynomial(direction._SINE, square)), polynomial(direction._COSINE, square)
    scale = single(1 / math.sqrt(2))
    rows = np.stack([-sine, -sine, cosine, -cosine], axis=-1) * scale
    return np.pad(rows, ((0, 0), (0, embedding_size - 4)))


CONTEXTS = np.concatenate([np.arange(1, 600), np.geomspace(0.01, 1e6, 5001)]).astype(np.float32)


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.optimized)])
def test_the_same_bits_as_one_rounding_after_another(times):
    """So that it does not depend on what a compiler fuses, and a GPU makes the same."""
    contexts = np.tile(np.stack([CONTEXTS, -CONTEXTS], axis=-1), (times, 1))
    found = np.asarray(jax.jit(jax.vmap(lambda context: direction_embedding(context, 5)))(contexts))
    np.testing.assert_array_equal(found, np.tile(rounded_by_rounded(CONTEXTS, 5), (times, 1)))


def test_as_near_as_float32_tells():
    angles = np.log2(np.clip(CONTEXTS.astype(np.float64), 1, 512)) / 8
    found = np.asarray(jax.vmap(lambda x: direction_embedding(x[None], 2))(CONTEXTS), np.float64)
    np.testing.assert_allclose(found, np.stack([-np.sin(angles), np.cos(angles)], axis=-1), rtol=0, atol=1.5e-7)


@pytest.mark.parametrize("num_coordinates", quick_first((1, 2, 3, 8)))
def test_length_one_and_zeros_behind(num_coordinates):
    rng = np.random.default_rng(num_coordinates)
    contexts = jnp.asarray(rng.integers(-64, 65, (200, num_coordinates)), jnp.float32)
    for size in (2 * num_coordinates, 2 * num_coordinates + 5):
        embeddings = np.asarray(jax.vmap(lambda context, size=size: direction_embedding(context, size))(contexts))
        assert embeddings.shape == (200, size)
        np.testing.assert_allclose(np.linalg.norm(embeddings.astype(np.float64), axis=-1), 1, atol=1e-6)
        assert not embeddings[:, 2 * num_coordinates :].any()


@settings(deadline=None, max_examples=300)
@given(st.lists(st.floats(width=32), min_size=3, max_size=3))
def test_every_context_has_an_embedding_of_length_one(context):
    embedding = np.asarray(embed(jnp.asarray(context, jnp.float32), 7), np.float64)
    assert np.isfinite(embedding).all() and np.linalg.norm(embedding) == pytest.approx(1, abs=1e-6)


def test_opposite_signs_come_no_nearer_beyond_the_largest_magnitude():
    grow = np.concatenate([np.linspace(0.5, 1e4, 20_000), 2.0 ** np.arange(10, 128), [np.inf]]).astype(np.float32)
    rows = np.asarray(jax.vmap(lambda x: direction_embedding(x[None], 2))(np.concatenate([grow, -grow])), np.float64)
    near, far = rows[: grow.size], rows[grow.size :]
    opposite, to_one = np.sum(near * far, axis=1), near @ np.asarray(embed(jnp.ones(1), 2), np.float64)
    beyond = grow >= LARGEST_MAGNITUDE
    assert np.all(np.diff(opposite[beyond]) <= 0) and opposite.max() < 0.63
    assert np.all(np.diff(to_one) <= 1e-7), "the farther, the less like what is near"
    assert np.all(near[:, 1] > 0) and np.all(far[:, 1] < 0), "the signs never change places"


def test_the_cosine_is_the_mean_over_coordinates():
    assert cosine([1, 5, 0, -2], [1, 0, -7, 2]) == pytest.approx((1 + cosine([5], [0]) + cosine([0], [-7])
                                                                    + cosine([-2], [2])) / 4, abs=1e-6)  # fmt: skip
    assert cosine([4], [1]) == pytest.approx(math.cos(2 / 8), abs=1e-6)
    assert cosine([4], [-1]) == pytest.approx(math.cos(math.pi + 2 / 8), abs=1e-6)


def table():
    """The cosines of all pairs of values from -64 to 64, by value."""
    values = range(-64, 65)
    embeddings = [np.asarray(embed(jnp.asarray([value], jnp.float32), 2), np.float64) for value in values]
    product = np.array(embeddings) @ np.array(embeddings).T
    return {pair: product[pair[0] + 64, pair[1] + 64] for pair in itertools.product(values, values)}


def test_sign_and_zero_are_far_apart_and_distances_near():
    cosines = table()
    for (left, right), value in cosines.items():
        if np.sign(left) == np.sign(right):
            assert value > 0.73, (left, right)
        elif left * right < 0:
            assert value < -0.07, (left, right)  # opposite signs never come near
        else:
            assert value < 1e-6, (left, right)
    for value in range(1, 33):
        assert cosines[value, 2 * value] == pytest.approx(math.cos(1 / 8), abs=1e-6)


def test_the_farther_the_less_similar():
    cosines = table()
    for near in (1, 3, 10):
        row = [cosines[near, far] for far in range(near, 65)]
        assert np.all(np.diff(row) < 0)
        assert row == [cosines[-near, -far] for far in range(near, 65)]


def test_mirrored_situations_are_mirrored():
    for left, right in (([3, 1], [2, 5]), ([0, 4], [1, -1])):
        mirrored = [[-x for x in context] for context in (left, right)]
        swapped = [context[::-1] for context in (left, right)]
        assert cosine(left, right) == cosine(*mirrored)
        assert cosine(left, right) == pytest.approx(cosine(*swapped), abs=1e-7)


@pytest.mark.parametrize("width", (1, 7, 16, 300))
def test_the_bits_do_not_change_with_the_batch(width):
    values = jnp.asarray(np.random.default_rng(0).integers(-64, 65, (300, 2)), jnp.float32)
    batch = jax.jit(jax.vmap(lambda context: direction_embedding(context, 4)))
    np.testing.assert_array_equal(batch(values[:width]), batch(values)[:width])


def test_an_embedding_that_is_too_short_says_so():
    with pytest.raises(ValueError) as caught:
        direction_embedding(jnp.zeros(8, jnp.float32), 15)
    assert str(caught.value) == (
        "embedding_size=15 is below 16, twice the coordinates of the context; raise embedding_size"
    )
