"""Keys for foreign worlds: the numbers of threefry2x32, and arrays of plain numbers where they are kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.envs.foreign.keys import KeyWords, keys_to_words, make_key, words_to_keys
from quick import quick_first

WORDS = (jnp.uint32(123456789), jnp.uint32(4000000000))
THEIRS = jax.random.wrap_key_data(jnp.stack(WORDS), impl="threefry2x32")

DRAWS = {
    "split": jax.random.split,
    "split into a table": lambda key: jax.random.split(key, (3, 5)),
    "fold in": lambda key: jax.random.fold_in(jax.random.split(key)[1], jnp.uint32(2**32 - 1)),
    "clone": jax.random.clone,
    "bits": lambda key: jax.random.bits(key, (7,)),
    "bytes": lambda key: jax.random.bits(key, (2, 3), jnp.uint8),
    "halves": lambda key: jax.random.bits(key, (5,), jnp.uint16),
    "uniform": lambda key: jax.random.uniform(key, (5,)),
    "one of each": lambda key: jax.vmap(jax.random.uniform)(jax.random.split(key, 4)),
    "randint": lambda key: jax.random.randint(key, (9,), 0, 1000),
    "normal": lambda key: jax.random.normal(key, (4,)),
    "gamma": lambda key: jax.random.gamma(key, 2.0, (3,)),
    "permutation": lambda key: jax.random.permutation(key, 10),
    "choice": lambda key: jax.random.choice(key, 10, (4,), replace=False),
    "categorical": lambda key: jax.random.categorical(key, jnp.zeros(6), shape=(4,)),
}


def plain(drawn):
    is_key = jax.dtypes.issubdtype(drawn.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(drawn) if is_key else drawn)


@pytest.mark.parametrize("draw", quick_first(DRAWS.values()), ids=DRAWS)
def test_the_numbers_are_those_of_threefry2x32(draw):
    expected = plain(draw(THEIRS))
    assert np.unique(expected).size > 1
    np.testing.assert_array_equal(plain(draw(make_key(WORDS))), expected)


def test_words_of_64_bits():
    with jax.enable_x64(True):
        expected = jax.random.bits(THEIRS, (3,), jnp.uint64)
        np.testing.assert_array_equal(jax.random.bits(make_key(WORDS), (3,), jnp.uint64), expected)


@pytest.mark.parametrize("implementation", ("threefry2x32", "rbg"))
def test_keys_are_kept_as_numbers(implementation):
    keys = jax.random.split(jax.random.key(5, impl=implementation), 3)
    kept = keys_to_words({"keys": keys, "place": jnp.arange(3), "nothing": None})
    assert isinstance(kept["keys"], KeyWords) and kept["nothing"] is None
    assert [str(leaf.dtype) for leaf in jax.tree.leaves(kept)] == ["uint32", "int32"]
    back = jax.jit(words_to_keys)(kept)
    np.testing.assert_array_equal(back["place"], [0, 1, 2])
    np.testing.assert_array_equal(plain(back["keys"]), plain(keys))
    np.testing.assert_array_equal(jax.random.bits(back["keys"][1], (4,)), jax.random.bits(keys[1], (4,)))


def test_both_kinds_of_threefry_are_kept_alike():
    """A state may start with a key that the environment made itself and go on with one that it was given."""
    kept = [jax.tree.structure(keys_to_words(key)) for key in (THEIRS, make_key(WORDS))]
    assert kept[0] == kept[1]
