"""The skill library: a fixed number of slots, and what is read off them and counted in them by pure functions."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.fixed_order import fixed_order_sum
from procmem_jax.memory.checks import as_checked, check_array, narrow
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import NO_LABEL, UNKNOWN, Skill
from procmem_jax.records import state_record

EMPTY = -1  # the skill id of an unused slot, and the slot of "no skill"


@state_record
class SkillLibrary:
    """A library with N slots of which some hold a skill.

    Attributes:
        embeddings: `[N, D]` float32.
        actions: `[N, L]` int8, or int16 if the config says `wide_actions`.
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
        learned_episode, learned_tick: `[N]` int32, when the skill was learned, by the agent's own count of both; -1 if
            unknown, and in empty slots.
        reach: `[N]` float32, distances below which a skill may be tried out of its own situation: inf until it has
            killed in one, and in empty slots. None unless the config says `keeps_reach`.
        worth: `[W]` float32, what a memory around another knows of its worth, zeros for nothing; only that memory can
            tell what the numbers mean. None unless the config says `worth_size`, W.
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
    learned_episode: jax.Array
    learned_tick: jax.Array
    reach: jax.Array | None = None
    worth: jax.Array | None = None

    def known(self) -> dict[str, jax.Array]:
        """The fields that there are, by name."""
        columns = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: column for name, column in columns.items() if column is not None}

    @property
    def used(self) -> jax.Array:
        """`[N]` bool, which slots hold a skill."""
        return self.skill_ids != EMPTY


@state_record
class Summary:
    """Statistics of one library: `total_skills`, `total_uses` (`()` int32), `mean_success_rate` (`()` float32)."""

    total_skills: jax.Array
    total_uses: jax.Array
    mean_success_rate: jax.Array


@functools.partial(jax.jit, static_argnums=0, inline=True)  # outside of other programs one, not one for each column
def empty(config: LibraryConfig) -> SkillLibrary:
    """Returns a library without skills."""
    slots, predicates = config.capacity, config.num_predicates

    def conditions():
        return jnp.zeros((slots, predicates), jnp.bool_)

    def counts():
        return jnp.zeros((slots,), jnp.int32)

    return SkillLibrary(
        embeddings=jnp.zeros((slots, config.embedding_size), jnp.float32),
        actions=jnp.zeros((slots, config.max_skill_length), config.action_dtype),
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
        learned_episode=jnp.full((slots,), UNKNOWN, jnp.int32),
        learned_tick=jnp.full((slots,), UNKNOWN, jnp.int32),
        reach=jnp.full((slots,), jnp.inf, jnp.float32) if config.keeps_reach else None,
        worth=jnp.zeros((config.worth_size,), jnp.float32) if config.worth_size else None,
    )


def with_reach(library: SkillLibrary, kept: bool) -> SkillLibrary:
    """Returns the library (or `[A, N, ...]`) with `reach` if that is to be `kept`, else without; new, it is inf."""
    if kept == (library.reach is not None):
        return library
    reach = jnp.full(np.shape(library.skill_ids), jnp.inf, jnp.float32) if kept else None
    return dataclasses.replace(library, reach=reach)


def with_worth(library: SkillLibrary, size: int) -> SkillLibrary:
    """Returns the library (or `[A, N, ...]`) with a `worth` of `size` numbers, zeros if new; without if that is 0."""
    if bool(size) == (library.worth is not None):
        return library
    worth = jnp.zeros((*np.shape(library.clock), size), jnp.float32) if size else None
    return dataclasses.replace(library, worth=worth)


def check_sizes(library: SkillLibrary, config: LibraryConfig) -> None:
    """Raises unless `library` is one example (traced or not) of the sizes in `config`.

    Raises:
        TypeError: it holds arrays of another kind.
        ValueError: it holds arrays of another shape, or actions too narrow for the config's.
    """
    rows = {"capacity": config.capacity}
    sizes = rows | {"embedding_size": config.embedding_size}
    check_array("library.embeddings", library.embeddings, "real numbers", **sizes)
    sizes = rows | {"max_skill_length": config.max_skill_length}
    check_array("library.actions", library.actions, "whole numbers", **sizes)
    if np.iinfo(library.actions.dtype).max < config.largest_action:
        raise ValueError(
            f"library.actions is {library.actions.dtype}, too narrow for wide_actions={config.wide_actions}; make the "
            "library by empty(config)"
        )
    sizes = rows | {"num_predicates": config.num_predicates}
    check_array("library.pre_mask", library.pre_mask, "booleans", **sizes)


def holds(mask: jax.Array, value: jax.Array, predicates: jax.Array) -> jax.Array:
    """Returns whether conditions hold: wherever `mask` asks, `predicates` has `value`; over the first axis, P.

    Args:
        mask, value: `[P, ...]` bool.
        predicates: `[P]` bool.
    """
    met = [~mask[p] | (value[p] == predicates[p]) for p in range(mask.shape[0])]
    return functools.reduce(jnp.logical_and, met)


def packed(bits: jax.Array) -> jax.Array:
    """Returns `[P, ...]` bool as `[ceil(P / 8), ...]` uint8, number p in bit p % 8 of row p // 8."""
    words = []
    for start in range(0, bits.shape[0], 8):
        row = bits[start : start + 8].astype(jnp.uint8)
        words.append(functools.reduce(jnp.bitwise_or, [row[n] << n for n in range(row.shape[0])]))
    return jnp.stack(words)


def packed_hold(asked: jax.Array, wanted: jax.Array, now: jax.Array) -> jax.Array:
    """Returns whether conditions hold, `[N]` bool, as `holds` does, of what is packed.

    Args:
        asked, wanted: `[R, N]` uint8, which predicates conditions ask about, and as what.
        now: `[R]` uint8, the predicates.
    """
    unmet = (wanted ^ now[:, None]) & asked
    return functools.reduce(jnp.logical_and, [row == 0 for row in unmet])


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
    if config.counting == "tutorial":
        rates = library.success_counts.astype(jnp.float32) / jnp.maximum(library.use_counts, 1).astype(jnp.float32)
    else:
        rates = beta_rate(library.success_counts, library.failure_counts)
    return jnp.where(library.used, rates, 0.0)


def beta_rate(successes: jax.Array, failures: jax.Array) -> jax.Array:
    """Returns the mean of a Beta posterior with a uniform prior, float32, of int32 counts."""
    successes = successes.astype(jnp.float32)
    return (successes + 1.0) / (successes + failures.astype(jnp.float32) + 2.0)


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
        learned_episode=put(library.learned_episode, UNKNOWN if skill.episode is None else skill.episode),
        learned_tick=put(library.learned_tick, UNKNOWN if skill.tick is None else skill.tick),
        reach=None if library.reach is None else put(library.reach, jnp.inf),
        next_id=library.next_id + (slot != EMPTY).astype(jnp.int32),
    )


def record_outcome(
    library: SkillLibrary,
    slot: jax.Array,
    success: jax.Array,
    *,
    skill_id: jax.Array | None = None,
    enabled: jax.Array | bool = True,
) -> SkillLibrary:
    """Returns the library after one use of the skill in `slot` that ended in `success` or not.

    One example; `vmap` for batches. Nothing happens if `slot` is -1, empty or out of range, if it holds another skill
    than `skill_id`, or if `enabled` is False.

    Args:
        library: one example.
        slot: `()` integer.
        success: `()` bool.
        skill_id: `()` integer, the skill that was used, as `retrieve` gives it: what has been evicted since gets no
            outcome, and neither does its successor. None: whatever is in the slot.
        enabled: `()` bool.

    Raises:
        TypeError, ValueError: an argument is of another kind or shape.
    """
    library = jax.tree.map(jnp.asarray, library)
    capacity = library.skill_ids.shape[-1]
    check_array("library.skill_ids", library.skill_ids, "whole numbers", capacity=capacity)
    slot = _as_int32("slot", slot, capacity)
    success, enabled = (
        jnp.asarray(as_checked(name, value, "booleans")) for name, value in (("success", success), ("enabled", enabled))
    )
    stored = library.skill_ids[jnp.clip(slot, 0, capacity - 1)]
    known = (slot >= 0) & (slot < capacity) & (stored != EMPTY)
    if skill_id is not None:
        known = known & (stored == _as_int32("skill_id", skill_id, 2**31 - 1))
    counts = known & enabled
    place = jnp.where(counts, slot, capacity)  # out of range, and so dropped

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


def pool_counts(base: SkillLibrary, members: SkillLibrary) -> SkillLibrary:
    """Returns the library `base` with what has been counted since then in each of its copies `members`, `[G, N, ...]`.

    Counts and clocks add up, a skill was last used when any of them used it, and reaches no farther than in any. The
    copies must hold the skills of `base`.
    """
    added = ("success_counts", "failure_counts", "use_counts", "merge_counts", "clock")
    sums = {}
    for name in added:
        start, now = getattr(base, name), getattr(members, name)
        sums[name] = start + jnp.sum(now - start[None], axis=0, dtype=jnp.int32)
    reach = None if base.reach is None else jnp.min(members.reach, axis=0)
    return dataclasses.replace(base, **sums, last_used=jnp.max(members.last_used, axis=0), reach=reach)


def _as_int32(name: str, value: jax.Array, high: int) -> jax.Array:
    """Returns a slot or an id, what is below 0 or above `high` as something there that does not wrap around."""
    value = as_checked(name, value, "whole numbers")
    return jnp.asarray(value if value.dtype == np.int32 else narrow(value, -1, high, np.int32))


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
