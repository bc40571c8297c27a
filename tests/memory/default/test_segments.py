"""Segments by hand: which steps a suffix takes, and what it asks and promises."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memory.handmade import as_skill, plain_skill
from procmem_jax.memory.default import path as paths
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.default.segments import consolidated, make_segment, no_segment, ring_length, suffix_skill
from procmem_jax.memory.protocol import Step
from procmem_jax.percept import Percept
from quick import quick_first

NO = jnp.zeros((), jnp.bool_)


@functools.partial(jax.jit, static_argnames=("longest", "embedding_size"))
def suffix(segment, path, length, longest=4, embedding_size=6):
    embed = functools.partial(direction_embedding, embedding_size=embedding_size)
    return suffix_skill(segment, path, length, longest, embed)


@functools.cache
def walk(num_actions, ring=6):
    """The path on which action t (1, 2, ...) was taken in context (10 + t, -t), up to and with the last action."""
    path = paths.begin_path(ring, jnp.uint32(0), jnp.array([11, -1], jnp.float32))
    for t in range(1, num_actions + 1):
        path = paths.take_action(path, jnp.int32(t % 6), jnp.bool_(True))
        if t < num_actions:
            path = paths.go_to(path, jnp.int32(t), jnp.bool_(False), ring)
            path = paths.describe_state(path, jnp.uint32(t), jnp.array([11 + t, -1 - t], jnp.float32))
    return path


def step_between(before, after):
    """The step with these predicates around it, in tick 70 of episode 5."""
    around = [Percept(predicates, jnp.zeros(2), jnp.uint32(0)) for predicates in (before, after)]
    return Step(*around, jnp.int32(0), jnp.float32(0), NO, NO, episode=jnp.int32(5), tick=jnp.int32(70))


def segment_of(num_actions, before, after, longest=4):
    return make_segment(walk(num_actions), step_between(jnp.array(before), jnp.array(after)), longest)


@pytest.mark.parametrize("num_actions", (1, 2, 4, 5, 9, 14))
def test_every_suffix_ends_with_the_last_action(num_actions):
    """Also where the ring of 6 has come round."""
    segment = segment_of(num_actions, [False] * 3, [True, False, False])
    assert segment.num_steps == min(num_actions, 4)
    for length in range(1, min(num_actions, 4) + 1):
        skill = suffix(segment, walk(num_actions), jnp.int32(length))
        actions = [t % 6 for t in range(num_actions - length + 1, num_actions + 1)]
        assert skill.actions.tolist() == [*actions, *[0] * (4 - length)]
        assert skill.length == length
        first = num_actions - length + 1
        context = jnp.array([10 + first, -first], jnp.float32)
        np.testing.assert_allclose(skill.embedding, direction_embedding(context, 6), atol=1e-6)


@pytest.mark.parametrize(
    ("before", "after", "post_mask", "post_value", "label"),
    (
        ([0, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], 0),
        ([1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0], 1),
        ([1, 1, 0], [1, 1, 1], [0, 0, 1], [0, 0, 1], 2),
        ([1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0], -1),  # a predicate that was lost
        ([1, 0, 0], [0, 1, 1], [1, 1, 1], [0, 1, 1], 1),  # the first that came true names it
        ([1, 0, 1], [1, 0, 1], [0, 0, 0], [0, 0, 0], -1),
    ),
)
def test_conditions_and_label(before, after, post_mask, post_value, label):
    skill = suffix(segment_of(2, np.bool_(before), np.bool_(after)), walk(2), jnp.int32(2))
    assert skill.pre_mask.tolist() == [True] * 3
    assert skill.pre_value.tolist() == np.bool_(before).tolist()
    assert skill.post_mask.tolist() == np.bool_(post_mask).tolist()
    assert skill.post_value.tolist() == np.bool_(post_value).tolist()
    assert skill.label == label
    assert skill.successes == 0
    assert (skill.episode, skill.tick) == (5, 70)


def test_a_suffix_has_a_skills_dtypes():
    skill = suffix(segment_of(2, [False] * 3, [True, False, False]), walk(2), jnp.int32(2))
    known = dataclasses.replace(as_skill(plain_skill(), [0.0] * 6, 4), episode=np.int32(0), tick=np.int32(0))
    chex.assert_trees_all_equal_shapes_and_dtypes(skill, known)


def test_no_segment_and_a_consolidated_one_have_no_steps():
    nothing, something = no_segment(walk(3), 3), segment_of(3, [False] * 3, [True, False, False])
    chex.assert_trees_all_equal_shapes_and_dtypes(nothing, something)
    assert (nothing.num_steps, something.num_steps, consolidated(something).num_steps) == (0, 3, 0)
    assert consolidated(something).count == something.count


@pytest.mark.parametrize(
    ("window", "longest", "interval", "ring"), quick_first(((16, 8, 16, 32), (4, 3, 1, 8), (64, 32, 16, 64)))
)
def test_a_segment_outlasts_the_interval(window, longest, interval, ring):
    """Walked on for as many steps as there can be before the consolidation, its first state is still in its place."""
    assert ring_length(window, longest, interval) == ring
    path = paths.begin_path(ring, jnp.uint32(0), jnp.zeros(2))
    for t in range(1, longest + interval + 1):
        path = paths.take_action(path, jnp.int32(t % 6), jnp.bool_(True))
        if t == longest:
            segment = make_segment(path, step_between(jnp.zeros(3, bool), jnp.ones(3, bool)), longest)
        path = paths.go_to(path, jnp.int32(t), jnp.bool_(t == longest), window)
        path = paths.describe_state(path, jnp.uint32(t), jnp.full(2, t, jnp.float32))
    skill = suffix(segment, path, jnp.int32(longest), longest, embedding_size=4)
    assert skill.actions.tolist() == [t % 6 for t in range(1, longest + 1)]
    np.testing.assert_array_equal(skill.embedding, direction_embedding(jnp.zeros(2), 4))
