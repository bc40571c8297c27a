"""Jumanji environments.

Source: Bonnet et al. 2024, "Jumanji: a diverse suite of scalable reinforcement learning environments in JAX".
"""

import dataclasses
from typing import Any

import jax

from procmem_jax.envs.foreign.suites.layers import NamedByInside, check_layers
from procmem_jax.envs.foreign.suites.spaces import MaskInObservation, space_of


@dataclasses.dataclass(frozen=True)
class RawJumanji(NamedByInside, MaskInObservation):
    """A Jumanji environment as a `RawEnvironment`. It has no params; its state holds all its keys.

    Attributes:
        env: the environment.
    """

    env: Any

    never_resets = True

    @property
    def episode_limit(self) -> int | None:
        """The time limit of the environment, if it tells one."""
        return getattr(self.env, "time_limit", None)

    def action_space(self, params: None) -> Any:
        """Returns the space of its actions."""
        del params
        with jax.ensure_compile_time_eval():
            return space_of(self.env.action_spec)

    def reset(self, key: jax.Array, params: None) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        del params
        state, timestep = self.env.reset(key)
        return timestep.observation, state

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: None) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info).

        An end with discount 0 is a termination. Jumanji's own environments end so at their time limits, too.
        """
        del key, params
        state, timestep = self.env.step(state, action)
        last = timestep.last()
        terminated = last & (timestep.discount == 0)
        return timestep.observation, state, timestep.reward, terminated, last & ~terminated, timestep.extras


def from_jumanji(env: Any) -> RawJumanji:
    """Returns a Jumanji environment as `with_memory` takes it; several discrete actions become one, numbered.

    Args:
        env: an environment, wrapped or not, for one player: its reward is one number.

    Raises:
        TypeError: it is no Jumanji environment.
        ValueError: it resets itself, or each of its players has a reward.
    """
    check_layers(env, "from_jumanji", ("reset", "step", "action_spec", "reward_spec"))
    if env.reward_spec.shape != ():
        players = env.reward_spec.shape[0]
        raise ValueError(f"from_jumanji: it has {players} players, each with a reward; MultiToSingleWrapper adds them")
    return RawJumanji(env)
