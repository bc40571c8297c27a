"""Random words from numbered threefry streams with explicit counters.

Every random number of a run is a function of (run key, stream, counter, agent number), so an agent's draws depend
on nothing else: not on its batch, its chunk, its device, or on what other agents do.

| stream  | number | counter                            | word 0        | word 1                      |
| ------- | ------ | ---------------------------------- | ------------- | --------------------------- |
| TICK    | 0      | tick since the agent began         | action choice | noise of the environment    |
| EPISODE | 1      | episode number                     | layout        | layout                      |

Number 90 is taken by the PPO baseline (`scripts/ppo.py`), for weights and minibatches.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (threefry2x32, 20 rounds).
"""

import jax
import jax.numpy as jnp

from procmem_jax.records import check_count, state_record

TICK = 0
EPISODE = 1
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


@state_record
class Streams:
    """The keys of a run's streams.

    Attributes:
        tick: `[2]` uint32, key data of the tick stream.
        episode: `[2]` uint32, key data of the episode stream.
    """

    tick: jax.Array
    episode: jax.Array


def open_streams(key: jax.Array) -> Streams:
    """Returns the streams of the run key `key`, a typed threefry2x32 key with shape `()`; not consumed.

    Raises:
        TypeError: `key` is not a single typed key of the threefry2x32 implementation.
    """
    is_key = isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if not is_key or key.shape != () or str(jax.random.key_impl(key)) != "threefry2x32":
        raise TypeError("key must be one typed threefry2x32 key; make it with procmem_jax.run_key(seed)")
    return _opened(jax.random.key_data(key))


@jax.jit
def _opened(key_data: jax.Array) -> Streams:
    """Returns what `jax.random.fold_in` makes of the key with the number of each stream, by one small program."""
    first, second = threefry2x32(key_data, jnp.zeros(2, jnp.uint32), jnp.asarray([TICK, EPISODE], jnp.uint32))
    return Streams(tick=jnp.stack([first[0], second[0]]), episode=jnp.stack([first[1], second[1]]))


def run_key(seed: int) -> jax.Array:
    """Returns the run key of `seed`, a whole number from 0 to 2**32 - 1.

    Raises:
        TypeError: `seed` is not an integer.
        ValueError: `seed` is outside that range.
    """
    check_count("seed", seed, 0, 2**32 - 1)
    words = jnp.asarray([0, seed], jnp.uint32)
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def draw_words(stream_key: jax.Array, counter: jax.Array, agent: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns two arrays of random uint32 words, one pair for each (counter, agent number).

    Args:
        stream_key: `[2]` uint32, one of the keys of `Streams`.
        counter: integer array, the tick or episode number.
        agent: uint32 array, the global agent number; broadcast against `counter`.
    """
    return threefry2x32(stream_key, jnp.asarray(counter, jnp.uint32), jnp.asarray(agent, jnp.uint32))


def threefry2x32(key: jax.Array, first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns threefry2x32 of two counters, its 20 rounds unrolled.

    On a CPU jax's own is a loop of some 80 small kernels, which takes longer than all else that an environment does.
    """
    keys = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(_PARITY))
    first, second = first + keys[0], second + keys[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            first = first + second
            second = ((second << rotation) | (second >> (32 - rotation))) ^ first
        first = first + keys[(group + 1) % 3]
        second = second + keys[(group + 2) % 3] + jnp.uint32(group + 1)
    return first, second


def scale_word(word: jax.Array, bound: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (integer in [0, bound), leftover word): the high and low halves of `word * bound`.

    The leftover word is again nearly uniform and nearly independent of the integer, so that one word serves several
    small draws. A draw's bias is below `bound / 2**32` times the product of the bounds drawn before.
    Source: Lemire 2019, "Fast random integer generation in an interval", section 4.

    Args:
        word: uint32 array.
        bound: integer array or int, 1 to 65,536.
    """
    bound = jnp.asarray(bound, jnp.uint32)
    high, low = word >> 16, word & jnp.uint32(0xFFFF)
    integer = (high * bound + ((low * bound) >> 16)) >> 16
    return integer.astype(jnp.int32), word * bound


def mixed(words: jax.Array) -> jax.Array:
    """Returns a hash of each of some uint32 words; the finaliser of MurmurHash3 (Appleby 2011, fmix32)."""
    words = (words ^ (words >> 16)) * jnp.uint32(0x85EBCA6B)
    words = (words ^ (words >> 13)) * jnp.uint32(0xC2B2AE35)
    return words ^ (words >> 16)


def coin_of(word: jax.Array) -> jax.Array:
    """Returns a number from {0, 1/128, ..., 127/128}, `()` float32, from low bits that no other draw looks at.

    An exploration policy takes its action and its coin from the high bits of the same word.
    """
    return ((word >> 1) & jnp.uint32(127)).astype(jnp.float32) * (1.0 / 128.0)
