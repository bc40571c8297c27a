"""Skill libraries and memories that use them; they know predicates and vectors, no environment."""

from typing import TYPE_CHECKING

from procmem_jax.lazy import lazy_names

if TYPE_CHECKING:
    from procmem_jax.memory.default.choice import Choice as Choice
    from procmem_jax.memory.default.choice import Situation as Situation
    from procmem_jax.memory.default.choice import least_expected_cost as least_expected_cost
    from procmem_jax.memory.default.choice import random_applicable as random_applicable
    from procmem_jax.memory.default.direction import direction_embedding as direction_embedding
    from procmem_jax.memory.default.memory import DefaultMemory as DefaultMemory
    from procmem_jax.memory.default.params import DefaultMemoryParams as DefaultMemoryParams
    from procmem_jax.memory.default.state import DefaultMemoryState as DefaultMemoryState
    from procmem_jax.memory.eviction import Utility as Utility
    from procmem_jax.memory.eviction import least_used as least_used
    from procmem_jax.memory.eviction import lowest_rate as lowest_rate
    from procmem_jax.memory.eviction import lru as lru
    from procmem_jax.memory.eviction import oldest as oldest
    from procmem_jax.memory.handmade import make_skill as make_skill
    from procmem_jax.memory.insertion import Insertion as Insertion
    from procmem_jax.memory.insertion import insert as insert
    from procmem_jax.memory.library import SkillLibrary as SkillLibrary
    from procmem_jax.memory.library import applicable as applicable
    from procmem_jax.memory.library import empty as empty
    from procmem_jax.memory.library import record_outcome as record_outcome
    from procmem_jax.memory.library import store as store
    from procmem_jax.memory.library import success_rates as success_rates
    from procmem_jax.memory.library import summary as summary
    from procmem_jax.memory.naming import skill_name as skill_name
    from procmem_jax.memory.protocol import Memory as Memory
    from procmem_jax.memory.protocol import Running as Running
    from procmem_jax.memory.protocol import Step as Step
    from procmem_jax.memory.protocol import no_skill as no_skill
    from procmem_jax.memory.retrieval import RetrievedSkills as RetrievedSkills
    from procmem_jax.memory.retrieval import retrieve as retrieve
    from procmem_jax.memory.settings import LibraryConfig as LibraryConfig
    from procmem_jax.memory.similarity import Retrieved as Retrieved
    from procmem_jax.memory.similarity import cosine_top_k as cosine_top_k
    from procmem_jax.memory.similarity import normalize as normalize
    from procmem_jax.memory.skills import Skill as Skill
    from procmem_jax.memory.tutorial.memory import TutorialMemory as TutorialMemory
    from procmem_jax.memory.tutorial.memory import TutorialMemoryParams as TutorialMemoryParams

_HOMES = {
    "Choice": "default.choice",
    "DefaultMemory": "default.memory",
    "DefaultMemoryParams": "default.params",
    "DefaultMemoryState": "default.state",
    "Insertion": "insertion",
    "LibraryConfig": "settings",
    "Memory": "protocol",
    "Retrieved": "similarity",
    "RetrievedSkills": "retrieval",
    "Running": "protocol",
    "Situation": "default.choice",
    "Skill": "skills",
    "SkillLibrary": "library",
    "Step": "protocol",
    "TutorialMemory": "tutorial.memory",
    "TutorialMemoryParams": "tutorial.memory",
    "Utility": "eviction",
    "applicable": "library",
    "cosine_top_k": "similarity",
    "direction_embedding": "default.direction",
    "empty": "library",
    "insert": "insertion",
    "least_expected_cost": "default.choice",
    "least_used": "eviction",
    "lowest_rate": "eviction",
    "lru": "eviction",
    "make_skill": "handmade",
    "no_skill": "protocol",
    "normalize": "similarity",
    "oldest": "eviction",
    "random_applicable": "default.choice",
    "record_outcome": "library",
    "retrieve": "retrieval",
    "skill_name": "naming",
    "store": "library",
    "success_rates": "library",
    "summary": "library",
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
