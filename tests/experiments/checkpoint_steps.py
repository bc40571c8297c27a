"""Small checkpoints, one for each step of a run, for the tests of what is saved and what is damaged."""

import pathlib
import re

import numpy as np

from procmem_jax.experiments.storage.checkpoints import load_checkpoint, save_checkpoint


def step_arrays(step: int) -> dict[str, np.ndarray]:
    return {".words": np.arange(7, dtype=np.uint32) + np.uint32(step), ".done": np.array([True, False])}


def save_steps(folder: pathlib.Path, count: int) -> list[pathlib.Path]:
    contents = [{"step": step, "config": {"task": "doorkey", "rate": 0.1}} for step in range(count)]
    return [save_checkpoint(folder, step_arrays(content["step"]), content) for content in contents]


def plain_name(path: pathlib.Path) -> str:
    """The file's name without the sha256 of a checkpoint."""
    return re.sub(r"(?<=checkpoint-[0-9]{8})-[0-9a-f]{64}\.npz$", "", path.name)


def names_in(folder: pathlib.Path) -> list[str]:
    return sorted(plain_name(path) for path in folder.iterdir())


def assert_same_arrays(loaded: dict, wanted: dict) -> None:
    assert list(loaded) == list(wanted)
    for name, array in wanted.items():
        assert loaded[name].dtype == array.dtype and loaded[name].shape == array.shape
        assert loaded[name].tobytes() == array.tobytes()


def assert_step_loaded(folder: pathlib.Path, step: int) -> None:
    checkpoint = load_checkpoint(folder).checkpoint
    assert checkpoint.content["step"] == step
    assert_same_arrays(checkpoint.arrays, step_arrays(step))
