"""Configs and params of the procedural agent."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.gridworld import GridWorld, GridWorldConfig, GridWorldParams
from procmem_jax.memory.library import LibraryConfig
from procmem_jax.records import check_numbers, check_settings, param, params_record, setting

EXPLORERS = ("scripted", "random", "epsilon", "tape")


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """What decides the program of an agent (static).

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    use_skills: bool = setting(True, "False: the memory is off, nothing is stored or retrieved")
    explorer: str = setting(
        "scripted",
        "what the agent does when no skill runs: scripted; random: uniform; epsilon: random with probability epsilon, "
        "else scripted; tape: recorded choices",
        choices=EXPLORERS,
    )
    code_tables: str = setting(
        "per_agent",
        "codes of the tutorial's embedding: per_agent: a table for each agent by a fixed hash of its number; "
        "shared: one table for all",
        choices=("per_agent", "shared"),
    )

    def __post_init__(self):
        check_settings(self)


@params_record
class AgentParams:
    """The numbers of an agent (traced)."""

    merge_threshold: jax.Array | float = param(
        0.9,
        jnp.float32,
        "cosine above which a new skill is merged into a stored one",
        minimum=-1.0,
        maximum=1.0,
    )
    epsilon: jax.Array | float = param(
        0.0,
        jnp.float32,
        "probability of a random action under the epsilon explorer",
        minimum=0.0,
        maximum=1.0,
    )
    step_budget: jax.Array | int = param(
        0, jnp.int32, "steps after which the agent gives up, looked at between skills only; 0: none",
        minimum=0, maximum=2**30,
    )  # fmt: skip
    min_success_steps: jax.Array | int = param(
        3, jnp.int32, "shortest successful episode that yields a skill, steps", minimum=1, maximum=2**30
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """All static settings of a run; hashable.

    Attributes:
        world: those of the environment.
        library: those of the skill library.
        agent: those of the agent.
    """

    world: GridWorldConfig = dataclasses.field(default_factory=GridWorldConfig)
    library: LibraryConfig = dataclasses.field(default_factory=LibraryConfig)
    agent: AgentConfig = dataclasses.field(default_factory=AgentConfig)


@params_record
class Params:
    """All traced numbers of a run.

    Attributes:
        world: those of the environment.
        agent: those of the agent.
    """

    world: GridWorldParams
    agent: AgentParams

    @classmethod
    def defaults(cls) -> "Params":
        """Returns the default number of every field."""
        return cls(GridWorldParams(), AgentParams())


def check_params(config: Config, params: Params) -> None:
    """Raises a ValueError if the concrete `params` (scalars or batches) do not fit `config` or make no sense."""
    world = GridWorld(config.world)
    world.check_params(params.world)
    if config.library.num_predicates != len(world.predicate_names):
        raise ValueError(
            f"num_predicates={config.library.num_predicates} differs from the {len(world.predicate_names)} of the "
            "world; leave it as it is"
        )
    check_numbers(params.agent)
    limits = np.broadcast_arrays(np.asarray(params.world.max_steps), np.asarray(params.agent.step_budget))
    if np.any((limits[0] == 0) & (limits[1] == 0)):
        raise ValueError("max_steps=0 and step_budget=0 let an episode last for ever; set one of them")
