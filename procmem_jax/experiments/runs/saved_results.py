"""A result of `pm.train` as a run folder, such as `procmem train` leaves."""

import pathlib

import jax
import numpy as np

from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.descriptions import describe_experiment, name_of_memory, remake_experiment
from procmem_jax.experiments.preset_names import DEFAULT_PRESET, PRESETS
from procmem_jax.experiments.runs.folders import RunSpec, check_folder, write_run
from procmem_jax.experiments.training.trained import Origin, TrainResult
from procmem_jax.streams import run_key


def save_result(
    result: TrainResult, folder: str | pathlib.Path, *, task: str | None = None, preset: str | None = None
) -> pathlib.Path:
    """Returns `folder`, in which it leaves the files of the run, for `pm.open_run` and all commands.

    They are those of `procmem train` with the same arguments, but for the figure, which `procmem plot` draws.

    Args:
        result: as `train` returned it, of agents from 0 that started without libraries.
        folder: made if it does not exist.
        task: the name that `make_experiment` was given, or "package.module:make_task"; by default that of our grid.
        preset: likewise; by default the one with this memory.

    Raises:
        ValueError: the result cannot be stored so, the task and the preset do not make its experiment, or the folder
            holds something else.
        OSError: the folder cannot be written.
    """
    spec, folder = _spec_of(result, task, preset), pathlib.Path(folder)
    check_folder(folder, spec)
    write_run(spec, folder, result)
    return folder


def _spec_of(result: TrainResult, task: str | None, preset: str | None) -> RunSpec:
    origin = result.origin
    if origin is None:
        raise ValueError("the result is not as train returned it; save it before it is sliced or mapped")
    if origin.first_agent != 0 or origin.warm or not origin.config.learns:
        why = f"first_agent={origin.first_agent}" if origin.first_agent else "libraries to start with, or learns=False"
        raise ValueError(f"the run had {why}, which a run folder does not keep; save runs of fresh agents from 0")
    if task is None:
        task = _task_of(origin)
    if preset is None:
        name = name_of_memory(origin.config.memory)
        preset = name if name in PRESETS else DEFAULT_PRESET
    spec = RunSpec(task, preset, origin.config, origin.params, *result.metrics.steps.shape, _seed_of(origin.key))
    made = remake_experiment(spec.identity())
    if made[0] != origin.config or describe_experiment(*made) != describe_experiment(spec.config, spec.params):
        raise ValueError(
            f"task={task} and preset={preset} make another experiment than the result's; give task= and preset= as "
            "make_experiment was given them, or the import path of a function that makes the task"
        )
    return spec


def _task_of(origin: Origin) -> str:
    environment = origin.config.environment
    if type(environment) is not GridWorld:
        raise ValueError(
            "the environment is not one of our grids, whose names are known; give task=, as make_experiment was given "
            "it, or package.module:make_task"
        )
    return f"{environment.layout}-{int(origin.params.environment.size)}"


def _seed_of(key: jax.Array) -> int:
    seed = int(np.asarray(jax.random.key_data(key)).reshape(-1)[-1])
    if not np.array_equal(jax.random.key_data(run_key(seed)), jax.random.key_data(key)):
        raise ValueError("the run key is not that of a seed; train with run_key(seed) to save the result")
    return seed
