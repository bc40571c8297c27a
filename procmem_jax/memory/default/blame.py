"""Blame for first steps taken out of the situation that a skill was made for; none of it is forgotten with the episode.

A skill is made for one situation and tried in others like it. Where that kills, the other situation is not like it in
what matters, and neither are those farther away: from then on the skill is tried only nearer (a boundary drawn by the
nearest failure: Mitchell 1982, "Generalization as search"). Where the memory promises no fewer steps after the step
than before, it led nowhere, however new the state: no way along which the promise falls closes a loop, and a clock in
the observation, which makes every state a new one, does not hide that (on potentials and loops: Ng, Harada & Russell
1999, "Policy invariance under reward transformations").
"""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.memory import library as skill_library
from procmem_jax.memory.default.choice import Choice, compare
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.default.state import DefaultMemoryState
from procmem_jax.memory.library import EMPTY


def learn_from_death(state: DefaultMemoryState, now: jax.Array) -> DefaultMemoryState:
    """Returns the state in which a first step that killed has cut its skill's reach to less than its distance.

    Args:
        state: one example, before the outcome of the step is counted.
        now: `()` bool, whether the step killed.
    """
    slot = jnp.maximum(state.running, 0)
    _, distance = compare(
        state.index.at(slot, state.library), state.query, num_coordinates=state.path.contexts.shape[1]
    )
    killed = now & (state.running != EMPTY) & ~state.whole
    reach = state.library.reach
    place = jnp.where(killed, slot, reach.shape[0])  # out of range, and so dropped
    library = dataclasses.replace(state.library, reach=reach.at[place].min(distance[0], mode="drop"))
    return dataclasses.replace(state, library=library)


def judge_first_step(
    state: DefaultMemoryState, choice: Choice, params: DefaultMemoryParams, *, counts: bool, count_failures: bool
) -> DefaultMemoryState:
    """Returns the state with the first step of the last tick, if it waits for that, counted by what is promised now.

    Args:
        state: one example.
        choice: the best there is in the situation that the step led to.
        params: of the memory.
        counts, count_failures: static, as for `count_outcome`.
    """
    waits = state.judged != EMPTY
    success = (choice.found & (choice.steps < state.promised)) | ~choice.promises
    failed = waits & ~success
    counted = success if count_failures else jnp.ones_like(success)
    failures = state.failures + failed.astype(jnp.int32)
    library = skill_library.record_outcome(state.library, state.judged, counted, enabled=waits & counts)
    return dataclasses.replace(
        state,
        library=library,
        index=state.index.after_use(library, state.judged),
        judged=jnp.full_like(state.judged, EMPTY),
        failures=failures,
        retreat=jnp.where(failed, params.retreat_after(failures), state.retreat),
    )
