"""What mattered: the coordinates and predicates that were alike whenever the same change came.

The situation right before a change tells what it was about. A coordinate that was the same there each time, and is not
in general, matters for it; one that varied as much as ever does not. In between it matters by the share of its variance
that is gone (as "explained variance"). A predicate is asked about while it has always, or never, held there: the most
specific condition that all examples satisfy (Find-S; Mitchell 1997, "Machine learning", section 2.4), which becomes
more general with every other example. So a skill begins as one for its very situation, and what is learned of all that
achieve the same widens it. Related: the sets in which options may begin (Konidaris & Barto 2007, "Building portable
options").

Some coordinates matter on the way, not at its end, such as walls: those that a percept counts among its surroundings
are always compared.
"""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.fixed_order import rounded_product, rounded_quotient
from procmem_jax.records import state_record

_LEAST_VARIANCE = 0.01  # below which a coordinate is the same everywhere, and it is all one how it counts


@state_record
class Relevance:
    """What there was before each of K = 2 P kinds of changes, P predicates coming true and P ceasing to be.

    Situations are embedded: each of their C coordinates is a point on the unit circle, two numbers of the 2 C.

    Attributes:
        events: `[K]` float32, changes of each kind.
        means: `[K, 2 C]` float32, of the embeddings right before them.
        held, lacked: `[K, P]` float32, 1 where a predicate has held there, and where it has not.
        tries, failures: `[K]` float32, first steps of skills out of their situations, and those that failed.
        tries_apart, failures_apart: `[K, C]` float32, the same where the situation was another in a coordinate.
        steps: `()` float32, all steps.
        mean: `[2 C]` float32, of the embeddings in all of them.
    """

    events: jax.Array
    means: jax.Array
    held: jax.Array
    lacked: jax.Array
    tries: jax.Array
    failures: jax.Array
    tries_apart: jax.Array
    failures_apart: jax.Array
    steps: jax.Array
    mean: jax.Array


def no_relevance(num_predicates: int, num_coordinates: int) -> Relevance:
    """Returns the knowledge of an agent to which nothing has happened: zeros."""
    kinds, shapes = 2 * num_predicates, 2 * num_coordinates
    sizes = [(kinds,), (kinds, shapes), (kinds, num_predicates), (kinds, num_predicates)]
    sizes += [(kinds,), (kinds,), (kinds, num_coordinates), (kinds, num_coordinates), (), (shapes,)]
    return Relevance(*(jnp.zeros(size, jnp.float32) for size in sizes))


def kind_of(mask: jax.Array, value: jax.Array) -> jax.Array:
    """Returns the kind of a change, `[...]` int32: the first predicate gained, else P more than the first one lost.

    Args:
        mask: `[..., P]` bool, what changes; something does.
        value: `[..., P]` bool, as it is afterwards.
    """
    return jnp.argmax(jnp.concatenate([mask & value, mask & ~value], axis=-1), axis=-1).astype(jnp.int32)


def note_step(relevance: Relevance, embedding: jax.Array, enabled: jax.Array) -> Relevance:
    """Returns the relevance after a step in a situation (`[D]` float32, embedded), where `enabled` (`()` bool)."""
    steps = relevance.steps + 1.0
    mean = relevance.mean + rounded_quotient(_on_circles(relevance, embedding) - relevance.mean, steps)
    return dataclasses.replace(
        relevance,
        steps=jnp.where(enabled, steps, relevance.steps),
        mean=jnp.where(enabled, mean, relevance.mean),
    )


def note_change(
    relevance: Relevance, kind: jax.Array, embedding: jax.Array, before: jax.Array, enabled: jax.Array
) -> Relevance:
    """Returns the relevance after a change.

    Args:
        relevance: one example.
        kind: `()` int32, of the change.
        embedding: `[D]` float32, of the situation before it.
        before: `[P]` bool, the predicates before it.
        enabled: `()` bool; False leaves all as it is.
    """
    here = (jnp.arange(relevance.events.shape[0], dtype=jnp.int32) == kind) & enabled
    events = relevance.events + 1.0
    means = relevance.means + rounded_quotient(
        _on_circles(relevance, embedding)[None] - relevance.means, events[:, None]
    )
    return dataclasses.replace(
        relevance,
        events=jnp.where(here, events, relevance.events),
        means=jnp.where(here[:, None], means, relevance.means),
        held=jnp.where(here[:, None] & before[None], 1.0, relevance.held),
        lacked=jnp.where(here[:, None] & ~before[None], 1.0, relevance.lacked),
    )


def note_try(
    relevance: Relevance, kind: jax.Array, apart: jax.Array, failed: jax.Array, enabled: jax.Array
) -> Relevance:
    """Returns the relevance after the first step of a skill out of its situation.

    Args:
        relevance: one example.
        kind: `()` int32, of what the skill changes.
        apart: `[C]` bool, in which coordinates the situation was another.
        failed: `()` bool, whether the step did.
        enabled: `()` bool; False leaves all as it is.
    """
    here = (jnp.arange(relevance.tries.shape[0], dtype=jnp.int32) == kind) & enabled
    tried, failing = (flag.astype(jnp.float32) for flag in (here, here & failed))
    differs = apart.astype(jnp.float32)
    return dataclasses.replace(
        relevance,
        tries=relevance.tries + tried,
        failures=relevance.failures + failing,
        tries_apart=relevance.tries_apart + tried[:, None] * differs[None],
        failures_apart=relevance.failures_apart + failing[:, None] * differs[None],
    )


def blame_of(relevance: Relevance) -> jax.Array:
    """Returns the share of failures that comes of a coordinate's being another, `[K, C]` float32 from 0 to 1.

    It is the rate of failures where it is another less that where it is not, over the highest that this can be
    (attributable risk), each counted as if there had been one success more.
    """
    apart = relevance.failures_apart / (relevance.tries_apart + 1.0)
    alike = (relevance.failures[:, None] - relevance.failures_apart) / (
        relevance.tries[:, None] - relevance.tries_apart + 1.0
    )
    return jnp.clip((apart - alike) / (1.0 - alike), 0.0, 1.0)


def weights_of(relevance: Relevance, num_surroundings: int) -> jax.Array:
    """Returns how much each coordinate matters for each kind of change, `[K, C]` float32 from 0 to 1.

    Args:
        relevance: one example.
        num_surroundings: static, coordinates at the end that always matter.
    """
    here, all_over = _variances(relevance.means), _variances(relevance.mean)
    gone = jnp.clip(1.0 - here / jnp.maximum(all_over, _LEAST_VARIANCE)[None], 0.0, 1.0)
    surrounds = jnp.arange(all_over.shape[0], dtype=jnp.int32) >= all_over.shape[0] - num_surroundings
    unknown = (relevance.events == 0)[:, None] | ((all_over < _LEAST_VARIANCE) | surrounds)[None]
    return jnp.where(unknown, 1.0, jnp.maximum(gone, blame_of(relevance)))


def asked_of(relevance: Relevance) -> jax.Array:
    """Returns which predicates matter before each kind of change, `[K, P]` bool."""
    return (relevance.held == 0) | (relevance.lacked == 0)


def _variances(means: jax.Array) -> jax.Array:
    """Returns the variances of points on unit circles with these means (`[..., 2 C]`), `[..., C]` float32."""
    num_coordinates = means.shape[-1] // 2
    squares = rounded_product(means, means)
    return jnp.maximum(1.0 - (squares[..., :num_coordinates] + squares[..., num_coordinates:]), 0.0)


def _on_circles(relevance: Relevance, embedding: jax.Array) -> jax.Array:
    shapes = relevance.mean.shape[0]
    return rounded_product(embedding[:shapes], jnp.sqrt(jnp.float32(shapes // 2)))
