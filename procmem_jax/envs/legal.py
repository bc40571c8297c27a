"""Which actions are legal, where an environment tells it, and a lot among them."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.protocol import Environment, EnvParams, EnvState
from procmem_jax.streams import scale_word

_WRITTEN_OUT = 128  # actions; of so few a CPU finds the running sums 5 to 14 times as fast without `jnp.cumsum`


def check_legal_actions(legal: Any, num_actions: int) -> None:
    """Raises a TypeError unless `legal`, traced or not, is `[num_actions]` bool."""
    if getattr(legal, "shape", None) != (num_actions,) or str(legal.dtype) != "bool":
        given = f"{legal.dtype}{list(legal.shape)}" if hasattr(legal, "dtype") else f"a {type(legal).__name__}"
        raise TypeError(f"legal_actions gives {given}; give bool[{num_actions}], one truth for each action")


def legal_actions_in(environment: Environment, state: EnvState, params: EnvParams) -> jax.Array | None:
    """Returns which actions may be taken in a state, `[A]` bool, one at least; None where `environment` tells nothing.

    Where none is legal, any may be taken.
    """
    if not getattr(environment, "has_legal_actions", False):
        return None
    legal = environment.legal_actions(state, params)
    check_legal_actions(legal, environment.num_actions)
    return legal | ~jnp.any(legal)


def is_legal(action: jax.Array, legal: jax.Array) -> jax.Array:
    """Returns whether `legal` (`[A]` bool) allows `action` (`()` integer), `()` bool; False outside 0 to A - 1."""
    return legal.at[action].get(mode="fill", fill_value=False, wrap_negative_indices=False)


def random_legal_action(word: jax.Array, legal: jax.Array) -> jax.Array:
    """Returns a uniform action among those that `legal` (`[A]` bool) allows, one at least, `()` int32."""
    flags = legal.astype(jnp.int32)
    if legal.shape[0] <= _WRITTEN_OUT:
        numbers = list(itertools.accumulate(flags))
        rank, _ = scale_word(word, numbers[-1])
        return sum((number <= rank).astype(jnp.int32) for number in numbers)
    rank, _ = scale_word(word, jnp.sum(flags))
    return jnp.sum(jnp.cumsum(flags) <= rank, dtype=jnp.int32)
