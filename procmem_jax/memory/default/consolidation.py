"""How the default memory takes a new skill in: admission, merging that keeps the better, room by utility."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.memory.default.choice import Index, skill_costs
from procmem_jax.memory.default.knowledge.values import Values, change_of, steps_after
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.default.segments import suffix_skill
from procmem_jax.memory.default.state import DefaultMemoryState
from procmem_jax.memory.default.used_slots import least_that_serves, over_used_slots, times_that_serve
from procmem_jax.memory.eviction import slot_to_evict
from procmem_jax.memory.library import EMPTY, SkillLibrary, store
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import Skill
from procmem_jax.memory.slots import least, lowest_slot


def take_in_suffixes(
    state: DefaultMemoryState,
    memory: Any,
    config: LibraryConfig,
    params: DefaultMemoryParams,
    *,
    embed: Callable[[jax.Array], jax.Array],
    weights: jax.Array | None,
    enabled: jax.Array,
) -> tuple[SkillLibrary, Index]:
    """Returns (library, its index) with the suffixes of the kept segment taken in, shortest first.

    Args:
        state: one example.
        memory: static, the `DefaultMemory`.
        config: static.
        params: of the memory.
        embed: of a context.
        weights, enabled: as for `consolidate_skill`.
    """
    segment, longest = state.segment, memory.max_skill_length

    def take_in(number: jax.Array, carry: tuple[SkillLibrary, Index]) -> tuple[SkillLibrary, Index]:
        length = jnp.asarray(number, jnp.int32) + 1
        wanted = length <= segment.num_steps
        if not memory.suffixes:
            wanted = wanted & (length == segment.num_steps)
        return consolidate_skill(
            *carry,
            suffix_skill(segment, state.path, length, longest, embed),
            config,
            params,
            num_coordinates=state.path.contexts.shape[1],
            keep_better=memory.keep_better,
            admission=memory.admission,
            protected_slot=state.running if state.judged is None else jnp.maximum(state.running, state.judged),
            enabled=enabled & wanted,
            weights=weights,
            values=state.values,
        )

    times = times_that_serve(segment.num_steps, longest)
    return jax.lax.fori_loop(0, times, take_in, (state.library, state.index))


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
    weights: jax.Array | None = None,
    values: Values | None = None,
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
        weights: `[C]` float32, how much each coordinate counts for this skill, if they have weights.
        values: what is known of the ways to success; with them steps are those to there.
    """
    rates, capacity = index.rates, config.capacity
    skills = index, library.reach, library.used
    compared = functools.partial(_compare_with, capacity=capacity, num_coordinates=num_coordinates)
    candidate = skill.embedding, skill.pre_value, params, values
    found = over_used_slots(compared, library.used, skills, *candidate, most_sizes=2)
    same_slot, foreseen, empty_slot = computed_once(found)
    merging = same_slot < capacity
    at_same = jnp.minimum(same_slot, capacity - 1)
    length, stored_length = skill.length.astype(jnp.float32), library.lengths[at_same].astype(jnp.float32)
    if values is not None:
        stored_length += steps_after(values, skill.pre_value, index.changes[at_same])
        length += steps_after(values, skill.pre_value, change_of(skill.post_mask, skill.post_value))
    better = (length < stored_length) | (rates[at_same] < params.retire_rate)
    known = (foreseen <= length) & admission
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
    return library, index.after_storing(skill, place, weights)


def _compare_with(skills, embedding, predicates, params, values, *, capacity: int, num_coordinates: int):
    """Returns (slot of a skill for the same, N if there is none; least steps foreseen; lowest empty slot), `()` each.

    Args:
        skills: (index, reach, which slots are used), of the first slots or of all.
        embedding, predicates: of the candidate's situation.
        params: of the memory.
        values: as for `consolidate_skill`.
        capacity: N.
        num_coordinates: as for `skill_costs`.
    """
    index, reach, used = skills
    here = embedding, predicates, params
    costs = skill_costs(index, *here, num_coordinates=num_coordinates, reach=reach, all_used=True)
    steps, exact, allowed = computed_once((costs.steps, costs.exact, costs.allowed))
    if values is not None:
        steps = steps + steps_after(values, predicates, index.changes)
    same = exact & index.wants(predicates)
    lowest = lowest_slot(same)
    same_slot = jnp.where(lowest < used.shape[0], lowest, capacity)
    return same_slot, least(jnp.where(allowed & ~same, steps, jnp.inf)), lowest_slot(~used)
