"""The skill library: a fixed number of slots, filled, merged, retrieved from and evicted by pure functions."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp

from procmem_jax.memory.eviction import EVICTION_RULES, slot_to_evict
from procmem_jax.memory.similarity import (
    Retrieved,
    cosine_similarity,
    cosine_top_k,
    fixed_order_sum,
    masked_top_k,
)
from procmem_jax.memory.slots import lowest_slot
from procmem_jax.records import check_settings, setting, state_record

EMPTY = -1  # the skill id of an unused slot, and the slot of "no skill"
NO_LABEL = -1


@dataclasses.dataclass(frozen=True)
class LibraryConfig:
    """What decides the shapes and rules of a library (static).

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    capacity: int = setting(16, "slots of a library (N)", minimum=1, maximum=65536)
    embedding_size: int = setting(8, "length of an embedding (D)", minimum=3, maximum=1024)
    max_skill_length: int = setting(5, "actions of the longest skill, steps (L)", minimum=1, maximum=127)
    num_predicates: int = setting(3, "predicates of the environment (P)", minimum=1, maximum=64)
    eviction: str = setting("lru", "which skill a full library gives up", choices=EVICTION_RULES)
    counting: str = setting(
        "outcomes",
        "outcomes: failures count, a merge is no success, rate (s+1)/(s+f+2); "
        "tutorial: failures do not count, a merge is a success, rate s/max(uses,1)",
        choices=("outcomes", "tutorial"),
    )

    def __post_init__(self):
        check_settings(self)


@state_record
class Skill:
    """One skill on its way into a library.

    Attributes:
        embedding: `[D]` float32, unit length (or zero).
        actions: `[L]` int8; entries from `length` on are not looked at.
        length: `()` int8, 1 to L steps.
        pre_mask: `[P]` bool, which predicates the precondition asks about.
        pre_value: `[P]` bool, what it asks of them.
        post_mask, post_value: `[P]` bool, likewise for the postcondition.
        label: `()` int8, the predicate that names the skill, -1 for none.
        successes: `()` int32, the successes that the skill starts with.
    """

    embedding: jax.Array
    actions: jax.Array
    length: jax.Array
    pre_mask: jax.Array
    pre_value: jax.Array
    post_mask: jax.Array
    post_value: jax.Array
    label: jax.Array
    successes: jax.Array


@state_record
class SkillLibrary:
    """A library with N slots of which some hold a skill.

    Attributes:
        embeddings: `[N, D]` float32.
        actions: `[N, L]` int8.
        lengths: `[N]` int8, steps.
        pre_mask, pre_value, post_mask, post_value: `[N, P]` bool.
        labels: `[N]` int8.
        skill_ids: `[N]` int32, the order in which skills were stored, from 0; never used twice; -1 in empty slots.
        success_counts, failure_counts, use_counts, merge_counts: `[N]` int32.
        created: `[N]` int32, the value of `clock` when the skill was stored.
        last_used: `[N]` int32, the same when it was stored or last used.
        clock: `()` int32, insertions and outcomes so far.
        next_id: `()` int32, the id of the next stored skill.
        num_evictions: `()` int32, skills given up because the library was full.
    """

    embeddings: jax.Array
    actions: jax.Array
    lengths: jax.Array
    pre_mask: jax.Array
    pre_value: jax.Array
    post_mask: jax.Array
    post_value: jax.Array
    labels: jax.Array
    skill_ids: jax.Array
    success_counts: jax.Array
    failure_counts: jax.Array
    use_counts: jax.Array
    merge_counts: jax.Array
    created: jax.Array
    last_used: jax.Array
    clock: jax.Array
    next_id: jax.Array
    num_evictions: jax.Array

    @property
    def used(self) -> jax.Array:
        """`[N]` bool, which slots hold a skill."""
        return self.skill_ids != EMPTY


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


@state_record
class Summary:
    """Statistics of one library: `total_skills`, `total_uses` (`()` int32), `mean_success_rate` (`()` float32)."""

    total_skills: jax.Array
    total_uses: jax.Array
    mean_success_rate: jax.Array


def empty(config: LibraryConfig) -> SkillLibrary:
    """Returns a library without skills."""
    slots, predicates = config.capacity, config.num_predicates

    def conditions():
        return jnp.zeros((slots, predicates), jnp.bool_)

    def counts():
        return jnp.zeros((slots,), jnp.int32)

    return SkillLibrary(
        embeddings=jnp.zeros((slots, config.embedding_size), jnp.float32),
        actions=jnp.zeros((slots, config.max_skill_length), jnp.int8),
        lengths=jnp.zeros((slots,), jnp.int8),
        pre_mask=conditions(),
        pre_value=conditions(),
        post_mask=conditions(),
        post_value=conditions(),
        labels=jnp.full((slots,), NO_LABEL, jnp.int8),
        skill_ids=jnp.full((slots,), EMPTY, jnp.int32),
        success_counts=counts(),
        failure_counts=counts(),
        use_counts=counts(),
        merge_counts=counts(),
        created=counts(),
        last_used=counts(),
        clock=jnp.zeros((), jnp.int32),
        next_id=jnp.zeros((), jnp.int32),
        num_evictions=jnp.zeros((), jnp.int32),
    )


def holds(mask: jax.Array, value: jax.Array, predicates: jax.Array) -> jax.Array:
    """Returns whether conditions hold: wherever `mask` asks, `predicates` has `value`; over the first axis, P.

    Args:
        mask, value: `[P, ...]` bool.
        predicates: `[P]` bool.
    """
    met = [~mask[p] | (value[p] == predicates[p]) for p in range(mask.shape[0])]
    return functools.reduce(jnp.logical_and, met)


def applicable(library: SkillLibrary, predicates: jax.Array) -> jax.Array:
    """Returns which slots hold a skill whose precondition holds, `[N]` bool.

    Args:
        library: one example.
        predicates: `[P]` bool.
    """
    return library.used & holds(library.pre_mask.T, library.pre_value.T, predicates)


def success_rates(library: SkillLibrary, config: LibraryConfig) -> jax.Array:
    """Returns the success rate of each slot, `[N]` float32, 0 in empty slots.

    In [0, 1] as the mean of a Beta posterior with a uniform prior, (s + 1) / (s + f + 2); under the tutorial's
    counting s / max(uses, 1), which may exceed 1.
    """
    successes = library.success_counts.astype(jnp.float32)
    if config.counting == "tutorial":
        rates = successes / jnp.maximum(library.use_counts, 1).astype(jnp.float32)
    else:
        rates = (successes + 1.0) / (successes + library.failure_counts.astype(jnp.float32) + 2.0)
    return jnp.where(library.used, rates, 0.0)


def retrieve(
    library: SkillLibrary,
    predicates: jax.Array,
    config: LibraryConfig,
    *,
    query: jax.Array | None = None,
    k: int = 1,
) -> Retrieved:
    """Returns the `k` best applicable skills, best first: by cosine with `query`, without one by success rate.

    One example; `vmap` for batches. See `Retrieved` and `cosine_top_k` for the contract.

    Args:
        library: one example.
        predicates: `[P]` bool, what holds now.
        config: static.
        query: `[D]` float32 of length one or zero, or None.
        k: static, 1 to N.

    Raises:
        ValueError: `k` is below 1 or above the capacity.
    """
    mask = applicable(library, predicates)
    if query is None:
        return masked_top_k(success_rates(library, config), mask, k)
    return cosine_top_k(query, library.embeddings, mask, k=k, normalized=True)


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
    that of the skill which the rule `config.eviction` gives up.

    One example; `vmap` for batches.

    Args:
        library: one example.
        skill: one example.
        config: static.
        merge_threshold: `()` float32 in [-1, 1].
        enabled: `()` bool; False leaves the library as it is.
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
    storing = enabled & ~merging
    store_slot = jnp.where(full, slot_to_evict(library, success_rates(library, config), config.eviction), empty_slot)
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


def store(
    library: SkillLibrary,
    skill: Skill,
    slot: jax.Array,
    *,
    uses: jax.Array | int = 0,
    merges: jax.Array | int = 0,
    created: jax.Array | None = None,
) -> SkillLibrary:
    """Returns the library with `skill` written into `slot` under a new id; nothing is written if `slot` is -1.

    Args:
        library: one example.
        skill: one example.
        slot: `()` int32, -1 to N - 1.
        uses, merges: `()` int32, the counts that it starts with.
        created: `()` int32, since when it counts as stored; by default now.
    """
    capacity = library.skill_ids.shape[0]
    place = jnp.where(slot == EMPTY, capacity, slot)  # out of range, and so dropped

    def put(old: jax.Array, new: jax.Array | int) -> jax.Array:
        return old.at[place].set(jnp.asarray(new, old.dtype), mode="drop")

    return dataclasses.replace(
        library,
        embeddings=put(library.embeddings, skill.embedding),
        actions=put(library.actions, skill.actions),
        lengths=put(library.lengths, skill.length),
        pre_mask=put(library.pre_mask, skill.pre_mask),
        pre_value=put(library.pre_value, skill.pre_value),
        post_mask=put(library.post_mask, skill.post_mask),
        post_value=put(library.post_value, skill.post_value),
        labels=put(library.labels, skill.label),
        skill_ids=put(library.skill_ids, library.next_id),
        success_counts=put(library.success_counts, skill.successes),
        failure_counts=put(library.failure_counts, 0),
        use_counts=put(library.use_counts, uses),
        merge_counts=put(library.merge_counts, merges),
        created=put(library.created, library.clock if created is None else created),
        last_used=put(library.last_used, library.clock),
        next_id=library.next_id + (slot != EMPTY).astype(jnp.int32),
    )


def record_outcome(
    library: SkillLibrary, slot: jax.Array, success: jax.Array, *, enabled: jax.Array | bool = True
) -> SkillLibrary:
    """Returns the library after one use of the skill in `slot` that ended in `success` or not.

    One example; `vmap` for batches. Nothing happens if `slot` is -1, empty or out of range, or `enabled` is False.

    Args:
        library: one example.
        slot: `()` int32.
        success: `()` bool.
        enabled: `()` bool.
    """
    capacity = library.skill_ids.shape[0]
    known = (slot >= 0) & (slot < capacity) & (library.skill_ids[jnp.clip(slot, 0, capacity - 1)] != EMPTY)
    counts = known & jnp.asarray(enabled, jnp.bool_)
    place = jnp.where(counts, slot, capacity)  # out of range, and so dropped
    success = jnp.asarray(success, jnp.bool_)

    def add(old: jax.Array, amount: jax.Array | int) -> jax.Array:
        return old.at[place].add(jnp.asarray(amount, jnp.int32), mode="drop")

    return dataclasses.replace(
        library,
        success_counts=add(library.success_counts, success),
        failure_counts=add(library.failure_counts, ~success),
        use_counts=add(library.use_counts, 1),
        last_used=library.last_used.at[place].set(library.clock, mode="drop"),
        clock=library.clock + counts.astype(jnp.int32),
    )


def summary(library: SkillLibrary, config: LibraryConfig) -> Summary:
    """Returns the statistics of one library; `mean_success_rate` is 0 for an empty one.

    Under the tutorial's counting the rate may exceed 1: a merge raises the successes of a skill without a use.
    """
    total_skills = jnp.sum(library.used.astype(jnp.int32))
    total_rate = fixed_order_sum(success_rates(library, config))
    return Summary(
        total_skills=total_skills,
        total_uses=jnp.sum(jnp.where(library.used, library.use_counts, 0)),
        mean_success_rate=total_rate / jnp.maximum(total_skills, 1).astype(jnp.float32),
    )
