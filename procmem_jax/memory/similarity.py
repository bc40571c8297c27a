"""Masked cosine top-k on bare arrays, with sums in a fixed order so that batches never change a bit."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.fixed_order import fixed_order_dot, rounded_product, sum_by_halves
from procmem_jax.memory.shared_retrieval import shared_top_k
from procmem_jax.memory.slots import lowest_slot
from procmem_jax.records import state_record

_LARGEST_UNROLLED_K = 8
_UNIT_TOLERANCE = 2.0**-20  # several times what rounding makes of the squared length of a unit vector


@state_record
class Retrieved:
    """The K best rows of one query, best first.

    Attributes:
        scores: `[K]` float32; -inf where not valid.
        slots: `[K]` int32; -1 where not valid.
        valid: `[K]` bool.
    """

    scores: jax.Array
    slots: jax.Array
    valid: jax.Array


def cosine_similarity_of_columns(query: jax.Array, keys: jax.Array) -> jax.Array:
    """Returns what `cosine_similarity` does, bit for bit, for embeddings that stand in columns: sums run across rows.

    Args:
        query: `[D]` float32, one example.
        keys: `[D, N]` float32.
    """
    # Row by row: the product of all at once would be written to memory and read again.
    rows = [rounded_product(keys[d], query[d]) for d in range(keys.shape[0])]
    return jnp.clip(sum_by_halves(rows), -1.0, 1.0)


def normalize(vectors: jax.Array) -> jax.Array:
    """Returns `vectors` (`[..., D]` float32) scaled to unit length; a zero vector stays zero.

    Whatever the size of finite entries: their squares can neither overflow nor vanish, since a power of two, which
    changes no digit, brings the largest near one first. Vectors that are not finite have no direction: what comes back
    for them is not promised. Entries below 2**-126 may count as zero, as on any processor that is set to do so.
    """
    largest = jnp.max(jnp.abs(vectors), axis=-1, keepdims=True, initial=0.0)
    kind = jnp.finfo(vectors.dtype)
    # Within these bounds a power of two and its reciprocal are both normal numbers.
    largest = jnp.clip(largest, kind.tiny, 1.0 / kind.tiny)
    power = jax.lax.reduce_precision(largest, exponent_bits=kind.nexp, mantissa_bits=0)
    vectors = vectors * (1.0 / power)
    norm = jnp.sqrt(fixed_order_dot(vectors, vectors))[..., None]
    return jnp.where(norm > 0, vectors / jnp.where(norm > 0, norm, 1.0), 0.0)


def to_unit(vectors: jax.Array) -> jax.Array:
    """Returns what `normalize` does, but vectors of length one (`[..., D]` float32) as they are, to the bit.

    Of length one is what the package's own embeddings are: their squares add up to one within 2**-20.
    """
    square = fixed_order_dot(vectors, vectors)[..., None]
    return jnp.where(jnp.abs(square - 1.0) <= _UNIT_TOLERANCE, vectors, normalize(vectors))


def cosine_similarity(query: jax.Array, embeddings: jax.Array) -> jax.Array:
    """Returns the cosines of unit (or zero) vectors in [-1, 1]; a zero vector has cosine 0 with everything.

    Args:
        query: `[D]` float32, one example.
        embeddings: `[N, D]` float32.
    """
    return jnp.clip(fixed_order_dot(embeddings, query[None, :]), -1.0, 1.0)


def masked_top_k(scores: jax.Array, mask: jax.Array, k: int) -> Retrieved:
    """Returns the `k` highest scores among the rows that `mask` allows; ties go to the lowest slot.

    Args:
        scores: `[N]` float32, one example; NaN counts as not allowed.
        mask: `[N]` bool, True where a row may be returned.
        k: static, 1 to N.

    Raises:
        ValueError: `k` is below 1 or above N.
    """
    capacity = scores.shape[0]
    _check_k(k, capacity)
    chex.assert_shape(mask, (capacity,))
    # `lax.top_k` ranks -0.0 below 0.0, but the two tie. XLA drops an addition of 0.0, and keeps this.
    scores = jnp.where(scores == 0, 0.0, scores)
    allowed = jnp.where(mask & ~jnp.isnan(scores), scores, -jnp.inf)
    if k > _LARGEST_UNROLLED_K:
        best, slots = jax.lax.top_k(allowed, k)
    else:
        best, slots = _top_k_by_maxima(allowed, k)
    valid = best > -jnp.inf
    return Retrieved(best, jnp.where(valid, slots, -1).astype(jnp.int32), valid)


def _top_k_by_maxima(scores: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    """Returns (scores `[k]`, slots `[k]`) by repeated maxima: on a CPU `top_k` and `argmax` are far dearer."""
    slot_numbers = jnp.arange(scores.shape[0], dtype=jnp.int32)
    best, slots = [], []
    for _ in range(k):
        maximum = jnp.max(scores)
        slot = lowest_slot(scores == maximum)
        best.append(maximum)
        slots.append(slot)
        scores = jnp.where(slot_numbers == slot, -jnp.inf, scores)
    return jnp.stack(best), jnp.stack(slots)


@functools.partial(jax.jit, static_argnames=("k", "normalized"))
def cosine_top_k(
    query: jax.Array, embeddings: jax.Array, mask: jax.Array | None = None, *, k: int, normalized: bool = False
) -> Retrieved:
    """Returns the `k` embeddings most similar to `query` by cosine, among those that `mask` allows.

    Always K results: what does not exist is marked by score -inf, slot -1 and valid False. Scores lie in [-1, 1];
    ties go to the lowest slot; never NaN for finite input; a zero vector has cosine 0 with everything.

    The kernel is picked by shape. One query `[D]` is one example: `vmap` for many libraries, a query each; its bits
    are the same alone and in any batch. Many queries `[B, D]` against one library take a matrix product, whose last
    bit depends on B and N: scores agree with the other kernel's to 1e-6, choices wherever scores differ by more.

    Args:
        query: `[D]` or `[B, D]` float32.
        embeddings: `[N, D]` float32.
        mask: `[N]` bool, True where a row may be returned, or `[B, N]` with queries `[B, D]`; None allows all.
        k: static, 1 to N.
        normalized: static; True promises that all vectors have length one or zero, and saves their normalisation.

    Raises:
        ValueError: `k` is below 1 or above N; with queries `[B, D]`, also a mask of another shape, or N >= 2**24.
    """
    chex.assert_rank([query, embeddings], [{1, 2}, 2])
    if not normalized:
        query, embeddings = normalize(query), normalize(embeddings)
    if query.ndim == 2:
        return _shared_top_k(query, embeddings, mask, k)
    if mask is None:
        mask = jnp.ones(embeddings.shape[0], bool)
    return masked_top_k(cosine_similarity(query, embeddings), mask, k)


def _shared_top_k(queries: jax.Array, embeddings: jax.Array, mask: jax.Array | None, k: int) -> Retrieved:
    """Returns what `cosine_top_k` does for `[B, D]` queries of unit (or zero) length, fields `[B, K]`."""
    _check_k(k, embeddings.shape[0])
    scores, slots = shared_top_k(queries, embeddings, mask, k)
    valid = scores > -jnp.inf
    return Retrieved(scores, jnp.where(valid, slots, -1), valid)


def _check_k(k: int, capacity: int) -> None:
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
        raise TypeError(f"k={k!r} is a {type(k).__name__}; give a whole number")
    if not 1 <= k <= capacity:
        raise ValueError(f"k={k} is outside 1 to capacity={capacity}; choose k in that range")
