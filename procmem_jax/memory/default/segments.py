"""Segments: the loop-erased ways to changes of the predicates, kept until they are consolidated into skills."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.default.path import Path, num_steps
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import NO_LABEL, Skill
from procmem_jax.records import state_record


@state_record
class Segment:
    """The way to a change of the predicates: which part of a `Path` it is.

    Its states stay in the ring while fewer new ones come than the ring has further places: so nothing is copied, which
    every tick would have to do for every agent.

    Attributes:
        count: `()` int32, the number of the state in which the last action was taken.
        num_steps: `()` int32, how many steps can be learned from; 0 once the segment is consolidated.
        before, after: `[P]` bool, the predicates before and after the change.
    """

    count: jax.Array
    num_steps: jax.Array
    before: jax.Array
    after: jax.Array


def make_segment(path: Path, before: jax.Array, after: jax.Array, longest: int) -> Segment:
    """Returns the segment that ends with the action just taken.

    Args:
        path: one example.
        before, after: `[P]` bool, the predicates around that action.
        longest: static, steps to learn from at the most.
    """
    return Segment(path.count, num_steps(path, longest), before, after)


def no_segment(path: Path, num_predicates: int) -> Segment:
    """Returns a segment without steps."""
    nothing = jnp.zeros((num_predicates,), jnp.bool_)
    return consolidated(make_segment(path, nothing, nothing, 1))


def ring_length(window: int, longest: int, interval: int) -> int:
    """Returns R, the places of a ring in which a segment outlasts `interval` ticks; a power of two.

    Args:
        window: H, states that the path remembers.
        longest: steps to learn from at the most.
        interval: ticks between two consolidations.
    """
    needed = max(window, longest + interval + 2)
    return 1 << (needed - 1).bit_length()


def suffix_skill(segment: Segment, path: Path, length: jax.Array, config: LibraryConfig) -> Skill:
    """Returns the skill that the last `length` steps of a segment make.

    Its precondition asks for all predicates as they were, its postcondition for those that changed.

    Args:
        segment: one example.
        path: of which it is a part, at most as many steps later as its ring was made for.
        length: `()` int32, 1 to `num_steps`.
        config: static.
    """
    ring = path.actions.shape[0]
    steps = jnp.arange(config.max_skill_length, dtype=jnp.int32)
    places = jax.lax.rem(segment.count - length + 1 + steps, jnp.int32(ring))
    changed = segment.before != segment.after
    gained = segment.after & changed
    label = jnp.min(jnp.where(gained, jnp.arange(config.num_predicates, dtype=jnp.int8), 127))
    return Skill(
        embedding=direction_embedding(path.contexts[places[0]], config.embedding_size),
        actions=jnp.where(steps < length, path.actions[places], 0).astype(jnp.int8),
        length=length.astype(jnp.int8),
        pre_mask=jnp.ones_like(changed),
        pre_value=segment.before,
        post_mask=changed,
        post_value=gained,
        label=jnp.where(jnp.any(gained), label, NO_LABEL).astype(jnp.int8),
        successes=jnp.zeros((), jnp.int32),
    )


def consolidated(segment: Segment) -> Segment:
    """Returns the segment marked as done with."""
    return dataclasses.replace(segment, num_steps=jnp.zeros((), jnp.int32))
