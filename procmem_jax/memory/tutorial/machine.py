"""The tutorial's use of its memory, as a state machine that moves one primitive step at a time.

At a decision point (no skill running) the most similar applicable skill is started. It runs to its end unless the
episode ends inside it. Failures change nothing that is ever looked at: a skill that leads nowhere is taken again.
"""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.memory import library as skill_library
from procmem_jax.memory.insertion import insert_unit
from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.retrieval import retrieve_unit
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.tutorial.embedding import tutorial_query
from procmem_jax.memory.tutorial.extraction import Window, empty_window, last_window_skill, push
from procmem_jax.records import state_record


@state_record
class SkillMemory:
    """A library and what the agent is doing with it.

    Attributes:
        library: the skills.
        window: the last steps of the episode.
        running: `()` int32, the slot of the running skill, -1 for none.
        cursor: `()` int32, actions of it already taken.
        num_uses: `()` int32, skills used up in the agent's life, evicted ones included.
        unsettled: `()` bool, whether the episode that has just ended is still to become a skill.
        end_predicates: `[P]` bool, after the last step.
        num_skills: `()` int32, skills in the library.
    """

    library: SkillLibrary
    window: Window
    running: jax.Array
    cursor: jax.Array
    num_uses: jax.Array
    unsettled: jax.Array
    end_predicates: jax.Array
    num_skills: jax.Array


def begin(config: LibraryConfig) -> SkillMemory:
    """Returns a memory without skills."""
    return SkillMemory(
        library=skill_library.empty(config),
        window=empty_window(config.max_skill_length, 1, config.num_predicates),
        running=jnp.full((), EMPTY, jnp.int32),
        cursor=jnp.zeros((), jnp.int32),
        num_uses=jnp.zeros((), jnp.int32),
        unsettled=jnp.zeros((), jnp.bool_),
        end_predicates=jnp.zeros((config.num_predicates,), jnp.bool_),
        num_skills=jnp.zeros((), jnp.int32),
    )


def decide(
    memory: SkillMemory, context: jax.Array, predicates: jax.Array, config: LibraryConfig
) -> tuple[SkillMemory, jax.Array, jax.Array]:
    """Returns (memory, whether a skill runs `()` bool, its next action `()` int32).

    Args:
        memory: one example.
        context: `[1]` float32, the code of the position.
        predicates: `[P]` bool.
        config: static.
    """
    query = tutorial_query(context, predicates, config.embedding_size)
    best = retrieve_unit(memory.library, predicates, config, query=query, k=1)
    idle = memory.running == EMPTY
    running = jnp.where(idle, best.slots[0], memory.running)
    cursor = jnp.where(idle, 0, memory.cursor)
    in_skill = running != EMPTY
    action = memory.library.actions[jnp.maximum(running, 0), cursor].astype(jnp.int32)
    return dataclasses.replace(memory, running=running, cursor=cursor), in_skill, action


def observe(
    memory: SkillMemory,
    context: jax.Array,
    predicates: jax.Array,
    action: jax.Array,
    terminated: jax.Array,
    truncated: jax.Array,
    enabled: jax.Array,
    *,
    learn: bool = True,
) -> SkillMemory:
    """Returns the memory after one step: the window moved on, and the skill's outcome counted if it has ended.

    Args:
        memory: one example.
        context, predicates: `[1]` float32 and `[P]` bool, before the action.
        action: `()` int32, what the agent chose.
        terminated, truncated: `()` bool, of the step.
        enabled: `()` bool; False leaves the counts as they are.
        learn: static; False leaves the library as it is.
    """
    in_skill = memory.running != EMPTY
    cursor = memory.cursor + 1
    length = memory.library.lengths[jnp.maximum(memory.running, 0)].astype(jnp.int32)
    ended = in_skill & (terminated | truncated | (cursor >= length))
    library = skill_library.record_outcome(memory.library, memory.running, terminated, enabled=ended & enabled & learn)
    return dataclasses.replace(
        memory,
        library=library,
        window=push(memory.window, context, predicates, action),
        running=jnp.where(ended, EMPTY, memory.running),
        cursor=cursor,
        num_uses=memory.num_uses + (ended & enabled).astype(jnp.int32),
    )


def end_episode(
    memory: SkillMemory,
    ended: jax.Array,
    success: jax.Array,
    end_predicates: jax.Array,
    *,
    min_success_steps: jax.Array,
    enabled: jax.Array,
) -> SkillMemory:
    """Returns the memory after the end of an episode, if `ended`: a success of enough steps is left to `settle`.

    Args:
        memory: one example.
        ended, success: `()` bool.
        end_predicates: `[P]` bool, at the end.
        min_success_steps: `()` int32, steps.
        enabled: `()` bool; False leaves the library as it is.
    """
    learns = ended & success & enabled & (memory.window.length >= min_success_steps)
    window = dataclasses.replace(memory.window, length=jnp.where(ended & ~learns, 0, memory.window.length))
    return dataclasses.replace(memory, window=window, unsettled=learns, end_predicates=end_predicates)


def settle(
    memory: SkillMemory, action_codes: jax.Array, config: LibraryConfig, *, merge_threshold: jax.Array
) -> SkillMemory:
    """Returns the memory after the episode that has just ended became a skill, if it is to.

    Args:
        memory: one example.
        action_codes: `[num_actions]` float32.
        config: static.
        merge_threshold: `()` float32.
    """
    skill = last_window_skill(memory.window, memory.end_predicates, action_codes, config)
    library, _ = insert_unit(memory.library, skill, config, merge_threshold=merge_threshold, enabled=memory.unsettled)
    window = dataclasses.replace(memory.window, length=jnp.where(memory.unsettled, 0, memory.window.length))
    memory = dataclasses.replace(memory, window=window, unsettled=jnp.zeros_like(memory.unsettled))
    return with_library(memory, library)


def with_library(memory: SkillMemory, library: SkillLibrary) -> SkillMemory:
    """Returns the memory with other skills."""
    return dataclasses.replace(memory, library=library, num_skills=jnp.sum(library.used, dtype=jnp.int32))
