"""Top-k of many queries against one shared library: a matrix product in blocks, and maxima down its columns.

The scores of 256 queries and 1,024 slots stand as `[N, B]` in cache: a maximum over the slots is then a loop over
vectors of queries. The k best lie in the k groups of 8 neighbouring slots whose maxima are highest, so repeated
maxima look for the groups first and then inside them. With more blocks of slots, the k best so far meet those of the
next block. What was rejected, in microseconds a query (D = 64, 2 cores of an AMD EPYC that other work shared, so
compare only what one clause names: those were timed in turns):

- N = 1,024, K = 1: all queries in one block 3.6, in blocks 1.6; by groups 1.9, without 1.7.
- K = 4 and 10: scores as `[B, N]`, groups across the row 2.1 and 3.5, as `[N, B]` 1.3 and 2.1; with a mask `[B, N]`,
  2.2 and 3.5 against 2.1 and 2.6.
- K = 10: `lax.top_k` in blocks 4.9, groups 2.8, groups of groups no less; `take_along_axis` 2.8, one flat index 2.5.
- N = 65,536, K = 1: blocks of 256 queries 64, of 512 57. For K = 10 those of 512 are slower: 165 against 127.
- K = 1 on 2 cores of an Intel Xeon: blocks of 512 queries 1.13 (N = 1,024) and 66 (N = 65,536), of 1,024 0.97 and 61.
- A mask `[B, N]` there: transposed where it stands 200, cut into blocks of slots first 101 (not timed in turns).
"""

import jax
import jax.numpy as jnp

_QUERIES_A_BLOCK = 256
_QUERIES_A_BLOCK_FOR_ONE = 1024
_SLOTS_A_BLOCK = 1024
_SLOTS_A_GROUP = 8
_LANES = 16
_LARGEST_K_BY_MAXIMA = 32
_BEYOND_ALL_SLOTS = 2**24


def shared_top_k(
    queries: jax.Array, embeddings: jax.Array, mask: jax.Array | None, k: int
) -> tuple[jax.Array, jax.Array]:
    """Returns (scores `[B, K]` float32, slots `[B, K]` int32): for each query its `k` highest cosines, best first.

    Ties go to the lowest slot. Where fewer than `k` slots are allowed, the rest has score -inf and any slot.

    Args:
        queries: `[B, D]` float32, unit length or zero.
        embeddings: `[N, D]` float32, unit length or zero.
        mask: `[N]` or `[B, N]` bool, True where a slot may be returned; None allows all.
        k: static, 1 to N.

    Raises:
        ValueError: N is 2**24 or more, too many for the slot numbers that are kept as floats; or `mask` has another
            shape.
    """
    num_queries, capacity = queries.shape[0], embeddings.shape[0]
    if capacity >= _BEYOND_ALL_SLOTS:
        raise ValueError(f"capacity={capacity} is not below 2**24={_BEYOND_ALL_SLOTS}; split the library")
    if mask is not None and mask.shape not in ((capacity,), (num_queries, capacity)):
        raise ValueError(f"mask has shape {mask.shape}; give [N]={(capacity,)} or [B, N]={(num_queries, capacity)}")
    largest = _QUERIES_A_BLOCK_FOR_ONE if k == 1 else _QUERIES_A_BLOCK
    query_shape = _block_shape(num_queries, largest, _LANES)
    slot_shape = _block_shape(capacity, _SLOTS_A_BLOCK, _SLOTS_A_GROUP)
    slot_blocks = _blocks(embeddings, slot_shape)

    def search(block):
        block_queries, block_mask = block
        return _query_block_top_k(block_queries, block_mask, slot_blocks, k)

    blocks = _blocks(queries, query_shape), _mask_blocks(mask, capacity, query_shape, slot_shape)
    scores, slots = (x.reshape(-1, k)[:num_queries] for x in jax.lax.map(search, blocks))
    # The maximum of -0.0 and 0.0 is either.
    return jnp.where(scores == 0, 0.0, scores), slots.astype(jnp.int32)


def _block_shape(count: int, largest: int, multiple: int) -> tuple[int, int]:
    """Returns (number, size) of equal blocks for `count` items: a size of about `largest` at most, a `multiple`."""
    number = max(1, -(-count // largest))
    return number, -(-max(1, count) // (number * multiple)) * multiple


def _blocks(rows: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Returns `[rows, X]` as `[number, size, X]`, the last block filled up with zeros (False in a mask)."""
    number, size = shape
    return jnp.pad(rows, ((0, number * size - rows.shape[0]), (0, 0))).reshape(number, size, rows.shape[1])


def _mask_blocks(
    mask: jax.Array | None, capacity: int, query_shape: tuple[int, int], slot_shape: tuple[int, int]
) -> jax.Array | None:
    """Returns `[query blocks, B or 1, slots]` bool, False in the slots that only fill up; None if all are allowed."""
    num_slots = slot_shape[0] * slot_shape[1]
    if mask is None and num_slots == capacity:
        return None
    if mask is None:
        mask = jnp.ones(capacity, bool)
    filled = jnp.pad(mask, ((0, 0),) * (mask.ndim - 1) + ((0, num_slots - capacity),))
    if mask.ndim == 2:
        return _blocks(filled, query_shape)
    return jnp.broadcast_to(filled[None, None, :], (query_shape[0], 1, num_slots))


def _query_block_top_k(
    queries: jax.Array, mask: jax.Array | None, slot_blocks: jax.Array, k: int
) -> tuple[jax.Array, jax.Array]:
    """Returns (scores, slots float32), both `[B, K]`, of one block of queries over all blocks of slots.

    Args:
        queries: `[B, D]` float32.
        mask: `[B, N]` or `[1, N]` bool, or None.
        slot_blocks: `[blocks, slots, D]` float32.
        k: static.
    """
    number, size, _ = slot_blocks.shape
    first_slots = jnp.arange(number, dtype=jnp.float32) * size
    if mask is not None:
        mask = mask.reshape(-1, number, size).swapaxes(0, 1)
    blocks = slot_blocks, mask, first_slots
    if k > _LARGEST_K_BY_MAXIMA:
        return _top_k_by_sorting(queries, blocks, k)

    def candidates(block):
        embeddings, block_mask, first_slot = block
        scores, slots = _candidates(_masked_cosines(queries, embeddings, block_mask), k)
        return scores, first_slot + slots

    def merge(best, block):
        merged = (jnp.concatenate(pair) for pair in zip(best, candidates(block), strict=True))
        return _top_k_of_columns(*merged, k), None

    first, others = jax.tree.map(lambda x: x[0], blocks), jax.tree.map(lambda x: x[1:], blocks)
    best = _top_k_of_columns(*candidates(first), k)
    if number > 1:
        best, _ = jax.lax.scan(merge, best, others)
    return best[0].T, best[1].T


def _masked_cosines(queries: jax.Array, embeddings: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Returns `[N, B]` cosines of `[B, D]` and `[N, D]` in [-1, 1]; -inf where NaN or not in `mask` (`[B or 1, N]`)."""
    cosines = jnp.dot(embeddings, queries.T, precision=jax.lax.Precision.HIGHEST)
    allowed = ~jnp.isnan(cosines)
    if mask is not None:
        allowed &= mask.T
    return jnp.where(allowed, jnp.clip(cosines, -1.0, 1.0), -jnp.inf)


def _top_k_by_sorting(queries: jax.Array, blocks: tuple, k: int) -> tuple[jax.Array, jax.Array]:
    """Returns what `_query_block_top_k` does, for any `k`."""
    scores = jax.lax.map(lambda block: _masked_cosines(queries, block[0], block[1]), blocks)
    scores = scores.reshape(-1, queries.shape[0]).T
    # `lax.top_k` ranks -0.0 below 0.0, but the two tie.
    best, slots = jax.lax.top_k(jnp.where(scores == 0, 0.0, scores), k)
    return best, slots.astype(jnp.float32)


def _candidates(scores: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    """Returns (scores, slots float32), both `[M, B]`, among which are the top `k` of every column of `[N, B]`."""
    num_slots, num_queries = scores.shape
    num_groups = num_slots // _SLOTS_A_GROUP
    if k == 1 or num_groups <= k:
        return _top_k_of_columns(scores, _numbered_rows(num_slots, num_queries), k)
    maxima = jnp.max(scores.reshape(num_groups, _SLOTS_A_GROUP, num_queries), axis=1)
    _, groups = _top_k_of_columns(maxima, _numbered_rows(num_groups, num_queries), k)
    within = jnp.arange(_SLOTS_A_GROUP, dtype=jnp.float32)
    slots = (groups[:, None, :] * _SLOTS_A_GROUP + within[None, :, None]).reshape(-1, num_queries)
    columns = jnp.arange(num_queries, dtype=jnp.int32)[None, :]
    positions = slots.astype(jnp.int32) * num_queries + columns
    return scores.reshape(-1).at[positions].get(mode="clip"), slots


def _numbered_rows(num_rows: int, num_columns: int) -> jax.Array:
    return jnp.broadcast_to(jnp.arange(num_rows, dtype=jnp.float32)[:, None], (num_rows, num_columns))


def _top_k_of_columns(scores: jax.Array, slots: jax.Array, k: int) -> tuple[jax.Array, jax.Array]:
    """Returns (scores, slots), both `[K, B]`: the `k` highest of each column of `[M, B]`, ties to the lowest slot.

    A slot that stands in a column twice (a group of which nothing is allowed may do so) is taken once.
    """
    best, chosen = [], []
    for _ in range(k):
        maximum = jnp.max(scores, axis=0)
        at_maximum = scores == maximum[None, :]
        slot = jnp.min(jnp.where(at_maximum, slots, jnp.float32(_BEYOND_ALL_SLOTS)), axis=0)
        best.append(maximum)
        chosen.append(slot)
        scores = jnp.where(slots == slot[None, :], -jnp.inf, scores)
    return jnp.stack(best), jnp.stack(chosen)
