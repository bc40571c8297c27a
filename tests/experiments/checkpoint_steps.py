"""Small checkpoints, one for each step of a run, for the tests of what is saved and what is damaged."""

import pathlib

import numpy as np

from procmem_jax.experiments.storage import checkpoints
from procmem_jax.experiments.storage.checkpoints import load_checkpoint, save_checkpoint

FILES = (checkpoints.ARRAYS_FILE, checkpoints.MANIFEST_FILE)


def step_arrays(step: int) -> dict[str, np.ndarray]:
    return {".words": np.arange(7, dtype=np.uint32) + np.uint32(step), ".done": np.array([True, False])}


def save_steps(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    contents = [{"step": step, "config": {"task": "doorkey", "rate": 0.1}} for step in range(count)]
    return [save_checkpoint(folder, step_arrays(content["step"]), content) for content in contents]


def names_in(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_same_arrays(loaded: dict, wanted: dict) -> None:
    assert list(loaded) == list(wanted)
    for name, array in wanted.items():
        assert loaded[name].dtype == array.dtype and loaded[name].shape == array.shape
        assert loaded[name].tobytes() == array.tobytes()


def assert_step_loaded(folder: pathlib.Path, step: int) -> None:
    checkpoint = load_checkpoint(folder).checkpoint
    assert checkpoint.content["step"] == step
    assert_same_arrays(checkpoint.arrays, step_arrays(step))
