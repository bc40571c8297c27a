"""What the tutorial's choice looks at of a library, laid out so that a CPU's vectors run along the slots."""

import jax
import jax.numpy as jnp

from procmem_jax.memory.library import EMPTY, SkillLibrary, packed, packed_hold
from procmem_jax.memory.similarity import cosine_similarity_of_columns
from procmem_jax.memory.slots import least_slot
from procmem_jax.records import state_record

_HEAD = 3  # entries of a query that may differ from zero


@state_record
class Index:
    """The part of a library that choices read, made anew when a skill is stored.

    Attributes:
        heads: `[3, N]` float32, the first entries of the embeddings in columns. Every query is zero in the others.
        asked, wanted: `[ceil((P + 1) / 8), N]` uint8, which predicates the preconditions ask about and what they ask
            for, packed. Empty slots want one predicate more, which never holds.
    """

    heads: jax.Array
    asked: jax.Array
    wanted: jax.Array


def make_index(library: SkillLibrary) -> Index:
    """Returns the index of a library, one example."""
    return Index(
        heads=library.embeddings[:, :_HEAD].T,
        asked=_packed(library.pre_mask.T, ~library.used),
        wanted=_packed(library.pre_value.T, ~library.used),
    )


def _packed(conditions: jax.Array, no_skill: jax.Array | bool = False) -> jax.Array:
    """Returns conditions `[P, ...]` and that of a slot without a skill, packed."""
    return packed(jnp.concatenate([conditions, jnp.broadcast_to(no_skill, (1, *conditions.shape[1:]))]))


def most_similar(index: Index, query: jax.Array, predicates: jax.Array) -> jax.Array:
    """Returns the slot of the applicable skill of the highest cosine with `query`, `()` int32, the lowest of several.

    -1 where no skill applies. That is what `retrieve` finds with K = 1, by the same sums.

    Args:
        index: one example.
        query: `[D]` float32, of length one, or zero, and zero behind its third entry.
        predicates: `[P]` bool.
    """
    applies = packed_hold(index.asked, index.wanted, _packed(predicates))
    cosines = cosine_similarity_of_columns(query[:_HEAD], index.heads)
    slot, least = least_slot(jnp.where(applies, -cosines, jnp.inf))
    return jnp.where(least < jnp.inf, slot, EMPTY)
