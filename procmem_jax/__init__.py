"""Procedural memory as arrays: agents that extract, retrieve and reuse skills, in pure JAX.

The names of the table are the public API, with those of the rooms `memory`, `envs`, `agents` and `experiments`. Each
is imported when it is first asked for: importing the package takes no time, creates no array, starts no backend and
changes no setting. A name is published by a line in the table and one for type checkers.
"""

from typing import TYPE_CHECKING

from procmem_jax.lazy import lazy_names

if TYPE_CHECKING:
    from procmem_jax.agents.exploration import EpsilonPolicy, ExplorationPolicy, RandomPolicy, ScriptedPolicy
    from procmem_jax.agents.q_learning import QLearning
    from procmem_jax.agents.settings import Config, Params
    from procmem_jax.envs.grid.world import GridWorld
    from procmem_jax.experiments.presets import make_experiment, register_preset
    from procmem_jax.experiments.sweeps.grid import Range
    from procmem_jax.experiments.sweeps.sweep import make_sweep, sweep
    from procmem_jax.experiments.task_registry import register_task
    from procmem_jax.experiments.training.train import TrainResult, train
    from procmem_jax.experiments.with_memory import with_memory
    from procmem_jax.fixed_order import dense
    from procmem_jax.memory.default.memory import DefaultMemory
    from procmem_jax.memory.protocol import Memory
    from procmem_jax.memory.tutorial.memory import TutorialMemory
    from procmem_jax.percept import Percept
    from procmem_jax.streams import run_key

__version__ = "0.1.0"

_NAMES = {
    "agents.exploration": "EpsilonPolicy ExplorationPolicy RandomPolicy ScriptedPolicy",
    "agents.q_learning": "QLearning",
    "agents.settings": "Config Params",
    "envs.grid.world": "GridWorld",
    "experiments.presets": "make_experiment register_preset",
    "experiments.sweeps.grid": "Range",
    "experiments.sweeps.sweep": "make_sweep sweep",
    "experiments.task_registry": "register_task",
    "experiments.training.train": "TrainResult train",
    "experiments.with_memory": "with_memory",
    "fixed_order": "dense",
    "memory.default.memory": "DefaultMemory",
    "memory.protocol": "Memory",
    "memory.tutorial.memory": "TutorialMemory",
    "percept": "Percept",
    "streams": "run_key",
}
_MODULES = "agents envs experiments figures memory records"
__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES, _MODULES)
