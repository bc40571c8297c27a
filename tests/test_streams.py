"""Random words: against threefry in plain Python, the same alone and in any batch, and scaled exactly."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from procmem_jax.streams import EPISODE, TICK, draw_words, open_streams, run_key, scale_word
from quick import quick_first

MASK = 2**32 - 1
WORD = st.integers(0, MASK)


def plain_threefry(key, counter):
    """Threefry-2x32 with 20 rounds, from section 3.3 and table 2 of its paper, in Python's integers."""
    keys = (*key, 0x1BD11BDA ^ key[0] ^ key[1])
    x, y = (counter[0] + keys[0]) & MASK, (counter[1] + keys[1]) & MASK
    for group in range(5):
        for rotation in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
            x = (x + y) & MASK
            y = ((y << rotation | y >> (32 - rotation)) & MASK) ^ x
        x = (x + keys[(group + 1) % 3]) & MASK
        y = (y + keys[(group + 2) % 3] + group + 1) & MASK
    return x, y


# The known answers that come with Random123 (tests/kat_vectors, threefry2x32 20).
KNOWN = (
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((MASK, MASK), (MASK, MASK), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
)
_draw = jax.jit(draw_words)


def draw(key, counter, agent):
    words = _draw(jnp.array(key, jnp.uint32), jnp.array(counter, jnp.uint32), jnp.array(agent, jnp.uint32))
    return tuple(np.asarray(word) for word in words)


@pytest.mark.parametrize(("key", "counter", "words"), KNOWN)
def test_known_answers(key, counter, words):
    assert plain_threefry(key, counter) == words
    assert tuple(int(word) for word in draw(key, *counter)) == words


@settings(deadline=None, max_examples=100)
@given(st.tuples(WORD, WORD), WORD, WORD)
def test_words_match_plain_threefry(key, counter, agent):
    assert tuple(int(word) for word in draw(key, counter, agent)) == plain_threefry(key, (counter, agent))


def test_the_streams_of_a_run_match_plain_threefry():
    # `fold_in` hashes (0, number) with the key: the whole chain from seed to words can be recomputed by hand.
    opened = open_streams(run_key(123))
    for number, data in ((0, opened.tick), (1, opened.episode)):
        stream_key = plain_threefry((0, 123), (0, number))
        assert tuple(data.tolist()) == stream_key
        assert tuple(int(word) for word in draw(data, 7, 1000)) == plain_threefry(stream_key, (7, 1000))


@pytest.mark.parametrize("width", quick_first((1, 7, 300), optimized=True))
def test_an_agents_words_are_the_same_in_any_batch(width):
    key = open_streams(run_key(5)).tick
    counters, agents = np.arange(width) * 3 + 1, np.arange(width) + 11
    expected = [
        plain_threefry(tuple(key.tolist()), pair) for pair in zip(counters.tolist(), agents.tolist(), strict=True)
    ]
    arrays = jnp.asarray(counters, jnp.uint32), jnp.asarray(agents, jnp.uint32)
    mapped = jax.vmap(draw_words, in_axes=(None, 0, 0))
    for words in (_draw(key, *arrays), mapped(key, *arrays), jax.jit(mapped)(key, *arrays), draw_words(key, *arrays)):
        chex.assert_shape(words, (width,))
        assert np.stack(words, axis=1).tolist() == [list(pair) for pair in expected]


def test_operands_may_be_batched_singly_and_of_any_integer_kind():
    key = open_streams(run_key(5)).episode
    expected = [plain_threefry(tuple(key.tolist()), (4, agent)) for agent in range(3)]
    agents = jnp.arange(3, dtype=jnp.uint32)
    over_agents = jax.vmap(lambda agent: draw_words(key, jnp.int32(4), agent))(agents)
    broadcast = draw_words(key, jnp.full((3,), 4, jnp.int32), agents)
    assert np.stack(over_agents, 1).tolist() == np.stack(broadcast, 1).tolist() == list(map(list, expected))
    keys = jnp.stack([key, key ^ 1])
    first, _ = jax.vmap(lambda stream_key: draw_words(stream_key, jnp.int32(4), jnp.uint32(0)))(keys)
    assert first[0] == expected[0][0] and first[1] == plain_threefry(tuple(keys[1].tolist()), (4, 0))[0]


def test_streams_counters_and_agents_give_different_words():
    opened = [open_streams(run_key(seed)) for seed in (0, 1)]
    assert (TICK, EPISODE) == (0, 1)
    grid = jnp.meshgrid(jnp.arange(50, dtype=jnp.uint32), jnp.arange(50, dtype=jnp.uint32))
    words = [draw_words(key, *grid) for one in opened for key in (one.tick, one.episode)]
    pairs = np.stack([np.stack(pair, axis=-1).reshape(-1, 2) for pair in words]).reshape(-1, 2)
    assert len({tuple(pair) for pair in pairs.tolist()}) == 4 * 50 * 50


# Keys


@pytest.mark.parametrize("seed", (0, 1, 77, 2**31, 2**32 - 1))
def test_a_run_key_is_the_key_of_its_seed(seed):
    key = run_key(seed)
    assert key.dtype == jax.random.key(0).dtype and key.shape == ()
    assert jax.random.key_data(key).tolist() == jax.random.key_data(jax.random.key(seed)).tolist() == [0, seed]


def test_a_seed_out_of_range():
    for seed, text in ((-1, "seed=-1 is below 0; give at least 0"),
                       (2**32, "seed=4294967296 is above 4294967295; give at most 4294967295")):  # fmt: skip
        with pytest.raises(ValueError) as caught:
            run_key(seed)
        assert str(caught.value) == text


@pytest.mark.parametrize("seed", (1.5, 2.0, True, "3", None))
def test_a_seed_that_is_no_whole_number(seed):
    with pytest.raises(TypeError, match=f"^seed={seed!r} is a {type(seed).__name__}; give a whole number$"):
        run_key(seed)


@pytest.mark.parametrize(
    "key",
    (
        lambda: jax.random.key(0, impl="rbg"),
        lambda: jax.random.PRNGKey(0),
        lambda: jax.random.split(jax.random.key(0), 2),
        lambda: np.array([0, 0], np.uint32),
        lambda: 0,
    ),
    ids=("rbg", "raw", "batch", "numpy", "seed"),
)
def test_keys_that_open_no_streams(key):
    with pytest.raises(TypeError) as caught:
        open_streams(key())
    text = "key must be one typed threefry2x32 key; make it with procmem_jax.run_key(seed)"
    assert str(caught.value) == text


def test_streams_open_under_jit():
    chex.assert_trees_all_equal(jax.jit(open_streams)(run_key(3)), open_streams(run_key(3)))


# Scaling


@settings(deadline=None, max_examples=300)
@given(st.one_of(WORD, st.sampled_from([0, 1, 2**16 - 1, 2**16, MASK])), st.integers(1, 65536))
def test_a_scaled_word_matches_exact_integers(word, bound):
    integer, rest = jax.jit(scale_word)(jnp.uint32(word), jnp.int32(bound))
    assert (int(integer), int(rest)) == (word * bound >> 32, word * bound & MASK)
    assert integer.dtype == jnp.int32 and rest.dtype == jnp.uint32


@pytest.mark.parametrize("bound", quick_first((1, 2, 3, 6, 4096, 65535, 65536)))
def test_many_scaled_words_match_exact_integers(bound):
    words = np.random.default_rng(bound).integers(0, 2**32, 5000, dtype=np.uint32)
    # Where the integer changes, one wrong carry would show.
    edges = [number * 2**32 // bound + shift for number in range(min(bound, 1000)) for shift in (-1, 0, 1)]
    words = np.concatenate([words, np.array([edge % 2**32 for edge in edges], np.uint32)])
    integers, rests = scale_word(jnp.asarray(words), bound)
    products = [int(word) * bound for word in words]
    assert integers.tolist() == [product >> 32 for product in products]
    assert rests.tolist() == [product & MASK for product in products]


def test_one_word_serves_two_draws_that_are_uniform_and_independent():
    first, _ = draw_words(open_streams(run_key(1)).tick, jnp.arange(200_000), jnp.uint32(0))
    six, rest = scale_word(first, 6)
    seven, _ = scale_word(rest, 7)
    pairs = np.bincount(np.asarray(7 * six + seven), minlength=42)
    assert len(pairs) == 42
    assert scipy.stats.chisquare(pairs).pvalue > 1e-3
