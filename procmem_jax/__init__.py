"""Procedural memory as arrays: agents that extract, retrieve and reuse skills, in pure JAX.

The public names are those of the table below, and each is imported when it is first asked for: importing the package
takes no time, creates no array, starts no backend and changes no setting. A name is published by a line in the table
and one for type checkers.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from procmem_jax.agents.procedural import AgentInputs as AgentInputs
    from procmem_jax.agents.procedural import AgentState as AgentState
    from procmem_jax.agents.procedural import EpisodeMetrics as EpisodeMetrics
    from procmem_jax.agents.procedural import ProceduralAgent as ProceduralAgent
    from procmem_jax.agents.settings import AgentConfig as AgentConfig
    from procmem_jax.agents.settings import AgentParams as AgentParams
    from procmem_jax.agents.settings import Config as Config
    from procmem_jax.agents.settings import Params as Params
    from procmem_jax.agents.verbs import Trajectory as Trajectory
    from procmem_jax.agents.verbs import execute_skill as execute_skill
    from procmem_jax.agents.verbs import explore as explore
    from procmem_jax.agents.verbs import extract_skill as extract_skill
    from procmem_jax.agents.verbs import run_episode as run_episode
    from procmem_jax.envs.export.as_gymnasium import as_gymnasium as as_gymnasium
    from procmem_jax.envs.export.as_gymnax import as_gymnax as as_gymnax
    from procmem_jax.envs.export.gymnasium_ids import register_gymnasium as register_gymnasium
    from procmem_jax.envs.foreign.adapted import AdaptedState as AdaptedState
    from procmem_jax.envs.foreign.projected import ProjectedPercept as ProjectedPercept
    from procmem_jax.envs.grid.layouts import Layout as Layout
    from procmem_jax.envs.grid.render import render_rgb as render_rgb
    from procmem_jax.envs.grid.render import render_text as render_text
    from procmem_jax.envs.grid.world import GridWorld as GridWorld
    from procmem_jax.envs.grid.world import GridWorldConfig as GridWorldConfig
    from procmem_jax.envs.grid.world import GridWorldParams as GridWorldParams
    from procmem_jax.envs.grid.world import GridWorldState as GridWorldState
    from procmem_jax.experiments.libraries.files import export_libraries as export_libraries
    from procmem_jax.experiments.libraries.files import import_libraries as import_libraries
    from procmem_jax.experiments.libraries.saved import SavedLibraries as SavedLibraries
    from procmem_jax.experiments.libraries.warm_start import WarmStart as WarmStart
    from procmem_jax.experiments.libraries.warm_start import embedding_rule as embedding_rule
    from procmem_jax.experiments.libraries.warm_start import make_warm_start as make_warm_start
    from procmem_jax.experiments.presets import make_experiment as make_experiment
    from procmem_jax.experiments.sweeps.grid import Range as Range
    from procmem_jax.experiments.sweeps.spec import SweepSpec as SweepSpec
    from procmem_jax.experiments.sweeps.summary import summarize_sweep as summarize_sweep
    from procmem_jax.experiments.sweeps.sweep import make_sweep as make_sweep
    from procmem_jax.experiments.sweeps.sweep import sweep as sweep
    from procmem_jax.experiments.sweeps.sweep import sweep_tables as sweep_tables
    from procmem_jax.experiments.training.train import TrainResult as TrainResult
    from procmem_jax.experiments.training.train import train as train
    from procmem_jax.experiments.with_memory import with_memory as with_memory
    from procmem_jax.memory.library import Insertion as Insertion
    from procmem_jax.memory.library import LibraryConfig as LibraryConfig
    from procmem_jax.memory.library import Skill as Skill
    from procmem_jax.memory.library import SkillLibrary as SkillLibrary
    from procmem_jax.memory.library import empty as empty
    from procmem_jax.memory.library import insert as insert
    from procmem_jax.memory.library import record_outcome as record_outcome
    from procmem_jax.memory.library import retrieve as retrieve
    from procmem_jax.memory.library import summary as summary
    from procmem_jax.memory.naming import skill_name as skill_name
    from procmem_jax.memory.similarity import Retrieved as Retrieved
    from procmem_jax.memory.similarity import cosine_top_k as cosine_top_k
    from procmem_jax.memory.similarity import normalize as normalize
    from procmem_jax.percept import Percept as Percept
    from procmem_jax.records import as_arrays as as_arrays
    from procmem_jax.streams import Streams as Streams
    from procmem_jax.streams import open_streams as open_streams
    from procmem_jax.streams import run_key as run_key

__version__ = "0.1.0"

# Public names, and the modules of this package that they come from.
_HOMES = {
    "AdaptedState": "envs.foreign.adapted",
    "AgentConfig": "agents.settings",
    "AgentInputs": "agents.procedural",
    "AgentParams": "agents.settings",
    "AgentState": "agents.procedural",
    "Config": "agents.settings",
    "EpisodeMetrics": "agents.procedural",
    "GridWorld": "envs.grid.world",
    "GridWorldConfig": "envs.grid.world",
    "GridWorldParams": "envs.grid.world",
    "GridWorldState": "envs.grid.world",
    "Insertion": "memory.library",
    "Layout": "envs.grid.layouts",
    "LibraryConfig": "memory.library",
    "Params": "agents.settings",
    "Percept": "percept",
    "ProceduralAgent": "agents.procedural",
    "ProjectedPercept": "envs.foreign.projected",
    "Range": "experiments.sweeps.grid",
    "Retrieved": "memory.similarity",
    "SavedLibraries": "experiments.libraries.saved",
    "Skill": "memory.library",
    "SkillLibrary": "memory.library",
    "Streams": "streams",
    "SweepSpec": "experiments.sweeps.spec",
    "TrainResult": "experiments.training.train",
    "Trajectory": "agents.verbs",
    "WarmStart": "experiments.libraries.warm_start",
    "as_arrays": "records",
    "as_gymnasium": "envs.export.as_gymnasium",
    "as_gymnax": "envs.export.as_gymnax",
    "cosine_top_k": "memory.similarity",
    "embedding_rule": "experiments.libraries.warm_start",
    "empty": "memory.library",
    "execute_skill": "agents.verbs",
    "explore": "agents.verbs",
    "export_libraries": "experiments.libraries.files",
    "extract_skill": "agents.verbs",
    "import_libraries": "experiments.libraries.files",
    "insert": "memory.library",
    "make_experiment": "experiments.presets",
    "make_sweep": "experiments.sweeps.sweep",
    "make_warm_start": "experiments.libraries.warm_start",
    "normalize": "memory.similarity",
    "open_streams": "streams",
    "record_outcome": "memory.library",
    "register_gymnasium": "envs.export.gymnasium_ids",
    "render_rgb": "envs.grid.render",
    "render_text": "envs.grid.render",
    "retrieve": "memory.library",
    "run_episode": "agents.verbs",
    "run_key": "streams",
    "skill_name": "memory.naming",
    "summarize_sweep": "experiments.sweeps.summary",
    "summary": "memory.library",
    "sweep": "experiments.sweeps.sweep",
    "sweep_tables": "experiments.sweeps.sweep",
    "train": "experiments.training.train",
    "with_memory": "experiments.with_memory",
}
_ROOMS = ("agents", "envs", "experiments", "figures", "memory")
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Imports a public name or a room of the package (PEP 562); it stays, so that this happens once."""
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Returns the public names and the rooms too, for completion in a shell."""
    return sorted({*globals(), *_HOMES, *_ROOMS})
