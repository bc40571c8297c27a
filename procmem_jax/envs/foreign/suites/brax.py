"""Environments with Brax's protocol: one state that holds observation, reward and end.

Source: Freeman et al. 2021, "Brax: a differentiable physics engine for large scale rigid body simulation".
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.suites.layers import NamedByInside, check_layers
from procmem_jax.envs.foreign.suites.spaces import Box


@dataclasses.dataclass(frozen=True)
class RawBrax(NamedByInside):
    """A Brax environment as a `RawEnvironment`. It has no params; its state holds all its keys.

    Attributes:
        env: the environment.
    """

    env: Any

    never_resets = True

    @property
    def num_actions(self) -> int | None:
        """The number of actions, where they are discrete and it tells; Brax itself does not."""
        return getattr(self.env, "num_actions", None)

    @property
    def episode_limit(self) -> int | None:
        """The steps of an episode, if an `EpisodeWrapper` limits them."""
        length = getattr(self.env, "episode_length", None)
        return None if length is None else math.ceil(length / getattr(self.env, "action_repeat", 1))

    def action_space(self, params: None) -> Any:
        """Returns the space of its actions, by default the vectors of `action_size` numbers; None for `num_actions`."""
        space = getattr(self.env, "action_space", None)
        if space is not None:
            return space(params) if callable(space) else space
        size = getattr(self.env, "action_size", None)
        return None if size is None or self.num_actions is not None else Box(-jnp.inf, jnp.inf, (int(size),))

    def reset(self, key: jax.Array, params: None) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        del params
        state = self.env.reset(key)
        return state.obs, state

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: None) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info): truncated by `info["truncation"]`."""
        del key, params
        state = jax.tree.map(lambda leaf: leaf, state)  # wrappers write into the dicts of what they are given
        state = self.env.step(state, action)
        ended = jnp.asarray(state.done) != 0
        truncated = ended & (jnp.asarray(state.info.get("truncation", 0)) != 0)
        return state.obs, state, state.reward, ended & ~truncated, truncated, {}


def from_brax(env: Any) -> RawBrax:
    """Returns an environment of Brax's protocol as `with_memory` takes it; a table `actions=` makes it discrete.

    Args:
        env: `reset(rng) -> state` and `step(state, action) -> state`, with `obs`, `reward`, `done` and `info`; in an
            `EpisodeWrapper` or not.

    Raises:
        TypeError: it is no such environment.
        ValueError: a wrapper resets it inside its step (`envs.create` needs auto_reset=False) or makes it many.
    """
    check_layers(env, "from_brax", ("reset", "step"))
    return RawBrax(env)
