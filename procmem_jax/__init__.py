"""Procedural memory as arrays: agents that extract, retrieve and reuse skills, in pure JAX.

The names of the table are the public API, with those of the rooms `memory`, `envs`, `agents`, `experiments` and
`export`. Each is imported when it is first asked for: importing the package takes no time, creates no array, starts no
backend and changes no setting. A name is published by a line in the table and one for type checkers.
"""

from typing import TYPE_CHECKING

from procmem_jax.lazy import lazy_names

if TYPE_CHECKING:
    from procmem_jax.agents.exploration import EpsilonPolicy as EpsilonPolicy
    from procmem_jax.agents.exploration import RandomPolicy as RandomPolicy
    from procmem_jax.agents.exploration import ScriptedPolicy as ScriptedPolicy
    from procmem_jax.agents.policy import ExplorationPolicy as ExplorationPolicy
    from procmem_jax.agents.q_learning import QLearning as QLearning
    from procmem_jax.agents.settings import Config as Config
    from procmem_jax.agents.settings import Params as Params
    from procmem_jax.envs.grid.world import GridWorld as GridWorld
    from procmem_jax.experiments.any_environment import with_memory as with_memory
    from procmem_jax.experiments.checking import check_environment as check_environment
    from procmem_jax.experiments.presets import make_experiment as make_experiment
    from procmem_jax.experiments.presets import register_preset as register_preset
    from procmem_jax.experiments.sweeps.ranges import Range as Range
    from procmem_jax.experiments.sweeps.sweep import make_sweep as make_sweep
    from procmem_jax.experiments.sweeps.sweep import sweep as sweep
    from procmem_jax.experiments.task_registry import register_task as register_task
    from procmem_jax.experiments.training.runtime import use_all_cores as use_all_cores
    from procmem_jax.experiments.training.train import TrainResult as TrainResult
    from procmem_jax.experiments.training.train import train as train
    from procmem_jax.fixed_order import dense as dense
    from procmem_jax.memory.default.memory import DefaultMemory as DefaultMemory
    from procmem_jax.memory.protocol import Memory as Memory
    from procmem_jax.memory.proven.memory import ProvenMemory as ProvenMemory
    from procmem_jax.memory.tutorial.memory import TutorialMemory as TutorialMemory
    from procmem_jax.percept import Percept as Percept
    from procmem_jax.reports.opened import open_run as open_run
    from procmem_jax.streams import run_key as run_key

__version__ = "0.1.0"

_NAMES = {
    "agents.exploration": "EpsilonPolicy RandomPolicy ScriptedPolicy",
    "agents.policy": "ExplorationPolicy",
    "agents.q_learning": "QLearning",
    "agents.settings": "Config Params",
    "envs.grid.world": "GridWorld",
    "experiments.checking": "check_environment",
    "experiments.presets": "make_experiment register_preset",
    "experiments.sweeps.ranges": "Range",
    "experiments.sweeps.sweep": "make_sweep sweep",
    "experiments.task_registry": "register_task",
    "experiments.training.runtime": "use_all_cores",
    "experiments.training.train": "TrainResult train",
    "experiments.any_environment": "with_memory",
    "fixed_order": "dense",
    "memory.default.memory": "DefaultMemory",
    "memory.protocol": "Memory",
    "memory.proven.memory": "ProvenMemory",
    "memory.tutorial.memory": "TutorialMemory",
    "percept": "Percept",
    "reports.opened": "open_run",
    "streams": "run_key",
}
_MODULES = "agents envs experiments export figures memory records"
__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES, _MODULES)
