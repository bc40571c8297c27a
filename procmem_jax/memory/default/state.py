"""What the default memory carries from tick to tick."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.memory.default.choice import Index
from procmem_jax.memory.default.knowledge.dangers import Dangers
from procmem_jax.memory.default.knowledge.relevance import Relevance
from procmem_jax.memory.default.knowledge.values import Values
from procmem_jax.memory.default.path import Path
from procmem_jax.memory.default.segments import Segment
from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.records import state_record


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
        judged, promised: `()` int32 and float32, the slot of a first step that is to be judged by what the memory
            promises next, -1 for none, and the steps promised before it; None without `progress`.
        values, relevance, dangers: what was found of the ways to success, of what mattered, and of what kills; None
            without these settings.
    """

    library: SkillLibrary
    index: Index
    num_skills: jax.Array
    query: jax.Array
    path: Path
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
    judged: jax.Array | None = None
    promised: jax.Array | None = None
    values: Values | None = None
    relevance: Relevance | None = None
    dangers: Dangers | None = None


_OF_THE_RUNNING_SKILL = ("running", "cursor", "run_length", "whole", "stalled", "looped", "dropped")


def running_once(state: DefaultMemoryState) -> DefaultMemoryState:
    """Returns the state with what it says of the running skill `computed_once`."""
    fields = {name: getattr(state, name) for name in _OF_THE_RUNNING_SKILL}
    return dataclasses.replace(state, **computed_once(fields))


def keep_known(state: DefaultMemoryState, library: SkillLibrary) -> DefaultMemoryState:
    """Returns the state in which a skill runs, or waits to be judged, only if `library` has it in the same slot."""

    def kept(slot: jax.Array) -> jax.Array:
        at = jnp.maximum(slot, 0)
        return jnp.where(library.skill_ids[at] == state.library.skill_ids[at], slot, EMPTY)

    judged = None if state.judged is None else kept(state.judged)
    return dataclasses.replace(state, running=kept(state.running), judged=judged)
