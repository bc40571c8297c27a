"""Skill libraries and memories that use them; they know predicates and vectors, no environment."""

from procmem_jax.memory.default.choice import Choice, Situation, least_expected_cost, random_applicable
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.default.state import DefaultMemoryState
from procmem_jax.memory.eviction import Utility, least_used, lowest_rate, lru, oldest
from procmem_jax.memory.handmade import make_skill
from procmem_jax.memory.insertion import Insertion, insert
from procmem_jax.memory.library import SkillLibrary, applicable, empty, record_outcome, store, success_rates, summary
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.protocol import Memory, Running, Step, no_skill
from procmem_jax.memory.retrieval import RetrievedSkills, retrieve
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.similarity import Retrieved, cosine_top_k, normalize
from procmem_jax.memory.skills import Skill
from procmem_jax.memory.tutorial.memory import TutorialMemory, TutorialMemoryParams
