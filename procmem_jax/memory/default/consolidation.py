"""How the default memory takes a new skill in: admission, merging that keeps the better, room by utility."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.memory.default.choice import make_index, skill_costs
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.eviction import slot_to_evict
from procmem_jax.memory.library import EMPTY, SkillLibrary, store, success_rates
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import Skill
from procmem_jax.memory.slots import lowest_slot


def consolidate_skill(
    library: SkillLibrary,
    skill: Skill,
    config: LibraryConfig,
    params: DefaultMemoryParams,
    *,
    num_coordinates: int,
    keep_better: bool,
    admission: bool,
    protected_slot: jax.Array,
    enabled: jax.Array,
) -> SkillLibrary:
    """Returns the library after a candidate has been merged, stored or turned away.

    * A candidate for the same situation and precondition as a stored skill is merged: with `keep_better` it takes that
      skill's place if it is shorter, or if that one is retired (its way back); a merge is never a success.
    * With `admission`, any other is turned away if the library already expects to get there in as few steps (the
      utility problem: Minton 1988, "Quantitative results concerning the utility of explanation-based learning").
    * The rest is stored in the lowest empty slot, or in that of the skill which the eviction rule gives up
      (or none, if a rule of the user's turns it away).

    Args:
        library: one example.
        skill: one example.
        config: static.
        params: of the memory.
        num_coordinates: as for `skill_costs`.
        keep_better, admission: static switches.
        protected_slot: `()` int32, the slot of the running skill, which is not overwritten; -1 for none.
        enabled: `()` bool; False leaves the library as it is.
    """
    rates = success_rates(library, config)
    index = make_index(library)
    costs = skill_costs(
        index, rates, skill.embedding, skill.pre_value, params, num_coordinates=num_coordinates, reach=library.reach
    )
    capacity = config.capacity
    same = costs.exact & jnp.all(library.pre_value == skill.pre_value[None, :], axis=-1)
    same_slot = lowest_slot(same)
    merging = same_slot < capacity
    at_same = jnp.minimum(same_slot, capacity - 1)
    better = (skill.length < library.lengths[at_same]) | (rates[at_same] < params.retire_rate)
    foreseen = jnp.min(jnp.where(costs.allowed & ~same, costs.steps, jnp.inf))
    known = (foreseen <= skill.length.astype(jnp.float32)) & admission
    empty_slot = lowest_slot(~library.used)
    full = empty_slot == capacity
    fresh_slot = jnp.where(full, slot_to_evict(library, rates, config.eviction), empty_slot)
    slot = jnp.where(merging, at_same, fresh_slot)
    writes = jnp.where(merging, better & keep_better, ~known) & enabled & (slot != protected_slot) & (slot != EMPTY)
    evicts = writes & full & ~merging
    merge_counts = library.merge_counts + ((jnp.arange(capacity, dtype=jnp.int32) == same_slot) & enabled).astype(
        jnp.int32
    )
    library = dataclasses.replace(library, merge_counts=merge_counts)
    library = store(
        library,
        skill,
        jnp.where(writes, slot, EMPTY),
        uses=jnp.where(merging, library.use_counts[at_same], 0),
        merges=jnp.where(merging, merge_counts[at_same], 0),
        created=jnp.where(merging, library.created[at_same], library.clock),
    )
    return dataclasses.replace(
        library,
        clock=library.clock + enabled.astype(jnp.int32),
        num_evictions=library.num_evictions + evicts.astype(jnp.int32),
    )
