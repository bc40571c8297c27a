"""Config and params of an agent: which environment, memory and exploration policy, and the numbers of each."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.exploration import RandomPolicy
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.envs.protocol import Environment
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import check_range, check_settings, param, params_record, setting


@dataclasses.dataclass(frozen=True)
class Config:
    """All that decides the program of a run (static, hashable); the bare object is the preset `default` on a grid.

    Attributes:
        environment: where the agents live.
        memory: what they do with what they live through.
        exploration: what they do when no skill runs.
        use_skills: whether the memory is on.
        learns: whether it learns; False: skills stay as they are, for evaluation.

    Raises:
        TypeError: an object is of another kind, or cannot be hashed; a setting is of the wrong kind.
        ValueError: a setting is out of bounds.
    """

    environment: Environment = dataclasses.field(default_factory=GridWorld)
    memory: Memory = dataclasses.field(default_factory=DefaultMemory)
    exploration: ExplorationPolicy = dataclasses.field(default_factory=RandomPolicy)
    use_skills: bool = setting(True, "False: the memory is off, nothing is stored or retrieved")
    learns: bool = True

    def __post_init__(self):
        check_settings(self)
        _check_kind("memory", self.memory, Memory)
        _check_kind("exploration", self.exploration, ExplorationPolicy)
        for name in ("environment", "memory", "exploration"):
            _check_hash(name, getattr(self, name))
            if dataclasses.is_dataclass(getattr(self, name)):
                check_settings(getattr(self, name))

    @property
    def library(self) -> LibraryConfig:
        """Settings of the agents' libraries."""
        environment = self.environment
        return self.memory.library_config(len(environment.predicate_names), environment.context_size)

    def default_params(self, environment_params: Any = None) -> "Params":
        """Returns the numbers of the preset.

        Args:
            environment_params: those of the environment; by default its own, None if it has none.
        """
        if environment_params is None and hasattr(self.environment, "default_params"):
            environment_params = self.environment.default_params()
        return Params(environment_params, self.memory.default_params(), self.exploration.default_params())


def _check_kind(name: str, value: Any, base: type) -> None:
    if not isinstance(value, base):
        what = "the class itself" if isinstance(value, type) else f"a {type(value).__name__}"
        raise TypeError(f"{name}={value!r} is {what}; give an object whose class inherits from {base.__name__}")


def _check_hash(name: str, value: Any) -> None:
    try:
        hash(value)
    except TypeError as error:
        raise TypeError(
            f"{name} is a {type(value).__name__} that cannot be hashed ({error}); make it a frozen dataclass, and keep "
            "arrays in its params"
        ) from None


@params_record
class Params:
    """All traced numbers of a run.

    Attributes:
        environment: those of the environment.
        memory: those of the memory.
        exploration: those of the exploration policy, such as the weights of a network.
    """

    environment: Any
    memory: Any
    exploration: Any
    step_budget: jax.Array | int = param(
        0, jnp.int32, "steps after which the agent gives up, looked at between skills only; 0: none",
        minimum=0, maximum=2**30,
    )  # fmt: skip


def check_params(config: Config, params: Params) -> None:
    """Raises a ValueError if the concrete `params` (scalars or batches) do not fit `config` or make no sense."""
    environment = config.environment
    environment.check_params(params.environment)
    config.memory.check(environment, params.environment, params.memory)
    config.exploration.check(environment, params.exploration)
    check_range("step_budget", params.step_budget, 0, 2**30)
    limit = environment.time_limit(params.environment)
    limits = np.broadcast_arrays(np.asarray(limit), np.asarray(params.step_budget))
    if np.any((limits[0] == 0) & (limits[1] == 0)):
        raise ValueError("max_steps=0 and step_budget=0 let an episode last for ever; set one of them")
