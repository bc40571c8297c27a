"""What a skill is expected to cost in a situation, in steps."""

import functools

import jax
import jax.numpy as jnp

from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.similarity import cosine_similarity_of_columns, rounded_product
from procmem_jax.records import state_record

# What any mismatch costs, so that of two skills of one length the exact one wins.
_MISMATCH = 0.01


@state_record
class Index:
    """What a choice looks at of a library, laid out so that a CPU's vectors run along the slots.

    It changes only when skills are taken in, and is made anew then. Against reading `[N, D]` in place, one choice among
    64 skills takes about half the time.

    Attributes:
        keys: `[D, N]` float32, the embeddings in columns.
        lengths: `[N]` float32, steps; inf in empty slots.
        used: `[N]` bool.
        asked, wanted: `[ceil(P / 8), N]` uint8, which predicates the preconditions ask about and what they ask for,
            predicate p in bit p % 8 of row p // 8.
    """

    keys: jax.Array
    lengths: jax.Array
    used: jax.Array
    asked: jax.Array
    wanted: jax.Array

    def at(self, slot: jax.Array) -> "Index":
        """Returns the index of one slot (`()` int32) alone, N = 1."""
        return jax.tree.map(lambda column: column.at[..., slot, None].get(mode="promise_in_bounds"), self)


def make_index(library: SkillLibrary) -> Index:
    """Returns the index of a library, one example."""
    return Index(
        keys=library.embeddings.T,
        lengths=jnp.where(library.used, library.lengths.astype(jnp.float32), jnp.inf),
        used=library.used,
        asked=_pack(library.pre_mask.T),
        wanted=_pack(library.pre_value.T),
    )


def _pack(bits: jax.Array) -> jax.Array:
    """Returns `[P, ...]` bool as `[ceil(P / 8), ...]` uint8."""
    words = []
    for start in range(0, bits.shape[0], 8):
        row = bits[start : start + 8].astype(jnp.uint8)
        words.append(functools.reduce(jnp.bitwise_or, [row[n] << n for n in range(row.shape[0])]))
    return jnp.stack(words)


@state_record
class Costs:
    """What each slot's skill is expected to cost here.

    Attributes:
        steps: `[N]` float32, expected steps to its postcondition, as if it never failed.
        expected: `[N]` float32, these over the success rate; inf where the skill may not be chosen.
        exact: `[N]` bool, whether it was stored for the same situation.
        allowed: `[N]` bool, whether it applies, is similar enough, and has not been retired.
    """

    steps: jax.Array
    expected: jax.Array
    exact: jax.Array
    allowed: jax.Array


def skill_costs(
    index: Index,
    rates: jax.Array,
    query: jax.Array,
    predicates: jax.Array,
    *,
    num_coordinates: int,
    match_tolerance: jax.Array,
    merge_threshold: jax.Array,
    distance_cost: jax.Array,
    retire_rate: jax.Array,
) -> Costs:
    """Returns the cost of every skill in a situation: its length, more with distance, over its success rate.

    Sources: ACT-R's choice by gain and cost (Anderson & Lebiere 1998, "The atomic components of thought", chapter 3:
    P*G - C; with one goal in sight, the least C / P wins). A skill whose success rate falls below `retire_rate` is
    retired: it is not chosen again unless consolidation renews it.

    Args:
        index: of the library, one example.
        rates: `[N]` float32, its success rates.
        query: `[D]` float32, the embedding of the situation.
        predicates: `[P]` bool.
        num_coordinates: static, C, of the contexts behind the embeddings.
        match_tolerance: `()` float32, the distance C * (1 - cosine) up to which a skill is tried.
        merge_threshold: `()` float32, the cosine above which a situation counts as the same.
        distance_cost: `()` float32, steps per unit of distance.
        retire_rate: `()` float32 in [0, 1].
    """
    similarity = cosine_similarity_of_columns(query, index.keys)
    distance = rounded_product(jnp.float32(num_coordinates), 1.0 - similarity)
    exact = index.used & (similarity > merge_threshold)
    unmet = (index.wanted ^ _pack(predicates)[:, None]) & index.asked
    applies = index.used & functools.reduce(jnp.logical_and, [row == 0 for row in unmet])
    allowed = applies & (distance < match_tolerance) & (rates >= retire_rate)
    steps = index.lengths + jnp.where(exact, 0.0, distance_cost * (distance + _MISMATCH))
    return Costs(steps, jnp.where(allowed, steps / jnp.maximum(rates, 1e-6), jnp.inf), exact, allowed)
