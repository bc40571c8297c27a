"""How a skill ends, and what is counted of it."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.memory import library as skill_library
from procmem_jax.memory.default.state import DefaultMemoryState
from procmem_jax.memory.library import EMPTY
from procmem_jax.percept import Percept

_STALL_STEPS = 2  # a skill is stopped when this many of its steps in a row changed nothing


def break_off(state: DefaultMemoryState, now: jax.Array) -> DefaultMemoryState:
    """Returns the state with the running skill broken off where `now`; after a loop it is dropped, which is a failure.

    Skills that only interrupt each other end up going round, and are then found out.
    """
    return dataclasses.replace(
        state,
        running=jnp.where(now, EMPTY, state.running),
        dropped=jnp.where(now & state.looped, state.running, state.dropped),
    )


def count_outcome(
    state: DefaultMemoryState,
    after: Percept,
    changed: jax.Array,
    looped: jax.Array,
    number: jax.Array,
    episode_over: jax.Array,
    *,
    counts: jax.Array,
    enabled: jax.Array,
    count_failures: bool,
    died: jax.Array | None = None,
    was_left: jax.Array | None = None,
) -> tuple[DefaultMemoryState, jax.Array]:
    """Returns (state, whether a skill failed `()` bool): what has ended in this tick is stopped, its outcome counted.

    Args:
        state: one example.
        after: the situation after the step.
        changed: `()` bool, whether the step changed a predicate.
        looped, number: `()` bool and int32, whether it closed a loop, and with which state of the path.
        episode_over: `()` bool, whether the environment ended the episode.
        counts: `()` bool, whether the library counts outcomes.
        enabled: `()` bool, whether the agent counts uses.
        count_failures: static; False: every use counts as a success.
        died: `()` bool, whether the step killed; None where a death is like any end.
        was_left: `()` bool, whether the path has just come back from where the step leads; None where that is as good
            as anywhere new.
    """
    in_skill = state.running != EMPTY
    dropped = state.dropped != EMPTY
    slot = jnp.maximum(state.running, 0)
    cursor = state.cursor + 1
    stalled = jnp.where(looped & (number == state.path.count), state.stalled + 1, 0)
    over = changed | episode_over | (cursor >= state.run_length) | (stalled >= _STALL_STEPS)
    ended = (in_skill & over) | dropped
    library = state.library
    reached = changed & jnp.all(~library.post_mask[slot] | (library.post_value[slot] == after.predicates))
    nowhere_new = looped if was_left is None else looped | was_left
    success = (reached | (~state.whole & ~nowhere_new)) & ~dropped
    if died is not None:
        success = success & ~died
    if state.judged is not None:  # what the first step leads to is seen in the next tick
        waits = in_skill & ~state.whole & ~looped & ~changed & ~episode_over & enabled
        state = dataclasses.replace(state, judged=jnp.where(waits, state.running, EMPTY))
        counts = counts & ~waits
    counted = success if count_failures else jnp.ones_like(success)
    used = jnp.where(dropped, state.dropped, state.running)
    library = skill_library.record_outcome(library, used, counted, enabled=ended & counts)
    state = dataclasses.replace(
        state,
        library=library,
        index=state.index.after_use(library, jnp.where(ended & counts, used, EMPTY)),
        running=jnp.where(ended, EMPTY, state.running),
        cursor=cursor,
        stalled=stalled,
        looped=state.looped | looped,
        dropped=jnp.full_like(state.dropped, EMPTY),
        num_uses=state.num_uses + (ended & enabled).astype(jnp.int32),
    )
    return state, ended & ~success
