"""NAVIX environments of any kind, with the observations that they are made with."""

import dataclasses
from typing import Any

import jax

from procmem_jax.envs.foreign.navix import RawNavix
from procmem_jax.envs.foreign.suites.layers import NamedByInside, check_layers
from procmem_jax.envs.foreign.suites.spaces import space_of


@dataclasses.dataclass(frozen=True)
class RawNavixWithView(NamedByInside, RawNavix):
    """A NAVIX environment without its reset inside `step`, as a `RawEnvironment`; its state is a `Timestep`.

    Attributes:
        env: the environment.
        keeps_tiles: whether a state holds what it needs for drawing, some 13 kB.
    """

    keeps_tiles: bool = False

    @property
    def episode_limit(self) -> int | None:
        """The time limit of the environment, if it tells one."""
        return getattr(self.env, "max_steps", None)

    def action_space(self, params: None) -> Any:
        """Returns the space of its actions."""
        del params
        return space_of(self.env.action_space)

    def reset(self, key: jax.Array, params: None) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        del params
        return self._split(self.env.reset(key))

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: None) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""
        del key, params
        # A `step` of somebody else's is played as it is: no state ever comes to it that had ended.
        own = type(self.env).step.__module__.partition(".")[0] == "navix"
        obs, state = self._split((self.env._step if own else self.env.step)(state, action))
        return obs, state, state.reward, state.is_termination(), state.is_truncation(), {}

    def _split(self, timestep: Any) -> tuple[Any, Any]:
        if not self.keeps_tiles:
            timestep = timestep.replace(state=timestep.state.replace(cache=None))
        return timestep.observation, timestep.replace(observation=None)


def from_navix(env: Any) -> RawNavixWithView:
    """Returns a NAVIX environment as `with_memory` takes it.

    Args:
        env: the environment, wrapped or not; its observations are those of its `observation_fn`.

    Raises:
        TypeError: it is no NAVIX environment.
    """
    check_layers(env, "from_navix", ("reset", "step", "action_space"))
    raw = RawNavixWithView(env)
    try:
        jax.eval_shape(lambda key: raw.step(key, raw.reset(key, None)[1], 0, None), jax.random.key(0))
    except (AttributeError, TypeError):  # it draws, or its step is somebody else's
        return RawNavixWithView(env, keeps_tiles=True)
    return raw
