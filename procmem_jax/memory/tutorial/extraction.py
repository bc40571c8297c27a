"""The tutorial's rule for making a skill: the last few steps of a successful episode."""

import jax
import jax.numpy as jnp

from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import NO_LABEL, Skill
from procmem_jax.memory.tutorial.embedding import tutorial_embedding
from procmem_jax.records import state_record


@state_record
class Window:
    """The last W transitions of an episode, the latest at the end.

    Attributes:
        contexts: `[W, C]` float32, before each action.
        predicates: `[W, P]` bool, before each action.
        actions: `[W]` int8 or int16.
        length: `()` int32, transitions since the episode began (may exceed W).
    """

    contexts: jax.Array
    predicates: jax.Array
    actions: jax.Array
    length: jax.Array


def empty_window(config: LibraryConfig, context_size: int) -> Window:
    """Returns a window of `config.max_skill_length` transitions, with none in it."""
    width = config.max_skill_length
    return Window(
        contexts=jnp.zeros((width, context_size), jnp.float32),
        predicates=jnp.zeros((width, config.num_predicates), jnp.bool_),
        actions=jnp.zeros((width,), config.action_dtype),
        length=jnp.zeros((), jnp.int32),
    )


def push(window: Window, context: jax.Array, predicates: jax.Array, action: jax.Array) -> Window:
    """Returns the window with one more transition at its end.

    Args:
        window: one example.
        context: `[C]` float32, before the action.
        predicates: `[P]` bool, before the action.
        action: `()` integer.
    """
    return Window(
        contexts=jnp.concatenate([window.contexts[1:], context[None]]),
        predicates=jnp.concatenate([window.predicates[1:], predicates[None]]),
        actions=jnp.concatenate([window.actions[1:], action.astype(window.actions.dtype)[None]]),
        length=window.length + 1,
    )


def last_window_skill(
    window: Window, end_predicates: jax.Array, action_codes: jax.Array, config: LibraryConfig
) -> Skill:
    """Returns the skill that the last min(W, length) transitions of a successful episode make.

    Its precondition asks for the first two predicates (has_key, door_open) as they were at its first transition, and
    its label is the first of these two that has become true since then. It starts with one success.

    Args:
        window: one example with at least one transition; W = `config.max_skill_length`.
        end_predicates: `[P]` bool, after the last transition.
        action_codes: `[num_actions]` float32.
        config: static.
    """
    width = config.max_skill_length
    length = jnp.minimum(window.length, width)
    start = width - length
    first = jnp.arange(width, dtype=jnp.int32) == start
    context = jnp.sum(jnp.where(first[:, None], window.contexts, 0.0), axis=0)  # one term is not zero
    predicates = jnp.any(first[:, None] & window.predicates, axis=0)
    actions = _shift_to_front(window.actions, start)
    length = length.astype(jnp.int8)
    gained = end_predicates & ~predicates
    label = jnp.where(gained[0], 0, jnp.where(gained[1], 1, NO_LABEL)).astype(jnp.int8)
    asked = jnp.arange(config.num_predicates, dtype=jnp.int32) < 2
    return Skill(
        embedding=tutorial_embedding(context, predicates, actions, length, action_codes, config.embedding_size),
        actions=actions,
        length=length,
        pre_mask=asked,
        pre_value=predicates & asked,
        post_mask=gained,
        post_value=gained,
        label=label,
        successes=jnp.ones((), jnp.int32),
    )


def _shift_to_front(actions: jax.Array, start: jax.Array) -> jax.Array:
    """Returns `actions[start:]` at the front of `[W]`, zeros behind it."""
    width = actions.shape[0]
    positions = jnp.arange(width, dtype=jnp.int32)
    moves = positions[:, None] + start == positions[None, :]
    return jnp.sum(jnp.where(moves, actions[None, :], 0), axis=-1).astype(actions.dtype)
