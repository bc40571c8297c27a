"""The memory that never hurts and really helps: a state machine that moves one primitive step at a time.

*Learning.* The loop-erased way to every change of the predicates is a segment, whatever comes of the episode. If any of
its steps was chosen by exploration, each of its suffixes becomes a candidate skill. Every `consolidation_interval`
ticks the candidates are taken in, shortest first; all agents do so in the same ticks, so that it costs a batch nothing
in between.

*Choosing.* Where no skill runs, the applicable, similar enough skill of the least expected cost is started: as a whole
in the situation it was made for, else its first step only, after which the agent looks again. So few, short, general
skills chain. A skill little used yet is challenged now and then by a primitive step.

A running skill is broken off where the situation promises another number of steps than it has left.

*Outcomes.* A whole skill succeeds if its postcondition comes true inside it; a first step also if it leads anywhere
new. One that is broken off has failed if the way has closed a loop since it began, else it leaves no outcome. After a
failure the agent explores for a while, longer with every further one: no skills can hold it for ever. The same follows
on a success that brings about only what was true before in the episode: else skills that undo each other could.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from procmem_jax.agents.settings import AgentParams, MemoryConfig
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.default import path as paths
from procmem_jax.memory.default.choice import Index, make_index, skill_costs
from procmem_jax.memory.default.consolidation import consolidate_skill
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.default.segments import (
    Segment,
    consolidated,
    make_segment,
    no_segment,
    ring_length,
    suffix_skill,
)
from procmem_jax.memory.library import EMPTY, LibraryConfig, SkillLibrary
from procmem_jax.memory.slots import least_slot
from procmem_jax.percept import Percept
from procmem_jax.records import state_record

_STALL_STEPS = 2  # a skill is stopped when this many of its steps in a row changed nothing


@state_record
class DefaultMemoryState:
    """A library and what the agent is doing with it.

    Attributes:
        library: the skills.
        index: of the library, for the choice.
        num_skills: `()` int32, skills in the library.
        query: `[D]` float32, the embedding of the present situation. It is carried from tick to tick because XLA
            would make it anew for each slot that it is compared with.
        path: the loop-erased way through the running segment.
        segment: what waits for consolidation.
        running: `()` int32, the slot of the running skill, -1 for none.
        cursor: `()` int32, actions of it already taken.
        run_length: `()` int32, actions of it to take.
        whole: `()` bool, whether it runs as a whole.
        stalled: `()` int32, steps in a row that changed nothing.
        looped: `()` bool, whether the way has closed a loop since the skill began.
        dropped: `()` int32, the slot of a skill that was broken off in this tick after a loop, -1 for none.
        achieved: `[P]` bool, the predicates that were true at any time in this episode.
        failures: `()` int32, skills that failed, or achieved nothing new, since something new was achieved.
        retreat: `()` int32, steps of exploration still to go before a skill is chosen again.
        num_uses: `()` int32, skills used in the agent's life.
    """

    library: SkillLibrary
    index: Index
    num_skills: jax.Array
    query: jax.Array
    path: paths.Path
    segment: Segment
    running: jax.Array
    cursor: jax.Array
    run_length: jax.Array
    whole: jax.Array
    stalled: jax.Array
    looped: jax.Array
    dropped: jax.Array
    achieved: jax.Array
    failures: jax.Array
    retreat: jax.Array
    num_uses: jax.Array


def begin(percept: Percept, config: LibraryConfig, memory: MemoryConfig) -> DefaultMemoryState:
    """Returns a memory without skills in the situation `percept`."""
    zero = jnp.zeros((), jnp.int32)
    nothing = jnp.full((), EMPTY, jnp.int32)
    no = jnp.zeros((), jnp.bool_)
    ring = ring_length(memory.history_length, config.max_skill_length, memory.consolidation_interval)
    path = paths.begin_path(ring, percept.fingerprint, percept.context)
    library = skill_library.empty(config)
    return DefaultMemoryState(
        library=library,
        index=make_index(library),
        num_skills=zero,
        query=direction_embedding(percept.context, config.embedding_size),
        path=path,
        segment=no_segment(path, config.num_predicates),
        running=nothing,
        cursor=zero,
        run_length=zero,
        whole=no,
        stalled=zero,
        looped=no,
        dropped=nothing,
        achieved=percept.predicates,
        failures=zero,
        retreat=zero,
        num_uses=zero,
    )


def _choose(
    state: DefaultMemoryState, percept: Percept, config: LibraryConfig, params: AgentParams, memory: MemoryConfig
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Returns (the slot of least expected cost, whether it may be chosen, its steps, whether it is exact), `()` each.

    The last two are worked out once more for this slot alone: kept for all slots they would cost more.
    """
    judge = functools.partial(
        skill_costs,
        query=state.query,
        predicates=percept.predicates,
        num_coordinates=percept.context.shape[0],
        match_tolerance=params.match_tolerance,
        merge_threshold=params.merge_threshold,
        distance_cost=params.distance_cost,
        retire_rate=params.retire_rate,
    )
    rates = skill_library.success_rates(state.library, config)
    if memory.choice == "random":
        slot, cost = least_slot(_random_costs(state, percept, config))
        return slot, cost < jnp.inf, jnp.zeros((), jnp.float32), jnp.ones((), jnp.bool_)
    slot, cost = least_slot(judge(state.index, rates).expected)
    chosen = judge(state.index.at(slot), rates[slot, None])
    return slot, cost < jnp.inf, chosen.steps[0], chosen.exact[0]


def _random_costs(state: DefaultMemoryState, percept: Percept, config: LibraryConfig) -> jax.Array:
    """Returns a cost by lot for every applicable skill, `[N]` float32, inf for the others."""
    applies = skill_library.applicable(state.library, percept.predicates)
    slots = jnp.arange(config.capacity, dtype=jnp.uint32)
    lots = (slots + percept.fingerprint + state.path.count.astype(jnp.uint32)) * jnp.uint32(0x9E3779B1)
    lots = (lots ^ (lots >> 15)) * jnp.uint32(0x85EBCA77)
    return jnp.where(applies, ((lots ^ (lots >> 13)) >> 8).astype(jnp.float32), jnp.inf)


def decide(
    state: DefaultMemoryState,
    percept: Percept,
    coin: jax.Array,
    config: LibraryConfig,
    params: AgentParams,
    memory: MemoryConfig,
) -> tuple[DefaultMemoryState, jax.Array, jax.Array]:
    """Returns (state, whether a skill runs `()` bool, its next action `()` int32).

    With probability `novelty` / (1 + uses) of the chosen skill the agent explores instead, so that what is little
    tried yet gets a rival. A running skill is broken off where the best choice promises another number of steps than
    it has left: something went otherwise than when it was learned, or there is a better way (Sutton, Precup & Singh
    1999, "Between MDPs and semi-MDPs", on interrupting options).

    Args:
        state: one example.
        percept: of the present situation.
        coin: `()` float32, uniform in [0, 1).
        config, memory: static.
        params: the agent's numbers.
    """
    slot, found, steps, whole = _choose(state, percept, config, params, memory)
    uses = state.library.use_counts[slot].astype(jnp.float32)
    challenged = coin < params.novelty / (1.0 + uses)
    if memory.interruption and memory.choice == "cost":
        left = (state.run_length - state.cursor).astype(jnp.float32)
        surprised = state.whole & found & (steps != left)
        state = _break_off(state, surprised & (state.running != EMPTY))
    free = (state.running == EMPTY) & (state.dropped == EMPTY)
    starts = free & (state.retreat <= 0) & found & ~challenged
    run_length = jnp.where(whole, state.library.lengths[slot].astype(jnp.int32), 1)
    state = dataclasses.replace(
        state,
        running=jnp.where(starts, slot, state.running),
        cursor=jnp.where(starts, 0, state.cursor),
        run_length=jnp.where(starts, run_length, state.run_length),
        whole=jnp.where(starts, whole, state.whole),
        stalled=jnp.where(starts, 0, state.stalled),
        looped=state.looped & ~starts,
    )
    place = (jnp.maximum(state.running, 0), jnp.minimum(state.cursor, config.max_skill_length - 1))
    action = state.library.actions.at[place].get(mode="promise_in_bounds").astype(jnp.int32)
    return state, state.running != EMPTY, action


def _break_off(state: DefaultMemoryState, now: jax.Array) -> DefaultMemoryState:
    """Returns the state with the running skill broken off where `now`; after a loop it is dropped, which is a failure.

    Skills that only interrupt each other end up going round, and are then found out.
    """
    return dataclasses.replace(
        state,
        running=jnp.where(now, EMPTY, state.running),
        dropped=jnp.where(now & state.looped, state.running, state.dropped),
    )


def observe(
    state: DefaultMemoryState,
    before: Percept,
    action: jax.Array,
    after: Percept,
    episode_over: jax.Array,
    enabled: jax.Array,
    config: LibraryConfig,
    params: AgentParams,
    memory: MemoryConfig,
) -> DefaultMemoryState:
    """Returns the state after one step: outcomes counted, a finished segment kept.

    `arrive` describes the situation in which the agent is then, which after the end of an episode is another one.

    Args:
        state: one example.
        before, after: the situations around the step, before any reset.
        action: `()` int32, what the agent chose.
        episode_over: `()` bool, whether the world ended the episode.
        enabled: `()` bool; False leaves library and counts as they are.
        config, memory: static.
        params: the agent's numbers.
    """
    in_skill = state.running != EMPTY
    changed = jnp.any(before.predicates != after.predicates)
    state = dataclasses.replace(state, path=paths.take_action(state.path, action, ~in_skill))
    looped, number = paths.find_loop(state.path, after.fingerprint)
    looped = looped & ~changed
    state = _keep_segment(state, before, after, changed & enabled, config, memory)
    state, failed = _count_outcome(state, after, changed, looped, number, episode_over, enabled, memory)
    news = jnp.any(after.predicates & ~state.achieved)
    fruitless = failed | (in_skill & changed & ~news)
    failures = jnp.where(news, 0, state.failures + fruitless.astype(jnp.int32))
    retreat = jnp.where(fruitless, params.retreat_steps * failures, jnp.where(changed, 0, state.retreat))
    retreat = jnp.maximum(retreat - (~in_skill).astype(jnp.int32), 0)
    next_number = jnp.where(looped & memory.loop_erasure, number, state.path.count + 1)
    path = paths.go_to(state.path, next_number, changed, memory.history_length)
    achieved = state.achieved | after.predicates
    return dataclasses.replace(state, path=path, achieved=achieved, failures=failures, retreat=retreat)


def _keep_segment(
    state: DefaultMemoryState,
    before: Percept,
    after: Percept,
    ends: jax.Array,
    config: LibraryConfig,
    memory: MemoryConfig,
) -> DefaultMemoryState:
    """Returns the state with the segment that a change of the predicates ends kept, if there is something to learn.

    That is so if a predicate comes true, and exploration had a part in it: ways to lose what one has are not learned.
    Source: segmentation where something of note happens, as in Konidaris et al. 2010, "Constructing skill trees".
    """
    longest = config.max_skill_length
    ends = ends & jnp.any(after.predicates & ~before.predicates)
    if memory.novel_only:
        ends = ends & paths.any_explored(state.path, longest)
    if memory.segmentation == "success":
        ends = ends & after.predicates[-1]
    fresh = make_segment(state.path, before.predicates, after.predicates, longest)
    segment = jax.tree.map(lambda new, old: jnp.where(ends, new, old), fresh, state.segment)
    return dataclasses.replace(state, segment=segment)


def _count_outcome(
    state: DefaultMemoryState,
    after: Percept,
    changed: jax.Array,
    looped: jax.Array,
    number: jax.Array,
    episode_over: jax.Array,
    enabled: jax.Array,
    memory: MemoryConfig,
) -> tuple[DefaultMemoryState, jax.Array]:
    """Returns (state, whether a skill failed): what has ended in this tick is stopped, and its outcome counted."""
    in_skill = state.running != EMPTY
    dropped = state.dropped != EMPTY
    slot = jnp.maximum(state.running, 0)
    cursor = state.cursor + 1
    stalled = jnp.where(looped & (number == state.path.count), state.stalled + 1, 0)
    over = changed | episode_over | (cursor >= state.run_length) | (stalled >= _STALL_STEPS)
    ended = (in_skill & over) | dropped
    library = state.library
    reached = changed & jnp.all(~library.post_mask[slot] | (library.post_value[slot] == after.predicates))
    success = (reached | (~state.whole & ~looped)) & ~dropped
    counted = success if memory.count_failures else jnp.ones_like(success)
    counts = ended & enabled & memory.learn
    used = jnp.where(dropped, state.dropped, state.running)
    library = skill_library.record_outcome(library, used, counted, enabled=counts)
    state = dataclasses.replace(
        state,
        library=library,
        running=jnp.where(ended, EMPTY, state.running),
        cursor=cursor,
        stalled=stalled,
        looped=state.looped | looped,
        dropped=jnp.full_like(state.dropped, EMPTY),
        num_uses=state.num_uses + (ended & enabled).astype(jnp.int32),
    )
    return state, ended & ~success


def arrive(state: DefaultMemoryState, percept: Percept, starts: jax.Array, config: LibraryConfig) -> DefaultMemoryState:
    """Returns the state in the situation `percept`, which is the first of an episode where `starts`.

    Args:
        state: one example.
        percept: of the situation, after any reset.
        starts: `()` bool.
        config: static.
    """
    path = paths.begin_segment(state.path, starts)
    return dataclasses.replace(
        state,
        query=direction_embedding(percept.context, config.embedding_size),
        path=paths.describe_state(path, percept.fingerprint, percept.context),
        running=jnp.where(starts, EMPTY, state.running),
        achieved=jnp.where(starts, percept.predicates, state.achieved),
        failures=jnp.where(starts, 0, state.failures),
        retreat=jnp.where(starts, 0, state.retreat),
    )


def consolidate(
    state: DefaultMemoryState,
    enabled: jax.Array,
    config: LibraryConfig,
    params: AgentParams,
    memory: MemoryConfig,
) -> DefaultMemoryState:
    """Returns the state with the suffixes of the kept segment taken into the library, shortest first.

    Args:
        state: one example.
        enabled: `()` bool; False leaves the library as it is.
        config, memory: static.
        params: the agent's numbers.
    """
    segment = state.segment

    def take_in(index: jax.Array, library: SkillLibrary) -> SkillLibrary:
        length = jnp.asarray(index, jnp.int32) + 1
        wanted = length <= segment.num_steps
        if not memory.suffixes:
            wanted = wanted & (length == segment.num_steps)
        return consolidate_skill(
            library,
            suffix_skill(segment, state.path, length, config),
            config,
            num_coordinates=state.path.contexts.shape[1],
            match_tolerance=params.match_tolerance,
            merge_threshold=params.merge_threshold,
            distance_cost=params.distance_cost,
            retire_rate=params.retire_rate,
            keep_better=memory.keep_better,
            admission=memory.admission,
            protected_slot=state.running,
            enabled=enabled & wanted & memory.learn,
        )

    library = jax.lax.fori_loop(0, config.max_skill_length, take_in, state.library)
    return with_library(dataclasses.replace(state, segment=consolidated(segment)), library)


def with_library(state: DefaultMemoryState, library: SkillLibrary) -> DefaultMemoryState:
    """Returns the state with other skills."""
    num_skills = jnp.sum(library.used, dtype=jnp.int32)
    return dataclasses.replace(state, library=library, index=make_index(library), num_skills=num_skills)
