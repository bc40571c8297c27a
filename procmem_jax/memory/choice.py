"""What a skill is expected to cost in a situation, in steps."""

import jax
import jax.numpy as jnp

from procmem_jax.memory.library import LibraryConfig, SkillLibrary, applicable, success_rates
from procmem_jax.memory.similarity import cosine_similarity, rounded_product
from procmem_jax.records import state_record

# What any mismatch costs, so that of two skills of one length the exact one wins.
_MISMATCH = 0.01


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
    library: SkillLibrary,
    query: jax.Array,
    predicates: jax.Array,
    config: LibraryConfig,
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
        library: one example.
        query: `[D]` float32, the embedding of the situation.
        predicates: `[P]` bool.
        config: static.
        num_coordinates: static, C, of the contexts behind the embeddings.
        match_tolerance: `()` float32, the distance C * (1 - cosine) up to which a skill is tried.
        merge_threshold: `()` float32, the cosine above which a situation counts as the same.
        distance_cost: `()` float32, steps per unit of distance.
        retire_rate: `()` float32 in [0, 1].
    """
    similarity = cosine_similarity(query, library.embeddings)
    distance = rounded_product(jnp.float32(num_coordinates), 1.0 - similarity)
    exact = library.used & (similarity > merge_threshold)
    rates = success_rates(library, config)
    allowed = applicable(library, predicates) & (distance < match_tolerance) & (rates >= retire_rate)
    steps = library.lengths.astype(jnp.float32)
    steps = steps + jnp.where(exact, 0.0, distance_cost * (distance + _MISMATCH))
    return Costs(steps, jnp.where(allowed, steps / jnp.maximum(rates, 1e-6), jnp.inf), exact, allowed)


def lowest_slot(costs: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (the lowest slot of the least cost `()` int32, that cost `()` float32) of `[N]` float32."""
    least = jnp.min(costs)
    slots = jnp.arange(costs.shape[0], dtype=jnp.int32)
    return jnp.min(jnp.where(costs == least, slots, costs.shape[0] - 1)), least
