"""Which skills of a library are best for a situation."""

import jax
import jax.numpy as jnp

from procmem_jax.memory.checks import as_checked, as_float32
from procmem_jax.memory.library import EMPTY, SkillLibrary, applicable, check_sizes, success_rates
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.similarity import cosine_top_k, masked_top_k, to_unit
from procmem_jax.records import state_record


@state_record
class RetrievedSkills:
    """The K best skills of one library, best first.

    Attributes:
        scores: `[K]` float32; -inf where not valid.
        slots: `[K]` int32, where they are now; -1 where not valid.
        valid: `[K]` bool.
        skill_ids: `[K]` int32, which they are: slots are given to other skills, ids never; -1 where not valid.
    """

    scores: jax.Array
    slots: jax.Array
    valid: jax.Array
    skill_ids: jax.Array


def retrieve(
    library: SkillLibrary,
    predicates: jax.Array,
    config: LibraryConfig,
    *,
    query: jax.Array | None = None,
    k: int = 1,
) -> RetrievedSkills:
    """Returns the `k` best applicable skills, best first: by cosine with `query`, without one by success rate.

    Always K results: what does not exist is marked by score -inf, slot and id -1 and valid False. Cosines lie in
    [-1, 1]; ties go to the lowest slot; a zero query has cosine 0 with everything; one that is not finite
    finds nothing.

    One example; `vmap` for batches. Arrays may be NumPy's.

    Args:
        library: one example.
        predicates: `[P]` bool, what holds now.
        config: static.
        query: `[D]` real numbers, a vector of any length, or None.
        k: static, 1 to N.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: one is of another shape, or `k` is below 1 or above the capacity.
    """
    check_sizes(library, config)
    library = jax.tree.map(jnp.asarray, library)
    mask = applicable(
        library, jnp.asarray(as_checked("predicates", predicates, "booleans", num_predicates=config.num_predicates))
    )
    if query is not None:
        query = as_float32(as_checked("query", query, "real numbers", embedding_size=config.embedding_size))
        mask = mask & jnp.all(jnp.isfinite(query))
        query = to_unit(query)
        found = cosine_top_k(query, library.embeddings, mask, k=k, normalized=True)
    else:
        found = masked_top_k(success_rates(library, config), mask, k)
    ids = library.skill_ids[jnp.maximum(found.slots, 0)]
    return RetrievedSkills(found.scores, found.slots, found.valid, jnp.where(found.valid, ids, EMPTY))
