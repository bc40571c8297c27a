"""The way from the start of a segment to here, with its loops erased."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.records import state_record


@state_record
class Path:
    """The last H states of a loop-erased path and the actions taken in them: a ring, written at `count % H`.

    Attributes:
        fingerprints: `[H]` uint32.
        contexts: `[H, C]` float32.
        actions: `[H]` int8.
        explored: `[H]` bool, whether the action was chosen by exploration, not by a skill.
        count: `()` int32, the number of the present state; states are numbered on and on through an agent's life.
        start: `()` int32, the number of the segment's first state.
    """

    fingerprints: jax.Array
    contexts: jax.Array
    actions: jax.Array
    explored: jax.Array
    count: jax.Array
    start: jax.Array


def begin_path(length: int, fingerprint: jax.Array, context: jax.Array) -> Path:
    """Returns the path that consists of one state.

    Args:
        length: static, H.
        fingerprint: `()` uint32.
        context: `[C]` float32.
    """
    zero = jnp.zeros((), jnp.int32)
    return Path(
        fingerprints=jnp.zeros((length,), jnp.uint32).at[0].set(fingerprint),
        contexts=jnp.zeros((length, context.shape[0]), jnp.float32).at[0].set(context),
        actions=jnp.zeros((length,), jnp.int8),
        explored=jnp.zeros((length,), jnp.bool_),
        count=zero,
        start=zero,
    )


def take_action(path: Path, action: jax.Array, explored: jax.Array) -> Path:
    """Returns the path with the action taken in the present state noted; `explored` says who chose it."""
    place = path.count % path.actions.shape[0]
    return dataclasses.replace(
        path,
        actions=path.actions.at[place].set(action.astype(jnp.int8)),
        explored=path.explored.at[place].set(explored),
    )


def find_loop(path: Path, fingerprint: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (whether a state is on the path `()` bool, its number there `()` int32).

    Args:
        path: one example.
        fingerprint: `()` uint32, of the state just reached.
    """
    length = path.fingerprints.shape[0]
    age = (path.count - jnp.arange(length, dtype=jnp.int32)) % length
    number = path.count - age
    same = (path.fingerprints == fingerprint) & (number >= path.start)
    return jnp.any(same), jnp.max(jnp.where(same, number, -1))


def arrive(path: Path, fingerprint: jax.Array, context: jax.Array, number: jax.Array, new_segment: jax.Array) -> Path:
    """Returns the path to a state that is given the number `number`: what came at or after that number is forgotten.

    Source of loop erasure: Lawler 1980, "A self-avoiding random walk".

    Args:
        path: one example.
        fingerprint, context: `()` uint32 and `[C]` float32, of the state.
        number: `()` int32, `path.count + 1`, or an earlier one if the state closes a loop.
        new_segment: `()` bool, whether the state is the first of a segment.
    """
    place = number % path.fingerprints.shape[0]
    return dataclasses.replace(
        path,
        fingerprints=path.fingerprints.at[place].set(fingerprint),
        contexts=path.contexts.at[place].set(context),
        count=number,
        start=jnp.where(new_segment, number, path.start),
    )


def last_steps(path: Path, length: int) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """Returns the end of the path up to and with the action just taken: (actions, contexts, explored, how many).

    Args:
        path: one example, its present state the one in which the last action was taken.
        length: static, L <= H.

    Returns:
        `[L]` int8, `[L, C]` float32, `[L]` bool, the latest at the end, and `()` int32, how many of them belong to
        the segment.
    """
    places = (path.count - (length - 1) + jnp.arange(length, dtype=jnp.int32)) % path.actions.shape[0]
    num_steps = jnp.minimum(path.count - path.start + 1, length)
    return path.actions[places], path.contexts[places], path.explored[places], num_steps
