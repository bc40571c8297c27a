"""What the default memory finds out beside skills: which ways lead to success, what mattered, and what kills.

It is kept with the library (`SkillLibrary.worth`), as plain numbers of which zeros say that nothing was found.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from procmem_jax.memory.default.choice import Index, coordinate_cosines, make_index
from procmem_jax.memory.default.knowledge.dangers import Dangers, dangers_of, learn_dangers, no_dangers, numbers_of
from procmem_jax.memory.default.knowledge.relevance import (
    Relevance,
    asked_of,
    kind_of,
    no_relevance,
    note_change,
    note_try,
    weights_of,
)
from procmem_jax.memory.default.knowledge.values import Values, change_of, no_values
from procmem_jax.memory.default.segments import Segment
from procmem_jax.memory.default.state import DefaultMemoryState
from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.protocol import Step

_ALIKE = 0.5  # cosine of the angles of one coordinate; between any sign and another it is less


class Findings(NamedTuple):
    """What was found, None for what the memory does not learn."""

    values: Values | None
    relevance: Relevance | None
    dangers: Dangers | None


def nothing_found(memory: Any, num_predicates: int, num_coordinates: int) -> Findings:
    """Returns the findings of an agent that has seen nothing."""
    return Findings(
        no_values(num_predicates) if memory.values else None,
        no_relevance(num_predicates, num_coordinates) if memory.relevance else None,
        no_dangers(memory.num_surroundings) if memory.caution else None,
    )


def findings_of(state: DefaultMemoryState) -> Findings:
    """Returns what a memory has found."""
    return Findings(state.values, state.relevance, state.dangers)


def num_numbers(memory: Any, num_predicates: int, num_coordinates: int) -> int:
    """Returns the length of `as_numbers`."""
    found = jax.eval_shape(lambda: as_numbers(nothing_found(memory, num_predicates, num_coordinates)))
    return 0 if found is None else found.shape[0]


def as_numbers(findings: Findings) -> jax.Array | None:
    """Returns what outlasts an episode, `[W]` float32; None if nothing is learned."""
    numbers, _ = ravel_pytree(_kept(findings))
    return numbers if numbers.shape[0] else None


def with_numbers(state: DefaultMemoryState, numbers: jax.Array | None) -> DefaultMemoryState:
    """Returns the state with what `as_numbers` made `numbers` of; with None as it is."""
    if numbers is None:
        return state
    found = findings_of(state)
    _, unravel = ravel_pytree(_kept(found))
    nearness, relevance, dangers = unravel(numbers)
    values = None if found.values is None else dataclasses.replace(found.values, nearness=nearness)
    dangers = None if dangers is None else dangers_of(dangers)
    return dataclasses.replace(state, values=values, relevance=relevance, dangers=dangers)


def _kept(findings: Findings) -> Any:
    """Returns what outlasts an episode, float32 arrays all."""
    values, relevance, dangers = findings
    nearness = None if values is None else values.nearness
    return nearness, relevance, None if dangers is None else numbers_of(dangers)


def index_of(library: SkillLibrary, memory: Any, relevance: Relevance | None) -> Index:
    """Returns the index of a library, by what the memory has found of what matters."""
    index = make_index(library)
    if memory.values:
        index = dataclasses.replace(index, changes=change_of(library.post_mask, library.post_value))
    if relevance is None:
        return index
    return _weigh(index, library, relevance, weights_of(relevance, memory.num_surroundings))


def _weigh(index: Index, library: SkillLibrary, relevance: Relevance, weights: jax.Array) -> Index:
    """Returns the index of a library with predicates, and coordinates by `weights` (`[K, C]`), as they count by now."""
    kinds = kind_of(library.post_mask, library.post_value)
    return index.weighed(weights[kinds], library.pre_mask & asked_of(relevance)[kinds])


def learn_relevance(
    state: DefaultMemoryState, memory: Any, embedding: jax.Array, enabled: jax.Array
) -> tuple[DefaultMemoryState, jax.Array]:
    """Returns (state, weights `[C]` float32) once the kept segment has told what mattered for its change.

    Args:
        state: one example.
        memory: static, the `DefaultMemory`.
        embedding: `[D]` float32, of the situation in which the segment's last action was taken.
        enabled: `()` bool.
    """
    segment: Segment = state.segment
    kind = kind_of(segment.before != segment.after, segment.after)
    there = enabled & (segment.num_steps > 0)
    relevance = note_change(state.relevance, kind, embedding, segment.before, there)
    weights = weights_of(relevance, memory.num_surroundings)
    index = _weigh(state.index, state.library, relevance, weights)
    return dataclasses.replace(state, relevance=relevance, index=index), weights[kind]


def learn_what_kills(state: DefaultMemoryState, memory: Any, step: Step, enabled: jax.Array) -> DefaultMemoryState:
    """Returns the state once a step has told whether its action kills; arguments as for `learn_relevance`."""
    known, last = (state.dangers, step, memory.num_surroundings, enabled), memory.success_is_last
    return dataclasses.replace(state, dangers=learn_dangers(*known, success_is_last=last))


def learn_from_try(
    state: DefaultMemoryState, begun: DefaultMemoryState, failed: jax.Array, enabled: jax.Array
) -> DefaultMemoryState:
    """Returns the state once the first step of a skill out of its situation has told what mattered for it.

    Args:
        state: one example, after the step.
        begun: before its outcome was counted.
        failed: `()` bool, whether the step did.
        enabled: `()` bool.
    """
    slot = jnp.maximum(begun.running, 0)
    size = begun.path.contexts.shape[1]
    cosines = coordinate_cosines(begun.index.at(slot, begun.library), begun.query, num_coordinates=size)[:, 0]
    kind = kind_of(begun.library.post_mask[slot], begun.library.post_value[slot])
    tried = enabled & (begun.running != EMPTY) & ~begun.whole
    relevance = note_try(state.relevance, kind, cosines < _ALIKE, failed, tried)
    return dataclasses.replace(state, relevance=relevance)
