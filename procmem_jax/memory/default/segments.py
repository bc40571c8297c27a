"""Segments: the loop-erased ways to changes of the predicates, kept until they are consolidated into skills."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.memory.default.path import Path, any_explored, num_steps
from procmem_jax.memory.protocol import Step
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
        episode, tick: `()` int32, when the change was.
    """

    count: jax.Array
    num_steps: jax.Array
    before: jax.Array
    after: jax.Array
    episode: jax.Array
    tick: jax.Array


def make_segment(path: Path, step: Step, longest: int) -> Segment:
    """Returns the segment that ends with the step just taken.

    Args:
        path: one example.
        step: whose action is the last of the segment.
        longest: static, steps to learn from at the most.
    """
    before, after = step.before.predicates, step.after.predicates
    when = (jnp.asarray(step.episode, jnp.int32), jnp.asarray(step.tick, jnp.int32))
    return Segment(path.count, num_steps(path, longest), before, after, *when)


def keep_segment(
    kept: Segment, path: Path, step: Step, ends: jax.Array, closer: jax.Array | bool, memory: Any
) -> Segment:
    """Returns the segment that a change of the predicates ends, if there is something to learn from it, else `kept`.

    That is so if a predicate comes true, or the change led closer to success, and exploration had a part in it: ways to
    lose what one needs are not learned. Source: segmentation where something of note happens, as in Konidaris et al.
    2010, "Constructing skill trees".

    Args:
        kept: one example.
        path: up to the step.
        step: just taken.
        ends: `()` bool, whether it changed a predicate.
        closer: `()` bool, whether that led closer, as far as is known.
        memory: static, the `DefaultMemory`.
    """
    ends = ends & (jnp.any(step.after.predicates & ~step.before.predicates) | closer)
    if memory.novel_only:
        ends = ends & any_explored(path, memory.max_skill_length)
    if memory.segmentation == "success":
        ends = ends & step.after.predicates[-1]
    fresh = make_segment(path, step, memory.max_skill_length)
    return jax.tree.map(lambda new, old: jnp.where(ends, new, old), fresh, kept)


def no_segment(path: Path, num_predicates: int) -> Segment:
    """Returns a segment without steps."""
    nothing, zero = jnp.zeros((num_predicates,), jnp.bool_), jnp.zeros((), jnp.int32)
    return Segment(path.count, zero, nothing, nothing, zero, zero)


def ring_length(window: int, longest: int, interval: int) -> int:
    """Returns R, the places of a ring in which a segment outlasts `interval` ticks; a power of two.

    Args:
        window: H, states that the path remembers.
        longest: steps to learn from at the most.
        interval: ticks between two consolidations.
    """
    needed = max(window, longest + interval + 2)
    return 1 << (needed - 1).bit_length()


def suffix_skill(
    segment: Segment, path: Path, length: jax.Array, longest: int, embed: Callable[[jax.Array], jax.Array]
) -> Skill:
    """Returns the skill that the last `length` steps of a segment make.

    Its precondition asks for all predicates as they were, its postcondition for those that changed.

    Args:
        segment: one example.
        path: of which it is a part, at most as many steps later as its ring was made for.
        length: `()` int32, 1 to `num_steps`.
        longest: static, L.
        embed: of a context.
    """
    ring = path.actions.shape[0]
    steps = jnp.arange(longest, dtype=jnp.int32)
    places = jax.lax.rem(segment.count - length + 1 + steps, jnp.int32(ring))
    changed = segment.before != segment.after
    gained = segment.after & changed
    label = jnp.min(jnp.where(gained, jnp.arange(changed.shape[0], dtype=jnp.int8), 127))
    return Skill(
        embedding=embed(path.contexts[places[0]]),
        actions=jnp.where(steps < length, path.actions[places], 0).astype(path.actions.dtype),
        length=length.astype(jnp.int8),
        pre_mask=jnp.ones_like(changed),
        pre_value=segment.before,
        post_mask=changed,
        post_value=gained,
        label=jnp.where(jnp.any(gained), label, NO_LABEL).astype(jnp.int8),
        successes=jnp.zeros((), jnp.int32),
        episode=segment.episode,
        tick=segment.tick,
    )


def consolidated(segment: Segment) -> Segment:
    """Returns the segment marked as done with."""
    return dataclasses.replace(segment, num_steps=jnp.zeros((), jnp.int32))
