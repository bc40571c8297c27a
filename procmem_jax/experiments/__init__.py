"""Training, tasks, presets, results and statistics: plain Python around jitted chunks."""

from typing import TYPE_CHECKING

from procmem_jax.lazy import lazy_names

if TYPE_CHECKING:
    from procmem_jax.experiments.any_environment import with_memory as with_memory
    from procmem_jax.experiments.libraries.files import export_libraries as export_libraries
    from procmem_jax.experiments.libraries.files import import_libraries as import_libraries
    from procmem_jax.experiments.libraries.merging import MergedLibraries as MergedLibraries
    from procmem_jax.experiments.libraries.merging import merge_libraries as merge_libraries
    from procmem_jax.experiments.libraries.saved import SavedLibraries as SavedLibraries
    from procmem_jax.experiments.libraries.skills import StoredSkill as StoredSkill
    from procmem_jax.experiments.libraries.skills import read_skills as read_skills
    from procmem_jax.experiments.libraries.warm_start import WarmStart as WarmStart
    from procmem_jax.experiments.libraries.warm_start import embedding_rule as embedding_rule
    from procmem_jax.experiments.libraries.warm_start import make_warm_start as make_warm_start
    from procmem_jax.experiments.optimum import optimal_steps as optimal_steps
    from procmem_jax.experiments.presets import make_experiment as make_experiment
    from procmem_jax.experiments.presets import register_preset as register_preset
    from procmem_jax.experiments.runs.libraries import libraries_at as libraries_at
    from procmem_jax.experiments.runs.saved_results import save_result as save_result
    from procmem_jax.experiments.sweeps.ranges import Range as Range
    from procmem_jax.experiments.sweeps.spec import SweepSpec as SweepSpec
    from procmem_jax.experiments.sweeps.summary import summarize_sweep as summarize_sweep
    from procmem_jax.experiments.sweeps.sweep import make_sweep as make_sweep
    from procmem_jax.experiments.sweeps.sweep import sweep as sweep
    from procmem_jax.experiments.sweeps.sweep import sweep_tables as sweep_tables
    from procmem_jax.experiments.task_registry import register_task as register_task
    from procmem_jax.experiments.training.driver import Progress as Progress
    from procmem_jax.experiments.training.train import TrainResult as TrainResult
    from procmem_jax.experiments.training.train import train as train

_NAMES = {
    "libraries.files": "export_libraries import_libraries",
    "libraries.merging": "MergedLibraries merge_libraries",
    "libraries.saved": "SavedLibraries",
    "libraries.skills": "StoredSkill read_skills",
    "libraries.warm_start": "WarmStart embedding_rule make_warm_start",
    "optimum": "optimal_steps",
    "presets": "make_experiment register_preset",
    "runs.libraries": "libraries_at",
    "runs.saved_results": "save_result",
    "sweeps.ranges": "Range",
    "sweeps.spec": "SweepSpec",
    "sweeps.summary": "summarize_sweep",
    "sweeps.sweep": "make_sweep sweep sweep_tables",
    "task_registry": "register_task",
    "training.driver": "Progress",
    "training.train": "TrainResult train",
    "any_environment": "with_memory",
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES)
