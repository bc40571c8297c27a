"""Warm starts: the skills of an earlier run as those that a new one begins with."""

import dataclasses

import jax
import numpy as np

from procmem_jax.agents.settings import Config
from procmem_jax.envs.protocol import Environment
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.settings import LibraryConfig


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """The skills that the agents of a run begin with.

    Attributes:
        sha256: of the saved libraries that they come from.
        libraries: `[A, N, ...]` NumPy arrays.
    """

    sha256: str
    libraries: SkillLibrary = dataclasses.field(repr=False, compare=False)


def embedding_rule(config: Config) -> str:
    """Returns the name of the rule that makes the embeddings of a run: under equal rules, libraries can be exchanged.

    Raises:
        ValueError: the run has no skills.
    """
    if not config.use_skills:
        raise ValueError("use_skills=False: without a memory there are no libraries; switch the memory on")
    if not config.memory.has_skills:
        raise ValueError(f"{config.memory.title} has no skills, and so no libraries; use another memory")
    return config.memory.embedding_name(config.environment.context_size)


def make_warm_start(saved: SavedLibraries, config: Config, num_agents: int) -> WarmStart:
    """Returns what the agents 0 to `num_agents` - 1 begin with; its libraries are `train`'s `libraries`.

    A single library goes to all agents, else agent i gets the i-th. They are taken over with all counts, clocks and
    ids, and padded with empty slots where the new run has more.

    Args:
        saved: libraries of an earlier run.
        config: of the new run; only its capacity and eviction may differ from the earlier one's.
        num_agents: A, at least 1.

    Raises:
        ValueError: the libraries cannot serve in this run; the message names what differs, and the remedy.
    """
    _check_rules(saved, config)
    _check_sizes(saved.config, config.library)
    _check_agents(saved, config, num_agents)
    libraries = _with_capacity(saved.libraries, config.library)
    if len(saved.agents) == 1:
        libraries = jax.tree.map(lambda array: np.broadcast_to(array, (num_agents, *array.shape[1:])), libraries)
    return WarmStart(saved.sha256, jax.tree.map(lambda array: array[:num_agents], libraries))


def _check_rules(saved: SavedLibraries, config: Config) -> None:
    rule, environment = embedding_rule(config), config.environment
    if saved.embedding != rule:
        raise ValueError(
            f"embedding={saved.embedding!r} of the libraries differs from {rule!r} of the run; use libraries of the "
            "same preset and a task with the same context"
        )
    if saved.percept not in (None, environment.percept_name):
        raise ValueError(
            f"percept={saved.percept} of the libraries differs from {environment.percept_name} of the run; use "
            "libraries that were learned from the same percepts"
        )
    check_names(saved, environment, "the run")


def check_names(saved: SavedLibraries, environment: Environment, whose: str) -> None:
    """Raises a ValueError if predicates or actions mean other things in the libraries than in `whose` environment."""
    for name, ours in (("predicate_names", environment.predicate_names), ("action_names", environment.action_names)):
        theirs = getattr(saved, name)
        if theirs != tuple(ours):
            raise ValueError(
                f"{name}={', '.join(theirs)} of the libraries differ from {', '.join(ours)} of {whose}; use libraries "
                "of the same kind of world"
            )


def _check_sizes(theirs: LibraryConfig, ours: LibraryConfig) -> None:
    for name in ("embedding_size", "max_skill_length", "counting"):
        there, here = getattr(theirs, name), getattr(ours, name)
        if there != here:
            raise ValueError(
                f"{name}={there} of the libraries differs from {here} of the run; train with --set {name}={there}, or "
                "use other libraries"
            )
    if theirs.capacity > ours.capacity:
        raise ValueError(
            f"capacity={theirs.capacity} of the libraries exceeds {ours.capacity} of the run; train with "
            f"--set capacity={theirs.capacity} or more"
        )


def _check_agents(saved: SavedLibraries, config: Config, num_agents: int) -> None:
    count = len(saved.agents)
    if 1 < count < num_agents:
        raise ValueError(
            f"agents={num_agents} exceeds the {count} libraries of the file; train {count} agents or fewer, or export "
            "one library for all with --agent"
        )
    if getattr(config.memory, "code_tables", None) == "per_agent":
        givers = saved.agents * num_agents if count == 1 else saved.agents[:num_agents]
        for agent, giver in enumerate(givers):
            if agent != giver:
                raise ValueError(
                    f"code_tables=per_agent: agent {agent} cannot read the embeddings of agent {giver}, whose codes "
                    "are others; train both runs with --set code_tables=shared"
                )


def _with_capacity(libraries: SkillLibrary, config: LibraryConfig) -> SkillLibrary:
    """Returns the libraries `[A, N, ...]` with as many slots as `config` says; those behind the given are empty."""
    num_agents, given = libraries.skill_ids.shape
    blank = jax.device_get(skill_library.empty(dataclasses.replace(config, worth_size=0)))
    libraries = jax.device_get(skill_library.with_reach(libraries, config.keeps_reach))

    def pad(array: np.ndarray, empty_slots: np.ndarray) -> np.ndarray:
        array = array.astype(empty_slots.dtype, copy=False)  # actions of the same names, in one byte or two
        if array.ndim == 1 or given == config.capacity:
            return array
        padding = np.broadcast_to(empty_slots[given:], (num_agents, *empty_slots[given:].shape))
        return np.concatenate([array, padding], axis=1)

    return dataclasses.replace(jax.tree.map(pad, libraries, blank))
