"""gymnax environments without the reset inside their step."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp


@dataclasses.dataclass(frozen=True)
class RawGymnax:
    """A gymnax environment (1.0, or 0.x with its five values) as a `RawEnvironment`: its raw transitions.

    Attributes:
        env: the environment.
    """

    env: Any

    @property
    def num_actions(self) -> int:
        """The number of actions."""
        return self.env.num_actions

    @property
    def default_params(self) -> Any:
        """The environment's own."""
        return self.env.default_params

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        return self.env.reset_env(key, params)

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info).

        gymnax 0.x ends an episode at its time limit and elsewhere with one and the same flag; at the limit it counts
        as truncated here.
        """
        obs, state, reward, ended, info = self.env.step_env(key, state, action, params)
        if hasattr(self.env, "is_truncated"):
            return obs, state, reward, ended, self.env.is_truncated(state, params), info
        limit = jnp.asarray(state.time) >= params.max_steps_in_episode
        return obs, state, reward, ended & ~limit, ended & limit, info


def is_gymnax(env: Any) -> bool:
    """Whether `env` has the methods of a gymnax environment; imports nothing."""
    return all(hasattr(env, name) for name in ("reset_env", "step_env", "default_params"))
