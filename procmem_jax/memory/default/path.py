"""The way from the start of a segment to here, with its loops erased."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.memory.slots import folded
from procmem_jax.records import state_record


@state_record
class Path:
    """The last R states of a loop-erased path and the actions taken in them: a ring, state `n` at place `n % R`.

    Attributes:
        fingerprints: `[R]` uint32.
        contexts: `[R, C]` float32.
        actions: `[R]` int8 or int16.
        explored: `[R]` bool, whether the action was chosen by exploration, not by a skill.
        count: `()` int32, the number of the present state; states are numbered on and on through an agent's life.
        place: `()` int32, `count % R`, kept since a CPU has no vectors for division.
        start: `()` int32, the number of the segment's first state, or of the first that is still remembered.
        furthest: `()` int32, the largest number that a state of the segment ever had; None where nobody asks.
    """

    fingerprints: jax.Array
    contexts: jax.Array
    actions: jax.Array
    explored: jax.Array
    count: jax.Array
    place: jax.Array
    start: jax.Array
    furthest: jax.Array | None = None


def begin_path(
    length: int,
    fingerprint: jax.Array,
    context: jax.Array,
    action_dtype: Any = jnp.int8,
    *,
    keeps_furthest: bool = False,
) -> Path:
    """Returns the path that consists of one state.

    Args:
        length: static, R.
        fingerprint: `()` uint32.
        context: `[C]` float32.
        action_dtype: static, of the actions.
        keeps_furthest: static, whether `was_left` is going to be asked.
    """
    zero = jnp.zeros((), jnp.int32)
    path = Path(
        fingerprints=jnp.zeros((length,), jnp.uint32),
        contexts=jnp.zeros((length, context.shape[0]), jnp.float32),
        actions=jnp.zeros((length,), action_dtype),
        explored=jnp.zeros((length,), jnp.bool_),
        count=zero,
        place=zero,
        start=zero,
        furthest=zero if keeps_furthest else None,
    )
    return describe_state(path, fingerprint, context)


def _ages(path: Path) -> jax.Array:
    """Returns how many states ago each place of the ring was the present one, `[R]` int32."""
    length = path.actions.shape[0]
    return _wrap(path.place - jnp.arange(length, dtype=jnp.int32), length)


def _wrap(place: jax.Array, length: int) -> jax.Array:
    """Returns `place % length` for -length <= place < 2 length."""
    return jnp.where(place < 0, place + length, jnp.where(place >= length, place - length, place))


def take_action(path: Path, action: jax.Array, explored: jax.Array) -> Path:
    """Returns the path with the action taken in the present state noted; `explored` says who chose it."""
    return dataclasses.replace(
        path,
        actions=_put(path, path.actions, action.astype(path.actions.dtype)),
        explored=_put(path, path.explored, explored),
    )


def _put(path: Path, ring: jax.Array, entry: jax.Array) -> jax.Array:
    """Returns a ring with `entry` in the place of the present state."""
    return ring.at[path.place].set(entry, mode="promise_in_bounds")


def find_loop(path: Path, fingerprint: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (whether a state is on the path `()` bool, its number there `()` int32).

    Args:
        path: one example.
        fingerprint: `()` uint32, of the state just reached.
    """
    number = path.count - _ages(path)
    same = (path.fingerprints == fingerprint) & (number >= path.start)
    number = jnp.max(folded(jnp.where(same, number, -1), jnp.maximum))
    return number >= 0, number


def go_to(path: Path, number: jax.Array, new_segment: jax.Array, window: int) -> Path:
    """Returns the path on to the state that gets the number `number`: what came at or after it is forgotten.

    Source of loop erasure: Lawler 1980, "A self-avoiding random walk".

    Args:
        path: one example.
        number: `()` int32, `path.count + 1`, or one of the last H if the state closes a loop.
        new_segment: `()` bool, whether the state is the first of a segment.
        window: static, H, at most R: states that are remembered.
    """
    # What is forgotten is gone for good: else an erased loop would bring its numbers back, with states of the loop in
    # their places.
    length = path.actions.shape[0]
    start = jnp.maximum(path.start, number - (window - 1))
    place = _wrap(path.place + (number - path.count), length)
    start, furthest = jnp.where(new_segment, number, start), path.furthest
    if furthest is not None:
        furthest = jnp.where(new_segment, number, jnp.maximum(furthest, number))
    return dataclasses.replace(path, count=number, place=place, start=start, furthest=furthest)


def begin_segment(path: Path, now: jax.Array) -> Path:
    """Returns the path with the present state the first of a segment, where `now` (`()` bool)."""
    furthest = None if path.furthest is None else jnp.where(now, path.count, path.furthest)
    return dataclasses.replace(path, start=jnp.where(now, path.count, path.start), furthest=furthest)


def was_left(path: Path, fingerprint: jax.Array) -> jax.Array:
    """Returns whether the path went on to this state when it was last here in the segment, and came back, `()` bool.

    What an erased loop leaves behind lies in the next places of the ring until the path gets there again.

    Args:
        path: one example, which keeps `furthest`.
        fingerprint: `()` uint32, of the state just reached.
    """
    next_place = _wrap(path.place + 1, path.actions.shape[0])
    same = path.fingerprints.at[next_place].get(mode="promise_in_bounds") == fingerprint
    return same & (path.furthest > path.count)


def describe_state(path: Path, fingerprint: jax.Array, context: jax.Array) -> Path:
    """Returns the path with the present state described.

    Args:
        path: one example.
        fingerprint: `()` uint32.
        context: `[C]` float32.
    """
    return dataclasses.replace(
        path,
        fingerprints=_put(path, path.fingerprints, fingerprint),
        contexts=_put(path, path.contexts, context),
    )


def num_steps(path: Path, most: int) -> jax.Array:
    """Returns how many actions of the segment are remembered, the one just taken included, `most` at the most."""
    return jnp.minimum(path.count - path.start + 1, most)


def any_explored(path: Path, most: int) -> jax.Array:
    """Returns whether exploration chose any of the last `num_steps(path, most)` actions, `()` bool."""
    return jnp.any(folded(path.explored & (_ages(path) < num_steps(path, most)), jnp.logical_or))
