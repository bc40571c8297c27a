"""Runs in folders: finished, unfinished, foreign, interrupted; never a half-written file."""

import dataclasses
import json
import os

import jax
import numpy as np
import pyarrow.parquet
import pytest

from experiments.sealing import reseal, unseal
from procmem_jax.cli.reports.run import closing_report, episode_line
from procmem_jax.experiments.libraries import files as library_files
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs import folders as runs
from procmem_jax.experiments.runs.folders import RunSpec, run_training, stored_summary
from procmem_jax.experiments.runs.results import read_libraries
from procmem_jax.experiments.runs.stored_episodes import first_difference, read_agent_episodes
from procmem_jax.experiments.storage.files import DamagedError
from procmem_jax.experiments.training.train import train
from procmem_jax.figures.training import plot_run
from procmem_jax.reports.curves import scores_of
from procmem_jax.reports.runs import RunFiles
from procmem_jax.streams import run_key

CONFIG, PARAMS = make_experiment("random-3", "tutorial")
SPEC = RunSpec("random-3", "tutorial", CONFIG, PARAMS, 4, 3, 0)
FILES = {"config.json", "episodes.parquet", "libraries.npz", "metrics.jsonl", "summary.json", "training.png"}


def draw_nothing(folder, path):
    """Stands in for the figure."""
    path.write_bytes(b"figure")


def run(folder, spec=SPEC, **changes):
    return run_training(spec, folder, **({"draw_figure": draw_nothing} | changes))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def other(**changes):
    """The spec of a run with other settings."""
    config, params = make_experiment("random-3", "tutorial", overrides=changes)
    return dataclasses.replace(SPEC, config=config, params=params)


def test_a_run_leaves_whole_and_true_files(tmp_path):
    folder = tmp_path / "deep" / "run"
    summary = run(folder)
    assert set(contents(folder)) == FILES
    assert json.loads((folder / "summary.json").read_text()) == summary == stored_summary(folder, SPEC)
    result = train(run_key(0), CONFIG, PARAMS, 4, 3)
    table = pyarrow.parquet.read_table(folder / "episodes.parquet")
    assert table["steps"].to_pylist() == result.metrics.steps.reshape(-1).tolist()
    assert table["agent"].to_pylist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    assert (np.asarray(table["steps"]) >= np.asarray(table["optimal_steps"])).all()
    np.testing.assert_array_equal(read_libraries(folder / "libraries.npz").embeddings, result.libraries.embeddings)
    assert summary["episodes"]["steps"]["mean"] == result.metrics.steps.mean(axis=0).tolist()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["episode"] for line in lines] == [0, 1, 2]
    assert [line["steps"] for line in lines] == result.metrics.steps.mean(axis=0).tolist()


def test_the_config_says_everything(tmp_path):
    run(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert set(config["versions"]) == {"procmem_jax", "jax", "jaxlib", "python"}
    assert (config["task"], config["preset"], config["agents"], config["episodes"], config["seed"]) == (
        *("random-3", "tutorial", 4, 3, 0),
    )
    assert config["settings"]["capacity"] == 16
    assert config["settings"]["step_budget"] == 36
    assert config["settings"]["use_skills"] is True


def test_nothing_is_stored_where_nothing_was_run(tmp_path):
    assert stored_summary(tmp_path / "nowhere", SPEC) is None
    assert stored_summary(tmp_path, SPEC) is None
    assert not (tmp_path / "nowhere").exists()


def test_an_unfinished_run_starts_again(tmp_path):
    whole = run(tmp_path)
    unseal(tmp_path)
    for gone in ("summary.json", "episodes.parquet"):
        (tmp_path / gone).unlink()
    assert stored_summary(tmp_path, SPEC) is None
    again = run(tmp_path)
    assert again["episodes"] == whole["episodes"]
    assert set(contents(tmp_path)) == FILES


def test_a_finished_run_can_be_run_again(tmp_path):
    run(tmp_path)
    for name in FILES - {"config.json"}:
        (tmp_path / name).write_bytes(b"old")
    with pytest.raises(DamagedError, match=r"episodes\.parquet is damaged.*; run it again with --force"):
        stored_summary(tmp_path, SPEC)
    run(tmp_path, anew=True)
    assert b"old" not in contents(tmp_path).values()
    assert stored_summary(tmp_path, SPEC) is not None


@pytest.mark.parametrize(
    ("spec", "differing"),
    [
        (dataclasses.replace(SPEC, seed=1), "seed: there 0, here 1"),
        (
            dataclasses.replace(SPEC, num_agents=5, num_episodes=4),
            "agents: there 4, here 5; episodes: there 3, here 4",
        ),
        (dataclasses.replace(SPEC, task="random-4"), "task: there random-3, here random-4"),
        (other(capacity=64), "capacity: there 16, here 64"),
        (
            other(merge_threshold=0.5, learn=False),
            "learn: there True, here False; merge_threshold: there 0.9, here 0.5",
        ),
    ],
)
def test_a_run_of_another_config_is_refused_and_untouched(tmp_path, spec, differing):
    run(tmp_path)
    before = contents(tmp_path)
    for attempt in (stored_summary, lambda folder, spec: run(folder, spec)):
        with pytest.raises(ValueError, match="holds a run of another config") as caught:
            attempt(tmp_path, spec)
        assert f"({differing}); choose another" in str(caught.value)
    assert contents(tmp_path) == before


def test_a_run_without_its_memory_is_another(tmp_path):
    run(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(
        ValueError, match=r"holds a run of another config \(use_skills: there True, here False; capacity"
    ):
        stored_summary(tmp_path, other(use_skills=False))
    assert contents(tmp_path) == before


def test_a_setting_of_a_later_version_is_a_difference(tmp_path):
    run(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    reseal(tmp_path, settings={**config["settings"], "momentum": 0.9})
    with pytest.raises(ValueError, match="momentum: there 0.9, here None"):
        stored_summary(tmp_path, SPEC)


@pytest.mark.parametrize("make_foreign", [lambda p: (p / "thesis.tex").write_text("x"), lambda p: (p / "data").mkdir()])
def test_a_foreign_folder_is_refused_and_untouched(tmp_path, make_foreign):
    make_foreign(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ValueError, match="holds files that are not of a run; choose another or an empty folder"):
        run(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ValueError, match="is not a folder; choose another"):
        run(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("damage", ["{", "[]", "", '{"task": 3}'])
def test_a_damaged_config_is_refused_and_untouched(tmp_path, damage):
    (tmp_path / "config.json").write_text(damage)
    for anew in (False, True):  # nothing tells that it was a run's
        with pytest.raises(ValueError, match="cannot be read as JSON|holds a list|is not the config of a run"):
            run(tmp_path, anew=anew)
    assert contents(tmp_path) == {"config.json": damage.encode()}


def fail_to_write_episodes(monkeypatch, error):
    def write(path, *args, **kwargs):
        path.write_bytes(b"half of the")
        raise error("in the middle")

    monkeypatch.setattr(runs.results, "write_episodes", write)


def fail_to_write_libraries(monkeypatch, error):
    def savez(file, **arrays):
        file.write(b"half of the")
        raise error("in the middle")

    monkeypatch.setattr(library_files.np, "savez", savez)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("fail", [fail_to_write_episodes, fail_to_write_libraries])
@pytest.mark.parametrize("finished_before", [False, True])
def test_a_failure_in_the_middle_leaves_no_half_written_file(monkeypatch, tmp_path, fail, error, finished_before):
    if finished_before:
        run(tmp_path)
    fail(monkeypatch, error)
    with pytest.raises(error, match="in the middle"):
        run(tmp_path)
    assert b"half of the" not in contents(tmp_path).values()
    assert set(contents(tmp_path)) <= FILES - {"summary.json"}  # no temporary file, and not called finished
    assert stored_summary(tmp_path, SPEC) is None
    monkeypatch.undo()
    run(tmp_path)
    assert set(contents(tmp_path)) == FILES


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["config.json", "summary.json"])
def test_a_failure_at_a_json_file_leaves_no_half_of_it(monkeypatch, tmp_path, name, error):
    replace = os.replace

    def fail(source, target):
        if os.path.basename(target) == name:
            raise error("in the middle")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(error, match="in the middle"):
        run(tmp_path)
    assert set(contents(tmp_path)) <= FILES - {name, "training.png"}
    monkeypatch.undo()
    run(tmp_path)
    assert set(contents(tmp_path)) == FILES


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_while_training_leaves_the_finished_run_alone(monkeypatch, tmp_path, error):
    run(tmp_path)
    before = contents(tmp_path)

    def fail(*args):
        raise error("stopped")

    with pytest.raises(error, match="stopped"):
        run(tmp_path, on_episode=fail)
    assert contents(tmp_path) == before


def test_rewards_that_json_cannot_hold_lose_no_run(capsys, monkeypatch, tmp_path):
    told = []

    def train_strangely(*args, on_episode, **options):
        result = train(*args, **options)
        returns = result.metrics.episode_return.copy()
        returns[:3, 1], returns[0, 2] = [np.inf, -np.inf, 2.0], np.nan
        metrics = dataclasses.replace(result.metrics, episode_return=returns)
        for episode in range(3):
            on_episode(episode, jax.tree.map(lambda column, at=episode: column[:, at], metrics))
        return dataclasses.replace(result, metrics=metrics)

    monkeypatch.setattr(runs, "train", train_strangely)
    summary = run(
        tmp_path,
        draw_figure=lambda folder, path: None,
        on_episode=lambda episode, metrics: print(episode_line(episode, metrics)),
        on_warning=told.append,
    )
    assert [line.split(":")[0] for line in told] == ["episode_return is infinite or NaN in 3 of 12 episodes"]
    shown = [line.split("return ")[1].split()[0] for line in capsys.readouterr().out.splitlines()]
    assert np.isfinite(float(shown[0])) and shown[1:] == ["nan", "nan"]
    means = [json.loads(line)["episode_return"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert means[0] is not None and means[1:] == [None, None]
    assert stored_summary(tmp_path, SPEC)["episodes"]["episode_return"]["mean"] == means
    stored = read_agent_episodes(tmp_path / "episodes.parquet", 0, 3)
    assert np.isposinf(stored.episode_return[1]) and np.isnan(stored.episode_return[2])
    assert first_difference(stored, stored, 0, 3) is None  # as in a replay
    assert "success of episodes" in closing_report(SPEC, summary, tmp_path)
    plot_run(tmp_path)
    assert "episode_return" not in [score.key for score in scores_of([RunFiles.at(tmp_path)])]


def test_a_run_without_its_figure_is_finished(tmp_path):
    with pytest.raises(OSError, match="no figure"):
        run(tmp_path, draw_figure=lambda folder, path: (_ for _ in ()).throw(OSError("no figure")))
    assert stored_summary(tmp_path, SPEC) is not None
    assert set(contents(tmp_path)) == FILES - {"training.png"}


def test_an_unwritable_folder_is_an_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="out=.*below cannot be a folder .Not a directory.; choose another"):
        run(tmp_path / "file" / "below")
    if os.geteuid() != 0:  # root may write anywhere
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(PermissionError):
            run(tmp_path / "locked" / "run")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"seed": -1}, "seed=-1 is"),
        ({"seed": 2**32}, "seed=4294967296 is"),
        ({"num_agents": 0}, "num_agents=0 is below 1"),
        ({"num_episodes": -3}, "num_episodes=-3 is below 1"),
    ],
)
def test_an_impossible_run_makes_no_folder(tmp_path, changes, text):
    spec = dataclasses.replace(SPEC, **changes)
    with pytest.raises(ValueError, match=text):
        spec.check()
    with pytest.raises(ValueError, match=text):
        run(tmp_path / "run", spec)
    assert not (tmp_path / "run").exists()
