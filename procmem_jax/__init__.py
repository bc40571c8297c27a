"""Procedural memory as arrays: agents that extract, retrieve and reuse skills, in pure JAX.

The names below are the public API. Importing the package creates no array, starts no backend and changes no setting.
"""

from procmem_jax.agents.procedural import AgentInputs, AgentState, EpisodeMetrics, ProceduralAgent
from procmem_jax.agents.settings import AgentConfig, AgentParams, Config, Params
from procmem_jax.agents.verbs import Trajectory, execute_skill, explore, extract_skill, run_episode
from procmem_jax.envs.export.as_gymnasium import as_gymnasium
from procmem_jax.envs.export.as_gymnax import as_gymnax
from procmem_jax.envs.export.gymnasium_ids import register_gymnasium
from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.projected import ProjectedPercept
from procmem_jax.envs.grid.layouts import Layout
from procmem_jax.envs.grid.render import render_rgb, render_text
from procmem_jax.envs.grid.world import GridWorld, GridWorldConfig, GridWorldParams, GridWorldState
from procmem_jax.experiments.libraries.files import export_libraries, import_libraries
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import WarmStart, embedding_rule, make_warm_start
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.sweeps.grid import Range
from procmem_jax.experiments.sweeps.spec import SweepSpec
from procmem_jax.experiments.sweeps.summary import summarize_sweep
from procmem_jax.experiments.sweeps.sweep import make_sweep, sweep, sweep_tables
from procmem_jax.experiments.training.train import TrainResult, train
from procmem_jax.experiments.with_memory import with_memory
from procmem_jax.memory.eviction import Utility
from procmem_jax.memory.handmade import make_skill
from procmem_jax.memory.insertion import Insertion, insert
from procmem_jax.memory.library import SkillLibrary, empty, record_outcome, summary
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.retrieval import RetrievedSkills, retrieve
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.similarity import Retrieved, cosine_top_k, normalize
from procmem_jax.memory.skills import Skill
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays
from procmem_jax.streams import Streams, open_streams, run_key

__version__ = "0.1.0"

__all__ = [
    "AdaptedState",
    "AgentConfig",
    "AgentInputs",
    "AgentParams",
    "AgentState",
    "Config",
    "EpisodeMetrics",
    "GridWorld",
    "GridWorldConfig",
    "GridWorldParams",
    "GridWorldState",
    "Insertion",
    "Layout",
    "LibraryConfig",
    "Params",
    "Percept",
    "ProceduralAgent",
    "ProjectedPercept",
    "Range",
    "Retrieved",
    "RetrievedSkills",
    "SavedLibraries",
    "Skill",
    "SkillLibrary",
    "Streams",
    "SweepSpec",
    "TrainResult",
    "Trajectory",
    "Utility",
    "WarmStart",
    "as_arrays",
    "as_gymnasium",
    "as_gymnax",
    "cosine_top_k",
    "embedding_rule",
    "empty",
    "execute_skill",
    "explore",
    "export_libraries",
    "extract_skill",
    "import_libraries",
    "insert",
    "make_experiment",
    "make_skill",
    "make_sweep",
    "make_warm_start",
    "normalize",
    "open_streams",
    "record_outcome",
    "register_gymnasium",
    "render_rgb",
    "render_text",
    "retrieve",
    "run_episode",
    "run_key",
    "skill_name",
    "summarize_sweep",
    "summary",
    "sweep",
    "sweep_tables",
    "train",
    "with_memory",
]
