"""What a folder of results holds: damage is named, what a killed process left goes, and the way out works."""

import json
import os
import pathlib
import shutil

import jax
import numpy as np
import pytest

from experiments.runs.test_folders import SPEC, draw_nothing
from experiments.sealing import unseal
from experiments.sweeps import small_sweep
from procmem_jax.experiments.runs import evaluate
from procmem_jax.experiments.runs.evaluate import evaluate_run, read_experiment
from procmem_jax.experiments.runs.folders import RESULT_FILES, run_training, stored_summary
from procmem_jax.experiments.runs.libraries import libraries_of_run
from procmem_jax.experiments.runs.stored import open_finished, read_config
from procmem_jax.experiments.storage.files import DamagedError
from procmem_jax.experiments.storage.locks import folder_lock
from procmem_jax.experiments.sweeps.folders import find_finished, run_sweep
from procmem_jax.experiments.training.train import train
from procmem_jax.figures.sweep import plot_sweep
from procmem_jax.figures.training import plot_run

ALL_FILES = ("config.json", *RESULT_FILES)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("run")
    run_training(SPEC, folder, draw_figure=draw_nothing)
    return folder


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The folder of a finished sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    run_sweep(small_sweep(), folder, lanes=16, devices=jax.devices()[:1])
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the run."""
    return shutil.copytree(finished, tmp_path / "run")


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# Damage


def delete(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def replace_by_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [delete, empty, cut, replace_by_a_folder])
@pytest.mark.parametrize("name", ALL_FILES)
def test_the_same_run_again_names_what_is_damaged_and_force_repairs_it(folder, name, spoil, monkeypatch):
    whole = contents(folder)
    spoil(folder / name)
    before = contents(folder)
    with pytest.raises(DamagedError, match=rf"run/{name}.*run it again with --force"):
        stored_summary(folder, SPEC)
    assert contents(folder) == before
    if spoil is cut or name == "config.json":
        run_training(SPEC, folder, draw_figure=draw_nothing, anew=True)
        assert stored_summary(folder, SPEC) is not None
        assert {n: c for n, c in contents(folder).items() if n.endswith(("parquet", "npz", "jsonl"))} == {
            n: c for n, c in whole.items() if n.endswith(("parquet", "npz", "jsonl"))
        }


def test_a_folder_with_something_in_it_is_not_removed(folder):
    (folder / "episodes.parquet").unlink()
    (folder / "episodes.parquet").mkdir()
    (folder / "episodes.parquet" / "mine").write_text("mine")
    with pytest.raises(ValueError, match="episodes.parquet is a folder in the place of a file; move it away"):
        run_training(SPEC, folder, draw_figure=draw_nothing, anew=True)
    assert (folder / "episodes.parquet" / "mine").read_text() == "mine"


@pytest.mark.parametrize("extra", ["thesis.tex", "checkpoints/checkpoint-500/weights.bin"])
def test_force_takes_no_folder_in_which_other_things_lie(folder, extra):
    (folder / extra).parent.mkdir(parents=True, exist_ok=True)
    (folder / extra).write_text("mine")
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match="but what else is there is not of a run; choose another folder"):
        run_training(SPEC, folder, draw_figure=draw_nothing, anew=True)
    assert (folder / extra).read_text() == "mine" and (folder / "config.json").read_text() == "{"


def read_in_every_way(folder):
    """What the commands read of a run, or the sweep: each is called, and the errors of each are returned."""
    ways = (
        lambda: stored_summary(folder, SPEC),
        lambda: read_experiment(folder),
        lambda: read_experiment(folder, ["episodes.parquet"]),
        lambda: libraries_of_run(folder),
        lambda: open_finished(folder, ["summary.json", "episodes.parquet"]),
    )
    errors = []
    for read in ways:
        try:
            read()
            errors.append(None)
        except ValueError as error:
            errors.append(str(error))
    return errors


READ_BY = {
    "config.json": (0, 1, 2, 3, 4),
    "summary.json": (0, 1, 4),
    "libraries.npz": (0, 1, 3),
    "episodes.parquet": (0, 2, 4),
    "metrics.jsonl": (0,),
}


def damaged(content, random):
    """A bit flipped, or the end cut off."""
    if random.integers(3) == 0:
        return content[: random.integers(len(content))]
    changed, bit = bytearray(content), int(random.integers(8 * len(content)))
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def damage_a_run(folder, count):
    random, whole = np.random.default_rng(0), contents(folder)
    for _ in range(count):
        name = ALL_FILES[random.integers(len(ALL_FILES))]
        (folder / name).write_bytes(damaged(whole[name], random))
        errors = read_in_every_way(folder)
        for way in READ_BY[name]:
            assert errors[way] is not None and f"/{name}" in errors[way] and "\n" not in errors[way], (name, way)
        (folder / name).write_bytes(whole[name])
    assert [type(error) for error in read_in_every_way(folder)] == [type(None)] * 5


def damage_a_sweep(folder, count):
    random, whole, spec = np.random.default_rng(1), contents(folder), small_sweep()
    names = sorted(name for name in whole if not name.endswith("png"))
    assert len(names) > 4
    for _ in range(count):
        name = names[random.integers(len(names))]
        (folder / name).write_bytes(damaged(whole[name], random))
        with pytest.raises(ValueError, match=f"/{name}.*run it again with --force"):
            find_finished(spec, folder)
        if name in ("config.json", "summary.parquet"):
            with pytest.raises(ValueError, match=f"/{name}"):
                plot_sweep(folder)
        (folder / name).write_bytes(whole[name])
    assert find_finished(spec, folder) == folder


def test_damage_to_a_run_is_named(folder):
    damage_a_run(folder, 15)


def test_damage_to_a_sweep_is_named(swept, tmp_path):
    damage_a_sweep(shutil.copytree(swept, tmp_path / "sweep"), 15)


@pytest.mark.slow
def test_hundreds_of_damages_to_a_run_are_named(folder):
    damage_a_run(folder, 300)


@pytest.mark.slow
def test_hundreds_of_damages_to_a_sweep_are_named(swept, tmp_path):
    damage_a_sweep(shutil.copytree(swept, tmp_path / "sweep"), 300)


# Other formats, other kinds, folders of earlier versions


@pytest.mark.parametrize("number", [3, 0, -1, True, 2.0, "2", None])
def test_another_format_is_refused_by_all(folder, number):
    config = {**json.loads((folder / "config.json").read_text()), "format": number}
    config = {name: value for name, value in config.items() if "sha256" not in name}
    (folder / "config.json").write_text(json.dumps(config | {"versions": {"procmem_jax": "9.0"}}))
    for error in read_in_every_way(folder):
        assert f"format={number}, written by procmem_jax 9.0, is unknown here, procmem_jax " in error


def test_a_run_and_a_sweep_are_told_apart(folder, swept):
    with pytest.raises(ValueError, match="holds a sweep, not a run; choose another folder"):
        stored_summary(swept, SPEC)
    with pytest.raises(ValueError, match="holds a run, not a sweep; choose another folder"):
        find_finished(small_sweep(), folder)
    for read in (lambda: evaluate_run(swept, 2, 9), lambda: plot_run(swept), lambda: libraries_of_run(swept)):
        with pytest.raises(ValueError, match="holds a sweep, not a run; give the folder of a run .of `procmem train`"):
            read()
    with pytest.raises(ValueError, match="holds a run, not a sweep; give the folder of a sweep"):
        plot_sweep(folder)


def test_a_folder_without_sums_is_opened(folder):
    config = {n: v for n, v in json.loads((folder / "config.json").read_text()).items() if "sha256" not in n}
    (folder / "config.json").write_text(json.dumps(config))
    assert stored_summary(folder, SPEC) == json.loads((folder / "summary.json").read_text())
    assert libraries_of_run(folder).agents == (0, 1, 2, 3)
    (folder / "episodes.parquet").unlink()
    with pytest.raises(DamagedError, match=r"episodes\.parquet is missing.*run it again with --force"):
        stored_summary(folder, SPEC)


@pytest.mark.parametrize("kind", ["loop", "file", "child", "nowhere"])
def test_a_place_where_no_folder_can_be_is_refused_in_words(tmp_path, kind):
    path = tmp_path / "out"
    if kind == "loop":
        path.symlink_to(path)
    elif kind == "nowhere":
        path.symlink_to(tmp_path / "gone")
    else:
        path.write_text("mine")
    place = path / "below" / "deep" if kind == "child" else path
    with pytest.raises(ValueError, match=f"out={place} (cannot be|is not) a folder|is a link that leads nowhere"):
        run_training(SPEC, place, draw_figure=draw_nothing)


# What a killed process leaves


def leave(folder):
    """What a process that is killed at the end of a run leaves: its lock, checkpoints and half of a file."""
    (folder / ".lock").write_text(" process 1 on nowhere")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / f"checkpoint-00000001-{'0' * 64}.npz").write_bytes(b"")
    (folder / f".training.png.{os.getpid()}").write_bytes(b"half")


@pytest.mark.parametrize("read", [lambda folder: stored_summary(folder, SPEC), read_experiment, libraries_of_run])
def test_what_a_killed_process_left_goes_with_the_next_command(folder, read):
    before = contents(folder)
    leave(folder)
    read(folder)
    assert contents(folder) == before and not (folder / "checkpoints").exists()


def test_what_is_in_use_stays(folder):
    leave(folder)
    (folder / f".episodes.parquet.{os.getppid()}").write_bytes(b"half")  # of a process that runs
    with folder_lock(folder):
        stored_summary(folder, SPEC)
        assert (folder / "checkpoints").exists()
    stored_summary(folder, SPEC)
    assert not (folder / "checkpoints").exists() and (folder / f".episodes.parquet.{os.getppid()}").exists()


def test_a_folder_in_which_a_process_was_killed_at_once_is_none_of_somebody_else(tmp_path):
    (tmp_path / f".config.json.{os.getpid()}").write_bytes(b"{")
    (tmp_path / ".lock").write_text(" process 1 on nowhere")
    run_training(SPEC, tmp_path, draw_figure=draw_nothing)
    assert {path.name for path in tmp_path.iterdir()} == {*ALL_FILES, "training.png"}


def test_a_run_killed_before_its_last_file_goes_on(folder):
    unseal(folder)
    assert stored_summary(folder, SPEC) is None
    with pytest.raises(ValueError, match="or go on with `procmem train`"):
        read_experiment(folder)


def test_the_config_of_a_run_that_goes_on_vouches_for_itself(folder):
    unseal(folder)
    assert read_config(folder)["sha256"] == {}
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(DamagedError, match="config.json is damaged"):
        stored_summary(folder, SPEC)


# Evaluations


def test_an_evaluation_does_not_overwrite_another(folder, monkeypatch):
    def train_on(key, config, params, *counts, libraries, **more):  # a program that is compiled already
        return train(key, SPEC.config, SPEC.params, *counts, **more)

    monkeypatch.setattr(evaluate, "train", train_on)
    paths = [evaluate_run(folder, *options)[1] for options in ((2, 9), (3, 9), (2, 10))]
    assert [path.name for path in paths] == ["eval-9-2", "eval-9-3", "eval-10-2"]
    first = contents(paths[0])
    assert pathlib.Path(evaluate_run(folder, 2, 9)[1]) == paths[0]
    assert contents(paths[0])["episodes.parquet"] == first["episodes.parquet"]
    assert stored_summary(folder, SPEC) is not None
