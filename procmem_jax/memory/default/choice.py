"""Which skill to take: what each is expected to cost in a situation, in steps, and the rules that choose."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.fixed_order import rounded_product
from procmem_jax.memory.default.knowledge.values import Values, change_of, leads_back, steps_after
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.default.used_slots import over_used_slots
from procmem_jax.memory.library import SkillLibrary, applicable, beta_rate, packed, packed_hold
from procmem_jax.memory.similarity import cosine_similarity_of_columns
from procmem_jax.memory.skills import Skill
from procmem_jax.memory.slots import least_slot
from procmem_jax.percept import Percept
from procmem_jax.records import state_record


@state_record
class Index:
    """What a choice looks at of a library, laid out so that a CPU's vectors run along the slots.

    What is stored or used in the library is stored or counted here too, and nothing else made anew. Against
    reading `[N, D]` in place, one choice among 64 skills takes about half the time.

    Attributes:
        keys: `[D, N]` float32, the embeddings in columns.
        rates: `[N]` float32, the success rates; 0 in empty slots.
        lengths: `[N]` int8, steps; 0 in empty slots.
        asked, wanted: `[ceil(P / 8), N]` uint8, which predicates the preconditions ask about and what they ask for,
            predicate p in bit p % 8 of row p // 8.
        weights: `[C, N]` float32, how much each coordinate of a situation counts; None where all count alike.
        changes: `[N]` int32, what each skill changes (see `change_of`); None where values are not learned.
    """

    keys: jax.Array
    rates: jax.Array
    lengths: jax.Array
    asked: jax.Array
    wanted: jax.Array
    weights: jax.Array | None = None
    changes: jax.Array | None = None

    def at(self, slot: jax.Array, library: SkillLibrary) -> "Index":
        """Returns the index of one slot (`()` int32) of `library` alone, N = 1.

        Its key is read as a row of the library: of a column here every number lies somewhere else.
        """
        others = dataclasses.replace(self, keys=None)
        alone = jax.tree.map(lambda column: column.at[..., slot, None].get(mode="promise_in_bounds"), others)
        return dataclasses.replace(alone, keys=library.embeddings.at[slot].get(mode="promise_in_bounds")[:, None])

    def after_use(self, library: SkillLibrary, slot: jax.Array) -> "Index":
        """Returns the index once `library` has counted an outcome of `slot` (`()` int32, -1 for none)."""
        at = jnp.maximum(slot, 0)
        rate = beta_rate(library.success_counts[at], library.failure_counts[at])
        place = jnp.where(slot < 0, self.rates.shape[0], slot)  # out of range, and so dropped
        return dataclasses.replace(self, rates=self.rates.at[place].set(rate, mode="drop"))

    def wants(self, predicates: jax.Array) -> jax.Array:
        """Returns which preconditions want `predicates` (`[P]` bool), `[N]` bool."""
        return functools.reduce(jnp.logical_and, list(self.wanted == packed(predicates)[:, None]))

    def weighed(self, weights: jax.Array, asked: jax.Array) -> "Index":
        """Returns the index with coordinates that count by `weights` (`[N, C]`) and predicates `asked` (`[N, P]`)."""
        return dataclasses.replace(self, weights=weights.T, asked=packed(asked.T))

    def after_storing(self, skill: Skill, slot: jax.Array, weights: jax.Array | None = None) -> "Index":
        """Returns the index once `skill` has been written into `slot` (`()` int32, -1 for none) of the library.

        `weights` (`[C]`) are those of its coordinates, if coordinates have any.
        """
        place = jnp.where(slot < 0, self.rates.shape[0], slot)  # out of range, and so dropped
        asked, wanted = packed(skill.pre_mask), packed(skill.pre_value)
        rate = beta_rate(skill.successes, jnp.int32(0))
        change = None if self.changes is None else change_of(skill.post_mask, skill.post_value)
        fresh = Index(skill.embedding, rate, skill.length, asked, wanted, weights, change)
        return jax.tree.map(lambda column, new: column.at[..., place].set(new, mode="drop"), self, fresh)


def make_index(library: SkillLibrary) -> Index:
    """Returns the index of a library, one example."""
    return Index(
        keys=library.embeddings.T,
        rates=jnp.where(library.used, beta_rate(library.success_counts, library.failure_counts), 0.0),
        lengths=jnp.where(library.used, library.lengths, 0),
        asked=packed(library.pre_mask.T),
        wanted=packed(library.pre_value.T),
    )


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


def compare(
    index: Index, query: jax.Array, *, num_coordinates: int, all_used: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Returns (cosine, distance) of each slot's situation and `query`, `[N]` float32 each; distance is C (1 - cosine).

    That is the sum over the coordinates of 1 less the cosine of their angles' difference; with weights a weighted one.

    Args: as for `skill_costs`.
    """
    share = computed_once if all_used else lambda same: same
    similarity = share(cosine_similarity_of_columns(query, index.keys))
    if index.weights is not None:
        apart = 1.0 - coordinate_cosines(index, query, num_coordinates=num_coordinates)
        terms = rounded_product(index.weights, apart)
        return similarity, share(jnp.maximum(functools.reduce(jnp.add, list(terms)), 0.0))
    return similarity, rounded_product(jnp.float32(num_coordinates), 1.0 - similarity)


def coordinate_cosines(index: Index, query: jax.Array, *, num_coordinates: int) -> jax.Array:
    """Returns the cosine of the angles' difference in each coordinate, `[C, N]` float32, of `direction_embedding`s.

    Args: as for `skill_costs`.
    """
    products = rounded_product(index.keys, query[:, None])
    cosines = products[:num_coordinates] + products[num_coordinates : 2 * num_coordinates]
    return rounded_product(jnp.float32(num_coordinates), cosines)


def skill_costs(
    index: Index,
    query: jax.Array,
    predicates: jax.Array,
    params: DefaultMemoryParams,
    *,
    num_coordinates: int,
    reach: jax.Array | None = None,
    all_used: bool = False,
) -> Costs:
    """Returns the cost of every skill in a situation: its length, more with distance, over its success rate.

    Sources: ACT-R's choice by gain and cost (Anderson & Lebiere 1998, "The atomic components of thought", chapter 3:
    P*G - C; with one goal in sight, the least C / P wins). A skill whose success rate falls below `retire_rate` is
    retired: it is not chosen again unless consolidation renews it.

    Args:
        index: of the library, one example.
        query: `[D]` float32, the embedding of the situation.
        predicates: `[P]` bool.
        params: of the memory.
        num_coordinates: static, C, of the contexts behind the embeddings.
        reach: `[N]` float32, distances below which each skill may be tried where it is not exact; None: any.
        all_used: static; True where more than one of the costs' fields is used, which then share one comparison.
    """
    similarity, distance = compare(index, query, num_coordinates=num_coordinates, all_used=all_used)
    used = index.lengths > 0
    exact = used & (similarity > params.merge_threshold)
    applies = used & packed_hold(index.asked, index.wanted, packed(predicates))
    allowed = applies & (distance < params.match_tolerance) & (index.rates >= params.retire_rate)
    if reach is not None:
        allowed = allowed & (exact | (distance < reach))
    steps = index.lengths.astype(jnp.float32) + jnp.where(
        exact, 0.0, params.distance_cost * (distance + params.mismatch_cost)
    )
    return Costs(steps, jnp.where(allowed, steps / jnp.maximum(index.rates, 1e-6), jnp.inf), exact, allowed)


@state_record
class Situation:
    """What a skill is chosen for, and from.

    Attributes:
        percept: of the situation.
        query: `[D]` float32, the embedding of its context.
        library: the skills.
        index: of the library.
        visited: `()` int32, situations so far in the agent's life, loops not counted.
        achieved: `[P]` bool, predicates that held at some time in this episode.
        values: what the agent knows of the ways to success; None where values are not learned.
    """

    percept: Percept
    query: jax.Array
    library: SkillLibrary
    index: Index
    visited: jax.Array
    achieved: jax.Array
    values: Values | None = None

    @property
    def rates(self) -> jax.Array:
        """`[N]` float32, the success rates of the library's slots."""
        return self.index.rates


@state_record
class Choice:
    """Which skill to take.

    Attributes:
        slot: `()` int32, of the skill.
        found: `()` bool, whether there is one to take; the rest means nothing if not.
        whole: `()` bool, whether to run it as a whole; else its first step only, after which is chosen again.
        steps: `()` float32, steps that it promises to take as a whole.
        promises: `()` bool, whether `steps` is a promise: a running skill is broken off where the choice promises
            another number of steps than it has left.
    """

    slot: jax.Array
    found: jax.Array
    whole: jax.Array
    steps: jax.Array
    promises: jax.Array


ChooseFunction = Callable[[Situation, DefaultMemoryParams], Choice]


def least_expected_cost(situation: Situation, params: DefaultMemoryParams) -> Choice:
    """Returns the skill of the least expected cost (see `skill_costs`), ties to the lowest slot.

    With values, what it costs is the steps to success: those from where it ends count too, and one that leads back in
    this episode is not taken. Its steps and whether it is exact are worked out once more for it alone: kept for
    all slots they would cost more.
    """
    num_coordinates = situation.percept.context.shape[0]
    here = situation.query, situation.percept.predicates, params

    def least(columns, values, query, predicates, params):
        index, reach = columns
        costs = skill_costs(index, query, predicates, params, num_coordinates=num_coordinates, reach=reach).expected
        return least_slot(costs if values is None else _to_success(costs, values, predicates, index.changes))

    index = situation.index
    columns = index, situation.library.reach
    slot, cost = over_used_slots(least, index.lengths > 0, columns, situation.values, *here)
    chosen = skill_costs(index.at(slot, situation.library), *here, num_coordinates=num_coordinates, all_used=True)
    return Choice(slot, cost < jnp.inf, chosen.exact[0], chosen.steps[0], jnp.ones((), jnp.bool_))


def _to_success(costs: jax.Array, values: Values, predicates: jax.Array, changes: jax.Array) -> jax.Array:
    left = steps_after(values, predicates, changes)
    return jnp.where(leads_back(values, predicates, changes), jnp.inf, costs + left)


def least_cost_to_news(situation: Situation, params: DefaultMemoryParams) -> Choice:
    """Returns what `least_expected_cost` does, found only if it leads to a predicate that never held in this episode.

    So each predicate is brought about by skills once in an episode at most: where exploration gets everywhere by
    itself, a skill that picks up again what has just been put down would keep it from doing so.
    """
    choice, library = least_expected_cost(situation, params), situation.library
    gains = library.post_mask[choice.slot] & library.post_value[choice.slot]
    return dataclasses.replace(choice, found=choice.found & jnp.any(gains & ~situation.achieved))


def random_applicable(situation: Situation, params: DefaultMemoryParams) -> Choice:
    """Returns any skill whose precondition holds, by lot, to be run as a whole: for comparison."""
    del params
    applies = applicable(situation.library, situation.percept.predicates)
    slots = jnp.arange(applies.shape[0], dtype=jnp.uint32)
    lots = (slots + situation.percept.fingerprint + situation.visited.astype(jnp.uint32)) * jnp.uint32(0x9E3779B1)
    lots = (lots ^ (lots >> 15)) * jnp.uint32(0x85EBCA77)
    costs = jnp.where(applies, ((lots ^ (lots >> 13)) >> 8).astype(jnp.float32), jnp.inf)
    slot, cost = least_slot(costs)
    return Choice(slot, cost < jnp.inf, jnp.ones((), jnp.bool_), jnp.zeros((), jnp.float32), jnp.zeros((), jnp.bool_))


CHOICES = {"cost": least_expected_cost, "news": least_cost_to_news, "random": random_applicable}
