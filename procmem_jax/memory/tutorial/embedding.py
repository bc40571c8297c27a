"""The tutorial's embedding: a code of the place, two predicates, then a code for each action."""

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.records import state_record
from procmem_jax.streams import mixed

_NUM_CODES = 1000
# A table, since XLA turns a division by a constant into a product, which misses every second code by a bit.
_CODES = (np.arange(_NUM_CODES) / _NUM_CODES).astype(np.float32)
_ACTION_SALT = 0x80000000  # above every number of a cell
_COLUMN_STRIDE = 1 << 16  # a cell's code must not change with the side of the table
_NORM_GUARD = 1e-8


@state_record
class CodeTables:
    """What stands in for Python's `hash()` in the tutorial's embedding, which differs with every process.

    Attributes:
        position_codes: `[S, S]` float32 in [0, 1), by column and row.
        action_codes: `[num_actions]` float32 in [0, 1).
    """

    position_codes: jax.Array
    action_codes: jax.Array


def hashed_code_tables(table_number: jax.Array, side: int, num_actions: int) -> CodeTables:
    """Returns the code tables with number `table_number`, by a fixed hash: multiples of 1/1000, like the tutorial's.

    Args:
        table_number: `()` uint32, one example.
        side: static, S, cells along a side.
        num_actions: static.
    """
    base = mixed(jnp.asarray(table_number, jnp.uint32) + jnp.uint32(1))

    def codes(numbers: jax.Array) -> jax.Array:
        remainder = mixed(base ^ mixed(numbers)) % jnp.uint32(_NUM_CODES)
        return jnp.asarray(_CODES).at[remainder].get(mode="promise_in_bounds")

    coordinates = jnp.arange(side, dtype=jnp.uint32)
    positions = coordinates[:, None] * jnp.uint32(_COLUMN_STRIDE) + coordinates[None, :]
    actions = jnp.arange(num_actions, dtype=jnp.uint32) + jnp.uint32(_ACTION_SALT)
    return CodeTables(codes(positions), codes(actions))


def _unit(vector: jax.Array) -> jax.Array:
    """Returns `vector` (`[D]` float32, entries in [0, 1]) over its length, zero for a zero vector.

    Codes are multiples of 1/1000, so their squares times a million are whole numbers, and the sum is exact in any
    order: skills that differ only in the order of their actions get exactly equal lengths, and their similarities to
    a query tie exactly, as they do on paper.
    """
    millionths = jnp.round(vector * vector * 1e6).astype(jnp.int32)
    norm = jnp.sqrt(jnp.sum(millionths, dtype=jnp.int32).astype(jnp.float32) * 1e-6)
    return vector / (norm + _NORM_GUARD)


def tutorial_query(context: jax.Array, predicates: jax.Array, embedding_size: int) -> jax.Array:
    """Returns the embedding of a situation, `[D]` float32: a skill's without its actions.

    Args:
        context: `[1]` float32, the position's code.
        predicates: `[P]` bool, of which the first two (has_key, door_open) are used.
        embedding_size: static, D >= 3.
    """
    head = jnp.concatenate([context, predicates[:2].astype(jnp.float32)])
    return _unit(jnp.pad(head, (0, embedding_size - 3)))


def tutorial_embedding(
    context: jax.Array,
    predicates: jax.Array,
    actions: jax.Array,
    length: jax.Array,
    action_codes: jax.Array,
    embedding_size: int,
) -> jax.Array:
    """Returns the tutorial's embedding of a skill, `[D]` float32 of length one or zero.

    Entry 0 is the code of the first position, entries 1 and 2 are has_key and door_open there, entry 3 + i the code of
    action i as far as there is room; the rest is zero.

    Args:
        context: `[1]` float32, the code of the position in which the skill starts.
        predicates: `[P]` bool, in the same place.
        actions: `[L]` int8 or int16.
        length: `()` int8, steps; actions from there on do not count.
        action_codes: `[num_actions]` float32.
        embedding_size: static, D >= 3.
    """
    room = min(embedding_size - 3, actions.shape[0])
    index = jnp.arange(room, dtype=jnp.int8)
    numbers = jnp.arange(action_codes.shape[0], dtype=actions.dtype)
    chosen = actions[:room, None] == numbers[None, :]
    codes = jnp.sum(jnp.where(chosen, action_codes[None, :], 0.0), axis=-1)  # one term at most is not zero
    tail = jnp.pad(jnp.where(index < length, codes, 0.0), (0, embedding_size - 3 - room))
    return _unit(jnp.concatenate([context, predicates[:2].astype(jnp.float32), tail]))
