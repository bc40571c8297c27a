"""Skills on their way into a library, and what is checked of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.memory.checks import all_inside, all_met, as_checked, as_float32, inside, narrow
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import state_record

NO_LABEL = -1
UNKNOWN = -1  # the episode and the tick of a skill of which nobody said when it was learned
_LARGEST_COUNT = 2**31 - 1


@state_record
class Skill:
    """One skill on its way into a library.

    Attributes:
        embedding: `[D]` float32, of any length: `insert` scales it to one.
        actions: `[L]` int8 (int16 with `wide_actions`), from 0; entries from `length` on are not looked at.
        length: `()` int8, 1 to L steps.
        pre_mask: `[P]` bool, which predicates the precondition asks about.
        pre_value: `[P]` bool, what it asks of them.
        post_mask, post_value: `[P]` bool, likewise for the postcondition.
        label: `()` int8, the predicate that names the skill, -1 for none.
        successes: `()` int32, the successes that the skill starts with.
        episode, tick: `()` int32, when it was learned, by the agent's own count of both; None or -1 if unknown. (None
            is no leaf of the pytree: nine fields can be mapped over.)
    """

    embedding: jax.Array
    actions: jax.Array
    length: jax.Array
    pre_mask: jax.Array
    pre_value: jax.Array
    post_mask: jax.Array
    post_value: jax.Array
    label: jax.Array
    successes: jax.Array
    episode: jax.Array | None = None
    tick: jax.Array | None = None


def checked_skill(skill: Skill, config: LibraryConfig) -> tuple[Skill, bool | jax.Array]:
    """Returns (the skill in the dtypes that `Skill` promises, whether it can be stored): True if that is known.

    Its embedding is not scaled. It can be stored if the embedding is finite and every number within its bounds.

    Args:
        skill: one example.
        config: static.

    Raises:
        TypeError: a field is of another kind.
        ValueError: a field is of another shape, or a number is known to be out of bounds.
    """
    embedding = as_float32(
        as_checked("skill.embedding", skill.embedding, "real numbers", embedding_size=config.embedding_size)
    )
    conditions = {
        field: jnp.asarray(
            as_checked(f"skill.{field}", getattr(skill, field), "booleans", num_predicates=config.num_predicates)
        )
        for field in ("pre_mask", "pre_value", "post_mask", "post_value")
    }
    longest, last = config.max_skill_length, config.num_predicates - 1
    length, sound = _number(skill, "length", 1, longest, jnp.int8)
    actions, playable = _actions(skill, length, config)
    label, named = _number(skill, "label", NO_LABEL, last, jnp.int8)
    successes, counted = _number(skill, "successes", 0, _LARGEST_COUNT, jnp.int32)
    episode, known_episode = _number(skill, "episode", UNKNOWN, _LARGEST_COUNT, jnp.int32)
    tick, known_tick = _number(skill, "tick", UNKNOWN, _LARGEST_COUNT, jnp.int32)
    for condition in (playable, named, counted, known_episode, known_tick, jnp.all(jnp.isfinite(embedding))):
        sound = sound & condition
    numbers = {"label": label, "successes": successes, "episode": episode, "tick": tick}
    numbers |= {"actions": actions, "length": length}
    return Skill(embedding=embedding, **conditions, **jax.tree.map(jnp.asarray, numbers)), sound


def _number(
    skill: Skill, field: str, low: int, high: int, dtype: Any
) -> tuple[np.ndarray | jax.Array, bool | jax.Array]:
    """Returns (one number of a skill, whether it lies in [low, high]).

    What is known stays a NumPy array until all is checked: inside `jit`, any JAX array is traced.
    """
    name, value = f"skill.{field}", getattr(skill, field)
    value = as_checked(name, UNKNOWN if value is None and field in ("episode", "tick") else value, "whole numbers")
    within = all_inside(name, value, low, high)
    return narrow(value, low, high, dtype), within


def _actions(
    skill: Skill, length: np.ndarray | jax.Array, config: LibraryConfig
) -> tuple[np.ndarray | jax.Array, bool | jax.Array]:
    """Returns (the actions, whether all that are looked at are actions)."""
    longest, largest = config.max_skill_length, config.largest_action
    actions = as_checked("skill.actions", skill.actions, "whole numbers", max_skill_length=longest)
    behind = np.arange(longest, dtype=np.int8) >= length
    playable = inside(actions, 0, largest) | behind
    remedy = "give the indices of actions" + ("" if config.wide_actions else " (above 127: with wide_actions=True)")
    playable = all_met("skill.actions", actions, playable, f"is outside 0 to {largest}", remedy)
    return narrow(actions, 0, largest, config.action_dtype), playable
