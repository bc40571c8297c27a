"""Configs and params of the procedural agent."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.grid.world import GridWorldConfig, GridWorldParams
from procmem_jax.envs.protocol import World, WorldParams, make_world
from procmem_jax.memory.library import LibraryConfig
from procmem_jax.records import as_arrays, check_numbers, check_settings, param, params_record, setting

EXPLORERS = ("scripted", "random", "epsilon", "tape")


@dataclasses.dataclass(frozen=True)
class AgentConfig:
    """What decides the program of an agent (static).

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    memory: str = setting(
        "default",
        "default: the memory that never hurts; tutorial: the tutorial's, quirks included; q_learning: no skills but "
        "tabular Q-learning, for comparison",
        choices=("default", "tutorial", "q_learning"),
    )
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


@dataclasses.dataclass(frozen=True)
class MemoryConfig:
    """Sizes of the memory and a switch for each of its mechanisms (static).

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    history_length: int = setting(16, "states of a path that are remembered for loop erasure", minimum=2, maximum=1024)
    consolidation_interval: int = setting(
        16, "ticks between two times at which candidates are taken into the library", minimum=1, maximum=256
    )
    learn: bool = setting(True, "False: the library is used as it is, nothing is stored or counted")
    choice: str = setting(
        "cost",
        "cost: the skill of least expected cost; random: any applicable one, as a whole (for comparison)",
        choices=("cost", "random"),
    )
    segmentation: str = setting(
        "predicates",
        "predicates: every change of a predicate ends a segment to learn from; success: only the goal does",
        choices=("predicates", "success"),
    )
    interruption: bool = setting(True, "break a skill off where the best choice promises other steps than it has left")
    suffixes: bool = setting(True, "every suffix of a segment is a candidate, not only the whole")
    loop_erasure: bool = setting(True, "a segment that returns to a state forgets the loop")
    novel_only: bool = setting(True, "learn only from segments in which exploration chose a step")
    keep_better: bool = setting(True, "a shorter candidate takes the place of a skill for the same situation")
    admission: bool = setting(True, "turn a candidate away if the library expects no more steps without it")
    count_failures: bool = setting(True, "False: every use counts as a success")

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
    match_tolerance: jax.Array | float = param(
        0.5,
        jnp.float32,
        "distance of situations up to which a skill is tried: C * (1 - cosine), C coordinates of the context",
        minimum=0.0,
        maximum=1e6,
    )
    distance_cost: jax.Array | float = param(
        8.0, jnp.float32, "steps that a unit of this distance is expected to cost", minimum=0.0, maximum=1e6
    )
    retire_rate: jax.Array | float = param(
        0.25,
        jnp.float32,
        "success rate below which a skill is retired until it is learned anew",
        minimum=0.0,
        maximum=1.0,
    )
    novelty: jax.Array | float = param(
        0.5,
        jnp.float32,
        "exploration in place of a skill has the probability novelty / (1 + its uses)",
        minimum=0.0,
        maximum=1.0,
    )
    retreat_steps: jax.Array | int = param(
        1,
        jnp.int32,
        "steps of exploration after a failed skill, times the failures so far in the segment",
        minimum=0,
        maximum=2**20,
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
    learning_rate: jax.Array | float = param(
        1.0, jnp.float32, "Q-learning: part of the error that an update takes away", minimum=0.0, maximum=1.0
    )
    discount: jax.Array | float = param(
        0.95, jnp.float32, "Q-learning: what the next step's value is worth now", minimum=0.0, maximum=1.0
    )
    q_epsilon: jax.Array | float = param(
        0.02, jnp.float32, "Q-learning: probability of a random action, in steps of 1/128", minimum=0.0, maximum=1.0
    )
    initial_value: jax.Array | float = param(
        1.0, jnp.float32, "Q-learning: value of everything untried", minimum=-1e6, maximum=1e6
    )
    min_success_steps: jax.Array | int = param(
        3, jnp.int32, "shortest successful episode that yields a skill, steps", minimum=1, maximum=2**30
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """All static settings of a run; hashable.

    Attributes:
        world: those of the grid, or a foreign world itself.
        library: those of the skill library.
        memory: those of the default memory.
        agent: those of the agent.
    """

    world: GridWorldConfig | World = dataclasses.field(default_factory=GridWorldConfig)
    library: LibraryConfig = dataclasses.field(default_factory=LibraryConfig)
    memory: MemoryConfig = dataclasses.field(default_factory=MemoryConfig)
    agent: AgentConfig = dataclasses.field(default_factory=AgentConfig)


@params_record
class Params:
    """All traced numbers of a run.

    Attributes:
        world: those of the environment.
        agent: those of the agent.
    """

    world: WorldParams
    agent: AgentParams

    @classmethod
    def defaults(cls) -> "Params":
        """Returns the default number of every field."""
        return cls(GridWorldParams(), AgentParams())


def example_params(config: Config) -> Params:
    """Returns numbers of the shapes and dtypes that a run of `config` has."""
    return as_arrays(Params(make_world(config.world).example_params(), AgentParams()))


def check_params(config: Config, params: Params) -> None:
    """Raises a ValueError if the concrete `params` (scalars or batches) do not fit `config` or make no sense."""
    world = make_world(config.world)
    world.check_params(params.world)
    if not isinstance(config.world, GridWorldConfig):
        if config.agent.memory != "default":
            raise ValueError(f"memory={config.agent.memory!r} knows the grid only; use memory='default'")
        if config.agent.explorer != "random":
            raise ValueError(f"explorer={config.agent.explorer!r}: this world has no script; use explorer='random'")
    if config.library.num_predicates != len(world.predicate_names):
        raise ValueError(
            f"num_predicates={config.library.num_predicates} differs from the {len(world.predicate_names)} of the "
            "world; leave it as it is"
        )
    check_numbers(params.agent)
    if config.memory.history_length < config.library.max_skill_length:
        raise ValueError(
            f"history_length={config.memory.history_length} is below max_skill_length="
            f"{config.library.max_skill_length}; raise history_length"
        )
    if config.agent.memory == "default" and config.library.embedding_size < 2 * world.context_size:
        raise ValueError(
            f"embedding_size={config.library.embedding_size} is below {2 * world.context_size}, twice the "
            f"{world.context_size} coordinates of this world's context; raise embedding_size"
        )
    limit = world.time_limit(params.world)
    limits = np.broadcast_arrays(np.asarray(limit), np.asarray(params.agent.step_budget))
    if np.any((limits[0] == 0) & (limits[1] == 0)):
        raise ValueError("max_steps=0 and step_budget=0 let an episode last for ever; set one of them")
