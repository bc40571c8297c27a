"""Environments of Stoa, a protocol with time steps and params that has adapters of other suites.

Source: Toledo 2024, "Stoix: distributed single-agent reinforcement learning end-to-end in JAX", whose protocol it is.
"""

import dataclasses
from typing import Any

import jax

from procmem_jax.envs.foreign.forms.layers import is_gymnax, is_of
from procmem_jax.envs.foreign.suites.layers import NamedByInside, check_layers, layers_of
from procmem_jax.envs.foreign.suites.spaces import MaskInObservation, space_of


@dataclasses.dataclass(frozen=True)
class RawStoa(NamedByInside, MaskInObservation):
    """A Stoa environment as a `RawEnvironment`; its state holds all its keys.

    Attributes:
        env: the environment.
    """

    env: Any

    never_resets = True

    @property
    def episode_limit(self) -> int | None:
        """The limit of an `EpisodeStepLimitWrapper`, if there is one."""
        return getattr(self.env, "max_episode_steps", None)

    def action_space(self, params: Any) -> Any:
        """Returns the space of its actions."""
        with jax.ensure_compile_time_eval():  # Stoa makes a new one each time, and checks its numbers
            return space_of(self.env.action_space(params))

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        state, timestep = self.env.reset(key, params)
        return timestep.observation, state

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""
        del key
        state, timestep = self.env.step(state, action, params)
        return timestep.observation, state, timestep.reward, timestep.terminated(), timestep.truncated(), {}


def from_stoa(env: Any) -> RawStoa:
    """Returns a Stoa environment as `with_memory` takes it; several discrete actions become one, numbered.

    Args:
        env: the environment, wrapped or not.

    Raises:
        TypeError: it is no Stoa environment.
        ValueError: it resets itself, holds many, or plays gymnax's step, which resets inside.
    """
    check_layers(env, "from_stoa", ("reset", "step", "action_space"))
    for layer in layers_of(env):
        if is_gymnax(layer) and not is_of(layer, "stoa"):
            raise ValueError("from_stoa: it plays gymnax's step, which resets inside; give the gymnax environment")
    return RawStoa(env)
