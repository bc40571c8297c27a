"""XLand-MiniGrid environments of any kind, wrapped or not."""

import dataclasses
from typing import Any

from procmem_jax.envs.foreign.suites.layers import NamedByInside, check_layers
from procmem_jax.envs.foreign.xland import RawXLand


@dataclasses.dataclass(frozen=True)
class RawXLandWithParams(NamedByInside, RawXLand):
    """An XLand-MiniGrid environment as a `RawEnvironment`; its parameters, with their rule set, are its `params`.

    Attributes:
        env: the environment.
        env_params: the parameters by default.
    """

    env_params: Any = dataclasses.field(compare=False)

    @property
    def default_params(self) -> Any:
        """The environment's own."""
        return self.env_params

    @property
    def num_actions(self) -> int:
        """A, the number of actions."""
        return int(self.env.num_actions(self.env_params))

    @property
    def episode_limit(self) -> int | None:
        """The time limit of the environment, if it has one."""
        return self.env_params.max_steps


def from_xland(env: Any, env_params: Any) -> RawXLandWithParams:
    """Returns an XLand-MiniGrid environment as `with_memory` takes it.

    Args:
        env: the environment, wrapped or not, the first value of `xminigrid.make`.
        env_params: the second: size, view, time limit, rule set.

    Raises:
        TypeError: it is no XLand-MiniGrid environment.
        ValueError: a wrapper resets it inside its step, or there are no params.
    """
    check_layers(env, "from_xland", ("reset", "step", "num_actions"))
    if env_params is None:
        raise ValueError("from_xland: the size is in the params; give env_params=, the second value of xminigrid.make")
    return RawXLandWithParams(env, env_params)
