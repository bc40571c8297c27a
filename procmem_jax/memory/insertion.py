"""How a skill gets into a library: merged, stored in an empty slot, or in that of one which is given up."""

import dataclasses

import chex
import jax
import jax.numpy as jnp

from procmem_jax.memory.checks import all_inside, as_checked, as_float32
from procmem_jax.memory.eviction import slot_to_evict
from procmem_jax.memory.library import EMPTY, SkillLibrary, check_sizes, store, success_rates
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.similarity import cosine_similarity, to_unit
from procmem_jax.memory.skills import Skill, checked_skill
from procmem_jax.memory.slots import lowest_slot
from procmem_jax.records import state_record


@state_record
class Insertion:
    """What became of an inserted skill.

    Attributes:
        slot: `()` int32, where it is stored, or the skill it was merged into; -1 if nothing was done.
        merged: `()` bool.
        evicted_id: `()` int32, the id of the skill that made room, -1 for none.
    """

    slot: jax.Array
    merged: jax.Array
    evicted_id: jax.Array


def insert(
    library: SkillLibrary,
    skill: Skill,
    config: LibraryConfig,
    *,
    merge_threshold: jax.Array | float = 0.9,
    enabled: jax.Array | bool = True,
) -> tuple[SkillLibrary, Insertion]:
    """Returns the library with `skill` merged into it or stored in it, and what was done.

    A skill whose cosine with a stored one exceeds `merge_threshold` is not stored: the lowest such slot gains a merge
    (and, under the tutorial's counting, a success). Otherwise it takes the lowest empty slot, or in a full library
    that of the skill which the rule `config.eviction` gives up (or none, if that rule turns it away).

    The embedding may have any length, and is stored with length one; a zero vector stays zero, and has cosine 0 with
    everything. A skill whose embedding is not finite is never stored: the library stays as it is, and the insertion
    says slot -1. Other numbers that are out of bounds raise where they are known; where they are traced (inside `jit`
    or `vmap`), such a skill is not stored either.

    One example; `vmap` for batches. Arrays may be NumPy's.

    Args:
        library: one example.
        skill: one example.
        config: static.
        merge_threshold: `()` real number in [-1, 1].
        enabled: `()` bool; False leaves the library as it is.

    Raises:
        TypeError: a field or argument is of another kind.
        ValueError: it is of another shape, or known to be out of bounds.
    """
    check_sizes(library, config)
    library = jax.tree.map(jnp.asarray, library)
    skill, sound = checked_skill(skill, config)
    merge_threshold = as_checked("merge_threshold", merge_threshold, "real numbers")
    sound = sound & all_inside("merge_threshold", merge_threshold, -1.0, 1.0)
    return insert_unit(
        library,
        dataclasses.replace(skill, embedding=to_unit(skill.embedding)),
        config,
        merge_threshold=as_float32(merge_threshold),
        enabled=sound & jnp.asarray(as_checked("enabled", enabled, "booleans")),
    )


def insert_unit(
    library: SkillLibrary,
    skill: Skill,
    config: LibraryConfig,
    *,
    merge_threshold: jax.Array | float = 0.9,
    enabled: jax.Array | bool = True,
) -> tuple[SkillLibrary, Insertion]:
    """Returns what `insert` does, to the bit, of a skill that is known to be sound: nothing of it is checked.

    For memories that make their skills themselves: every field in its own dtype and within its bounds, the embedding of
    length one or zero. Anything else gives wrong similarities or wrong actions without a word.

    Args: as for `insert`.
    """
    chex.assert_shape(skill.embedding, (config.embedding_size,))
    chex.assert_shape(skill.actions, (config.max_skill_length,))
    capacity = config.capacity
    enabled = jnp.asarray(enabled, jnp.bool_)
    slots = jnp.arange(capacity, dtype=jnp.int32)
    similar = library.used & (cosine_similarity(skill.embedding, library.embeddings) > merge_threshold)
    similar_slot = lowest_slot(similar)
    empty_slot = lowest_slot(~library.used)
    full = empty_slot == capacity
    merging = enabled & (similar_slot < capacity)
    store_slot = jnp.where(full, slot_to_evict(library, success_rates(library, config), config.eviction), empty_slot)
    storing = enabled & ~merging & (store_slot != EMPTY)
    library = _count_merge(library, (slots == similar_slot) & merging, config)
    evicted_id = jnp.min(jnp.where((slots == store_slot) & storing, library.skill_ids, jnp.iinfo(jnp.int32).max))
    evicting = storing & full
    insertion = Insertion(
        slot=jnp.where(merging, similar_slot, jnp.where(storing, store_slot, EMPTY)),
        merged=merging,
        evicted_id=jnp.where(evicting, evicted_id, EMPTY),
    )
    library = store(library, skill, jnp.where(storing, store_slot, EMPTY))
    library = dataclasses.replace(
        library,
        clock=library.clock + enabled.astype(jnp.int32),
        num_evictions=library.num_evictions + evicting.astype(jnp.int32),
    )
    return library, insertion


def _count_merge(library: SkillLibrary, here: jax.Array, config: LibraryConfig) -> SkillLibrary:
    successes = library.success_counts
    if config.counting == "tutorial":
        successes = successes + here.astype(jnp.int32)
    return dataclasses.replace(
        library, success_counts=successes, merge_counts=library.merge_counts + here.astype(jnp.int32)
    )
