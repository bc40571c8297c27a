"""How the default memory takes a new skill in: admission, merging that keeps the better, room by utility."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.memory.default.choice import Index, skill_costs
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.default.used_slots import least_that_serves, over_used_slots
from procmem_jax.memory.eviction import slot_to_evict
from procmem_jax.memory.library import EMPTY, SkillLibrary, store
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import Skill
from procmem_jax.memory.slots import lowest_slot


def consolidate_skill(
    library: SkillLibrary,
    index: Index,
    skill: Skill,
    config: LibraryConfig,
    params: DefaultMemoryParams,
    *,
    num_coordinates: int,
    keep_better: bool,
    admission: bool,
    protected_slot: jax.Array,
    enabled: jax.Array,
) -> tuple[SkillLibrary, Index]:
    """Returns (library, its index) after a candidate has been merged, stored or turned away.

    * A candidate for the same situation and precondition as a stored skill is merged: with `keep_better` it takes that
      skill's place if it is shorter, or if that one is retired (its way back); a merge is never a success.
    * With `admission`, any other is turned away if the library already expects to get there in as few steps (the
      utility problem: Minton 1988, "Quantitative results concerning the utility of explanation-based learning").
    * The rest is stored in the lowest empty slot, or in that of the skill which the eviction rule gives up
      (or none, if a rule of the user's turns it away).

    Args:
        library: one example.
        index: of the library.
        skill: one example.
        config: static.
        params: of the memory.
        num_coordinates: as for `skill_costs`.
        keep_better, admission: static switches.
        protected_slot: `()` int32, the slot of the running skill, which is not overwritten; -1 for none.
        enabled: `()` bool; False leaves the library as it is.
    """
    rates, capacity = index.rates, config.capacity
    skills = index, library.reach, library.used
    compared = functools.partial(_compare_with, capacity=capacity, num_coordinates=num_coordinates)
    found = over_used_slots(compared, library.used, skills, skill.embedding, skill.pre_value, params, most_sizes=2)
    same_slot, foreseen, empty_slot = computed_once(found)
    merging = same_slot < capacity
    at_same = jnp.minimum(same_slot, capacity - 1)
    better = (skill.length < library.lengths[at_same]) | (rates[at_same] < params.retire_rate)
    known = (foreseen <= skill.length.astype(jnp.float32)) & admission
    full = empty_slot == capacity
    given_up = least_that_serves(
        full.astype(jnp.int32),
        [lambda *_: jnp.int32(EMPTY), functools.partial(slot_to_evict, rule=config.eviction)],
        library,
        rates,
    )
    fresh_slot = jnp.where(full, given_up, empty_slot)
    slot = jnp.where(merging, at_same, fresh_slot)
    writes = jnp.where(merging, better & keep_better, ~known) & enabled & (slot != protected_slot) & (slot != EMPTY)
    slot, writes = computed_once((slot, writes))
    evicts = writes & full & ~merging
    merge_counts = library.merge_counts.at[jnp.where(enabled, same_slot, capacity)].add(1, mode="drop")
    library = dataclasses.replace(library, merge_counts=merge_counts)
    place = jnp.where(writes, slot, EMPTY)
    library = store(
        library,
        skill,
        place,
        uses=jnp.where(merging, library.use_counts[at_same], 0),
        merges=jnp.where(merging, merge_counts[at_same], 0),
        created=jnp.where(merging, library.created[at_same], library.clock),
    )
    library = dataclasses.replace(
        library,
        clock=library.clock + enabled.astype(jnp.int32),
        num_evictions=library.num_evictions + evicts.astype(jnp.int32),
    )
    return library, index.after_storing(skill, place)


def _compare_with(skills, embedding, predicates, params, *, capacity: int, num_coordinates: int):
    """Returns (slot of a skill for the same, N if there is none; least steps foreseen; lowest empty slot), `()` each.

    Args:
        skills: (index, reach, which slots are used), of the first slots or of all.
        embedding, predicates: of the candidate's situation.
        params: of the memory.
        capacity: N.
        num_coordinates: as for `skill_costs`.
    """
    index, reach, used = skills
    costs = skill_costs(index, embedding, predicates, params, num_coordinates=num_coordinates, reach=reach)
    steps, exact, allowed = computed_once((costs.steps, costs.exact, costs.allowed))
    same = exact & index.wants(predicates)
    lowest = lowest_slot(same)
    same_slot = jnp.where(lowest < used.shape[0], lowest, capacity)
    return same_slot, jnp.min(jnp.where(allowed & ~same, steps, jnp.inf)), lowest_slot(~used)
