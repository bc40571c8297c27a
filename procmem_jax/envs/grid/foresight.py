"""Where a row of actions leads in the grid if nothing comes between: what a picture of a skill shows ahead."""

import functools

import jax

from procmem_jax.envs.grid.world import GridWorld, GridWorldParams, GridWorldState


@functools.partial(jax.jit, static_argnames=("grid",))
def cells_ahead(
    grid: GridWorld, params: GridWorldParams, state: GridWorldState, actions: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Returns the cells (x, y) after each of `actions`, `[L]` int8 each; no action sticks. One example.

    Args:
        grid: static.
        params: concrete or traced.
        state: where it begins.
        actions: `[L]` integers; what is not an action leaves the cell as it is.
    """

    def follow(state, action):
        state, *_ = grid.step_from_words(None, state, action, params)
        return state, (state.x, state.y)

    return jax.lax.scan(follow, state, actions.astype("int32"))[1]
