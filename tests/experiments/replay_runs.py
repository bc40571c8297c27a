"""Finished runs for the tests of what is replayed: small ones, whose programs all these tests share."""

import dataclasses
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from experiments.sealing import reseal
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs.folders import RunSpec, run_training

NUM_AGENTS, NUM_EPISODES, SEED = 3, 12, 5
CASES = {
    "default": ("random-3", "default", {}),
    "tutorial": ("tutorial-5", "tutorial", {}, "epsilon:0.3"),
    "memory off": ("shifting-4", "default", {"use_skills": False, "sticky": 0.3, "shift_every": 2}),
    "walls": ("doorkey-5", "tutorial", {}),
    "q-learning": ("random-3", "q-learning", {}),
}


def make_run(folder: pathlib.Path, case: str, **changes) -> pathlib.Path:
    """The folder of a finished run of `case`."""
    task, preset, overrides, *explorer = CASES[case]
    config, params = make_experiment(task, preset, explorer=explorer[0] if explorer else None, overrides=overrides)
    spec = RunSpec(task, preset, config, params, NUM_AGENTS, NUM_EPISODES, SEED)
    run_training(dataclasses.replace(spec, **changes), folder, draw_figure=lambda folder, path: None)
    return folder


def change_row(folder: pathlib.Path, agent: int, episode: int, **values) -> None:
    """Writes other values into one stored row."""
    table = pyarrow.parquet.read_table(folder / "episodes.parquet")
    columns = {name: table[name].to_numpy().copy() for name in table.column_names}
    row = np.flatnonzero((columns["agent"] == agent) & (columns["episode"] == episode))
    for name, value in values.items():
        columns[name][row] = value
    pyarrow.parquet.write_table(pa.table(columns, schema=table.schema), folder / "episodes.parquet")
    reseal(folder)


def stored_row(folder: pathlib.Path, agent: int, episode: int) -> dict:
    """One row of the run's episodes."""
    [row] = pyarrow.parquet.read_table(
        folder / "episodes.parquet", filters=[("agent", "==", agent), ("episode", "==", episode)]
    ).to_pylist()
    return row
