"""Libraries away from the run that made them, with what one must know to use them elsewhere."""

import dataclasses
import hashlib
from collections.abc import Mapping

import jax
import numpy as np

from procmem_jax.experiments.libraries.rules import check_values
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import EMPTY, SkillLibrary, with_reach
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import NO_LABEL, UNKNOWN

LIBRARY_NUMBERS = ("clock", "next_id", "num_evictions")  # one per library, not per slot
_LAST_AGENT = 2**32 - 1
PROVENANCE = ("learned_episode", "learned_tick")  # arrays that older files lack


def libraries_of_arrays(arrays: Mapping[str, np.ndarray]) -> SkillLibrary:
    """Returns the libraries that are made of `arrays`, by name; what an older version did not know is unknown.

    Raises:
        KeyError: an array is missing.
    """
    names = [field.name for field in dataclasses.fields(SkillLibrary)]
    unknown = np.full(np.shape(arrays["skill_ids"]), UNKNOWN, np.int32)
    absent = {**dict.fromkeys(PROVENANCE, unknown), "reach": None, "worth": None}
    return SkillLibrary(**{n: arrays.get(n, absent[n]) if n in absent else arrays[n] for n in names})


@dataclasses.dataclass(frozen=True)
class SavedLibraries:
    """Libraries, and what one must know to use them elsewhere.

    Attributes:
        libraries: `[A, N, ...]` NumPy arrays; what no function looks at becomes as in an empty library: empty slots,
            actions behind a skill's length, and what a condition asks of predicates outside its mask. A `reach` that
            nothing was learned about becomes None, and so does `worth`: elsewhere the skills may be worth another.
        config: their settings; `keeps_reach` is as the libraries are.
        embedding: the name of the rule that made the embeddings, such as "direction of 2 coordinates".
        predicate_names, action_names: what their numbers mean.
        agents: the number of each agent in the run they come from.
        versions: what they were made with.
        percept: the name of what made the percepts (see `envs.protocol`), None if unknown.

    Raises:
        TypeError, ValueError: the parts do not fit together, or no library can hold such values.
    """

    libraries: SkillLibrary
    config: LibraryConfig
    embedding: str
    predicate_names: tuple[str, ...]
    action_names: tuple[str, ...]
    agents: tuple[int, ...]
    versions: Mapping[str, str]
    percept: str | None = None

    def __post_init__(self):
        libraries = dataclasses.replace(self.libraries, worth=None)
        object.__setattr__(self, "libraries", jax.tree.map(np.asarray, libraries))
        object.__setattr__(self, "config", dataclasses.replace(self.config, worth_size=0))
        _check_names(self)
        _check_shapes(self)
        check_values(self.libraries, self.config, self.agents, self.action_names)
        libraries = _without_leftovers(self.libraries)
        libraries = with_reach(libraries, libraries.reach is not None and bool(np.any(libraries.reach < np.inf)))
        object.__setattr__(self, "libraries", libraries)
        config = dataclasses.replace(self.config, keeps_reach=libraries.reach is not None)
        object.__setattr__(self, "config", config)

    @property
    def sha256(self) -> str:
        """The digest of the libraries, the same for both kinds of file; when skills were learned does not count."""
        digest = hashlib.sha256()
        for name, column in self.libraries.known().items():
            if name not in PROVENANCE:
                array = np.ascontiguousarray(column)
                digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
                digest.update(array)
        return digest.hexdigest()

    def of_agent(self, agent: int) -> "SavedLibraries":
        """Returns the library of one agent alone.

        Raises:
            ValueError: there is no such agent.
        """
        if agent not in self.agents:
            known = str(self.agents[0]) if len(self.agents) == 1 else f"{self.agents[0]} to {self.agents[-1]}"
            raise ValueError(f"agent={agent} has no library here; choose from {known}")
        row = self.agents.index(agent)
        library = jax.tree.map(lambda array: array[row : row + 1], self.libraries)
        return dataclasses.replace(self, libraries=library, agents=(agent,))


def _check_names(saved: SavedLibraries) -> None:
    for field, names in (("predicate_names", saved.predicate_names), ("action_names", saved.action_names)):
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"{field}={list(names)} are not distinct texts; give distinct names")
    if not isinstance(saved.embedding, str):
        raise TypeError(f"embedding={saved.embedding!r} is a {type(saved.embedding).__name__}; give a name")
    count, wanted = len(saved.predicate_names), saved.config.num_predicates
    if count != wanted:
        raise ValueError(f"{count} predicate_names differ from num_predicates={wanted}; give as many")
    agents = saved.agents
    if not agents or any(type(agent) is not int for agent in agents) or len(set(agents)) < len(agents):
        raise ValueError("agents are not distinct numbers from 0; give one for each library")
    for agent in agents:
        if not 0 <= agent <= _LAST_AGENT:
            raise ValueError(f"agents are not distinct numbers from 0 to {_LAST_AGENT} (agent={agent})")


def _check_shapes(saved: SavedLibraries) -> None:
    config = dataclasses.replace(saved.config, keeps_reach=saved.libraries.reach is not None)
    for name, wanted in jax.eval_shape(lambda: skill_library.empty(config)).known().items():
        array = getattr(saved.libraries, name)
        shape = (len(saved.agents), *wanted.shape)
        if array.shape != shape or array.dtype != wanted.dtype:
            raise ValueError(
                f"{name} is {array.dtype}{list(array.shape)}, not {wanted.dtype}{list(shape)}; give libraries of "
                "these agents and this config"
            )


def _without_leftovers(libraries: SkillLibrary) -> SkillLibrary:
    """Returns libraries `[A, N, ...]` in which all that no function looks at is as in an empty library."""
    used = libraries.skill_ids != EMPTY
    steps = np.arange(libraries.actions.shape[-1]) < libraries.lengths[..., None]
    blank_values = {"labels": NO_LABEL, "skill_ids": EMPTY, "reach": np.inf, **dict.fromkeys(PROVENANCE, UNKNOWN)}
    looked_at = {"actions": steps, "pre_value": libraries.pre_mask, "post_value": libraries.post_mask}
    changes = {}
    for name, array in libraries.known().items():
        if name not in LIBRARY_NUMBERS:
            kept = np.expand_dims(used, tuple(range(2, array.ndim))) & looked_at.get(name, True)
            changes[name] = np.where(kept, array, np.asarray(blank_values.get(name, 0), array.dtype))
    return dataclasses.replace(libraries, **changes)
