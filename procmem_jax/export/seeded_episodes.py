"""A grid that plays one episode after another, everything random in it a function of its seed.

It draws from the package's own streams, as agent 0 of the run of that seed: episode i after seeding has the layout of
episode i of `procmem train --seed SEED --agents 1`, and actions stick at the same ticks.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.grid.world import GridWorld, GridWorldParams, GridWorldState
from procmem_jax.export.options import Choices
from procmem_jax.records import check_count, state_record
from procmem_jax.streams import Streams, draw_words, open_streams

_AGENT = np.uint32(0)


@state_record
class SeededState:
    """One world between two steps.

    Attributes:
        streams: of its seed.
        episode: `()` int32, its episode, counted since it was seeded.
        tick: `()` uint32, steps since it was seeded.
        ended: `()` bool, whether the last step ended the episode.
        world: the grid.
    """

    streams: Streams
    episode: jax.Array
    tick: jax.Array
    ended: jax.Array
    world: GridWorldState


def seed_words(seed: int) -> np.ndarray:
    """Returns the key data of `seed`, `[2]` uint32; below 2^32 those of `run_key(seed)`.

    Raises:
        TypeError: `seed` is not an integer.
        ValueError: `seed` is outside 0 to 2^64 - 1.
    """
    check_count("seed", seed, 0, 2**64 - 1)
    return np.array([int(seed) >> 32, int(seed) & 0xFFFFFFFF], np.uint32)


def begin_seeded(words: jax.Array, world: GridWorld, params: GridWorldParams) -> SeededState:
    """Returns the start of the first episode of a seed (one example).

    Args:
        words: `[2]` uint32, as `seed_words` gives them.
        world: static.
        params: concrete or traced.
    """
    streams = open_streams(jax.random.wrap_key_data(words, impl="threefry2x32"))
    return _begin(streams, jnp.zeros((), jnp.int32), jnp.zeros((), jnp.uint32), world, params)


def begin_next(state: SeededState, world: GridWorld, params: GridWorldParams) -> SeededState:
    """Returns the start of the episode after that of `state` (one example)."""
    return _begin(state.streams, state.episode + 1, state.tick, world, params)


def step_seeded(
    state: SeededState, action: jax.Array, world: GridWorld, params: GridWorldParams
) -> tuple[SeededState, jax.Array, jax.Array, jax.Array, jax.Array]:
    """Returns (state, reward, terminated, truncated, executed action) of one raw transition (one example)."""
    noise = draw_words(state.streams.tick, state.tick, _AGENT)[1]
    grid, reward, terminated, truncated, info = world.step_from_words((noise, noise), state.world, action, params)
    new = dataclasses.replace(state, tick=state.tick + 1, ended=terminated | truncated, world=grid)
    return new, reward, terminated, truncated, info["executed_action"]


def step_chosen(
    state: SeededState, choice: jax.Array, world: GridWorld, params: GridWorldParams, choices: Choices | None
) -> tuple[SeededState, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
    """Returns (state, reward, terminated, truncated, info) of a choice: an action, or with `choices` a whole skill."""
    if choices is None:
        state, *told, executed = step_seeded(state, choice, world, params)
        return state, *told, {"executed_action": executed}
    state, outcome = choices.carry_out(
        lambda state, _, action: step_seeded(state, action, world, params),
        state,
        choice,
        choices.action_mask(state.world, params),
    )
    info = {name: getattr(outcome, name) for name in ("executed_action", "duration", "initiable")}
    info |= first_info(state, params, choices)
    return state, outcome.reward, outcome.terminated, outcome.truncated, info


def first_info(state: SeededState, params: GridWorldParams, choices: Choices | None) -> dict[str, jax.Array]:
    """Returns what a reset tells: with `choices` which can begin, `[A + K]` int8, as spaces of Gymnasium sample by."""
    return {} if choices is None else {"action_mask": choices.action_mask(state.world, params).astype(jnp.int8)}


def _begin(streams: Streams, episode: jax.Array, tick: jax.Array, world: GridWorld, params: GridWorldParams):
    words = draw_words(streams.episode, world.layout_number(episode, params), _AGENT)
    grid = world.reset_from_words(words, params)
    return SeededState(streams, episode, tick, jnp.zeros((), jnp.bool_), grid)
