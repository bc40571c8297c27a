"""Random keys for foreign environments: numbers in a state, threefry2x32 with its rounds unrolled in use.

A typed key is no array of numbers, so that a checkpoint cannot hold it. And on a CPU jax's own threefry2x32 is a loop
of many small kernels, which in a small environment is most of what a step costs. The numbers drawn are the same.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl

from procmem_jax.streams import threefry2x32

_WIDTHS = {8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}
_SAME_NUMBERS = "threefry2x32"


@functools.partial(jax.tree_util.register_dataclass, data_fields=["words"], meta_fields=["implementation"])
@dataclasses.dataclass(frozen=True)
class KeyWords:
    """Typed keys as they lie in a state.

    Attributes:
        words: `[..., 2]` uint32 for threefry2x32, their data.
        implementation: static, what makes keys of them.
    """

    words: jax.Array
    implementation: Any


def make_key(words: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Returns the typed key of two `()` uint32 words; it draws what the threefry2x32 key of these words draws."""
    return jax.random.wrap_key_data(jnp.stack(words), impl=_UNROLLED)


def keys_to_words(tree: Any) -> Any:
    """Returns `tree` with `KeyWords` in the place of its typed keys; those of threefry2x32 become unrolled ones."""

    def to_words(leaf: Any) -> Any:
        if not jax.dtypes.issubdtype(getattr(leaf, "dtype", None), jax.dtypes.prng_key):
            return leaf
        implementation = jax.random.key_impl(leaf)
        same = str(implementation) == _SAME_NUMBERS
        return KeyWords(jax.random.key_data(leaf), _UNROLLED if same else implementation)

    return jax.tree.map(to_words, tree)


def words_to_keys(tree: Any) -> Any:
    """Returns `tree` with typed keys in the place of its `KeyWords`."""

    def to_key(leaf: Any) -> Any:
        if isinstance(leaf, KeyWords):
            return jax.random.wrap_key_data(leaf.words, impl=leaf.implementation)
        return leaf

    return jax.tree.map(to_key, tree, is_leaf=lambda leaf: isinstance(leaf, KeyWords))


def _counters(shape: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    if math.prod(shape) >= 2**32:
        raise ValueError(f"shape={shape} has 2**32 numbers or more; draw fewer at once")
    low = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)
    return jnp.zeros_like(low), low


def _random_bits(key: jax.Array, bit_width: int, shape: tuple[int, ...]) -> jax.Array:
    high, low = threefry2x32(key, *_counters(shape))
    if bit_width == 64:
        return (high.astype(jnp.uint64) << 32) | low.astype(jnp.uint64)
    return (high ^ low).astype(_WIDTHS[bit_width])


def _split(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jnp.stack(threefry2x32(key, *_counters(shape)), axis=-1)


def _seed(seed: jax.Array) -> jax.Array:
    return jax.random.key_data(jax.random.key(seed, impl=_SAME_NUMBERS))


def _fold_in(key: jax.Array, data: jax.Array) -> jax.Array:
    return jnp.stack(threefry2x32(key, *_seed(data)))


_UNROLLED = define_prng_impl(
    key_shape=(2,),
    seed=_seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="unrolled threefry2x32",
    tag="utf",
)
