"""Batches of grids that begin their next episode by Gymnasium's rules, compiled.

Under `vmap` every step costs a reset, which the layouts keep cheap.
"""

import functools

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.observation import as_floats
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.export.options import Choices
from procmem_jax.export.seeded_episodes import SeededState, begin_next, begin_seeded, first_info, step_chosen

# The values of `gymnasium.vector.AutoresetMode`.
NEXT_STEP = "NextStep"
SAME_STEP = "SameStep"
DISABLED = "Disabled"


def advance(
    state: SeededState,
    action: jax.Array,
    params: GridWorldParams,
    world: GridWorld,
    choices: Choices | None,
    mode: str,
) -> tuple[SeededState, tuple]:
    """Returns (state, told) of one step with autoreset (one example).

    Args:
        state: one example.
        action: `()` int32.
        params: concrete or traced.
        world, choices: static.
        mode: static, `NEXT_STEP`, `SAME_STEP` or `DISABLED`.

    Returns:
        The state, and what to tell: observation, reward, terminated, truncated, info of the step, whether the world was
        stepped at all, the observation before the autoreset, and the info that a reset tells of the state.
    """
    new, reward, terminated, truncated, info = step_chosen(state, action, world, params, choices)
    final_obs = _observe(new, params, world)
    stepped = jnp.ones((), jnp.bool_)
    if mode == NEXT_STEP:
        stepped = ~state.ended
        new = _select(state.ended, begin_next(state, world, params), new)
        reward = jnp.where(stepped, reward, jnp.zeros((), reward.dtype))
        terminated, truncated = terminated & stepped, truncated & stepped
    elif mode == SAME_STEP:
        new = _select(new.ended, begin_next(new, world, params), new)
    told = (_observe(new, params, world), reward, terminated, truncated, info, stepped, final_obs)
    return new, (*told, first_info(new, params, choices))


@functools.partial(jax.jit, static_argnames=("world", "choices", "mode"))
def advance_batch(state, actions, params, world, choices, mode):
    """Returns `advance` of a batch, all with the same params."""
    return jax.vmap(lambda one, action: advance(one, action, params, world, choices, mode))(state, actions)


@functools.partial(jax.jit, static_argnames=("world", "choices"))
def begin_batch(words, params, world, choices):
    """Returns (states, (observations, infos)) of the first episodes of seeds, `words` `[A, 2]` uint32."""
    states = jax.vmap(lambda one: begin_seeded(one, world, params))(words)
    return states, _tell(states, params, world, choices)


@functools.partial(jax.jit, static_argnames=("world", "choices"))
def reset_batch(state, words, seeded, mask, params, world, choices):
    """Returns the same after a reset of those in `mask`: of the `seeded` anew, of the others onwards."""

    def reset(one, words, seeded, chosen):
        fresh = _select(seeded, begin_seeded(words, world, params), begin_next(one, world, params))
        return _select(chosen, fresh, one)

    states = jax.vmap(reset)(state, words, seeded, mask)
    return states, _tell(states, params, world, choices)


def _tell(states: SeededState, params: GridWorldParams, world: GridWorld, choices: Choices | None) -> tuple:
    return jax.vmap(lambda one: (_observe(one, params, world), first_info(one, params, choices)))(states)


def _observe(state: SeededState, params: GridWorldParams, world: GridWorld) -> jax.Array:
    return as_floats(world.observe(state.world, params))


def _select(condition: jax.Array, yes: SeededState, no: SeededState) -> SeededState:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
