"""Segments: the loop-erased ways to changes of the predicates, kept until they are consolidated into skills."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.memory.direction import direction_embedding
from procmem_jax.memory.library import NO_LABEL, LibraryConfig, Skill
from procmem_jax.records import state_record


@state_record
class Segment:
    """The last L steps before a change of the predicates, the latest at the end.

    Attributes:
        actions: `[L]` int8.
        contexts: `[L, C]` float32, before each action.
        num_steps: `()` int32, how many of them there are; 0 once the segment is consolidated.
        before, after: `[P]` bool, the predicates before and after the change.
    """

    actions: jax.Array
    contexts: jax.Array
    num_steps: jax.Array
    before: jax.Array
    after: jax.Array


def no_segment(length: int, context_size: int, num_predicates: int) -> Segment:
    """Returns a segment without steps."""
    return Segment(
        actions=jnp.zeros((length,), jnp.int8),
        contexts=jnp.zeros((length, context_size), jnp.float32),
        num_steps=jnp.zeros((), jnp.int32),
        before=jnp.zeros((num_predicates,), jnp.bool_),
        after=jnp.zeros((num_predicates,), jnp.bool_),
    )


def suffix_skill(segment: Segment, length: jax.Array, config: LibraryConfig) -> Skill:
    """Returns the skill that the last `length` steps of a segment make.

    Its precondition asks for all predicates as they were, its postcondition for those that changed.

    Args:
        segment: one example.
        length: `()` int32, 1 to L steps.
        config: static.
    """
    size = config.max_skill_length
    steps = jnp.arange(size, dtype=jnp.int32)
    place = jnp.clip(size - length, 0, size - 1)
    changed = segment.before != segment.after
    label = jnp.argmax(changed).astype(jnp.int8)
    return Skill(
        embedding=direction_embedding(segment.contexts[place], config.embedding_size),
        actions=jnp.where(steps < length, segment.actions[(place + steps) % size], 0).astype(jnp.int8),
        length=length.astype(jnp.int8),
        pre_mask=jnp.ones_like(changed),
        pre_value=segment.before,
        post_mask=changed,
        post_value=segment.after & changed,
        label=jnp.where(jnp.any(changed), label, NO_LABEL),
        successes=jnp.zeros((), jnp.int32),
    )


def consolidated(segment: Segment) -> Segment:
    """Returns the segment marked as done with."""
    return dataclasses.replace(segment, num_steps=jnp.zeros((), jnp.int32))
