"""`procmem train` and `plot`: what they print, write and refuse, and what a run that ends early says."""

import json
import os
import re

import pyarrow.parquet
import pytest

from command_line import SMALL, contents, out_of, run
from procmem_jax.agents.exploration import name_of_policy
from procmem_jax.experiments.runs import folders as runs
from procmem_jax.experiments.signals import Interrupted
from procmem_jax.figures import training as training_figure
from quick import quick_first

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

FILES = {"config.json", "episodes.parquet", "libraries.npz", "metrics.jsonl", "summary.json", "training.png"}


def test_train_prints_lines_and_leaves_files(capsys, tmp_path):
    out = out_of(capsys, *SMALL)
    folder = tmp_path / "runs" / "random-3-tutorial-7"
    assert set(contents(folder)) == FILES
    lines = out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [f"Episode {number:>5}" for number in (0, 1, 2)]
    for word in ("return", "steps", "skills", "success"):
        assert word in lines[0]
    assert "Last 1 of 3 episodes, mean over 5 agents [95% interval]" in out
    assert re.search(r"  steps                 [\d.]+ \[[\d.]+, [\d.]+\] \(first 1: [\d.]+ \[", out)
    assert "Agent 0, the most used of its " in out and "procmem replay runs/random-3-tutorial-7" in out
    assert len(lines) <= 30
    assert "agent steps/s" in out
    assert "Results in runs/random-3-tutorial-7, figure runs/random-3-tutorial-7/training.png" in out
    assert os.listdir(tmp_path) == ["runs"]


def test_the_printed_lines_are_the_stored_means(capsys, tmp_path):
    lines = out_of(capsys, *SMALL).splitlines()
    summary = json.loads((tmp_path / "runs/random-3-tutorial-7/summary.json").read_text())
    steps, success = summary["episodes"]["steps"], summary["episodes"]["success"]
    for episode in range(3):
        low, high = steps["low"][episode], steps["high"][episode]
        assert f"steps {steps['mean'][episode]:.1f} [{low:.1f}, {high:.1f}]" in lines[episode]
        assert f"success {100 * success['mean'][episode]:.1f}% [" in lines[episode]


def test_the_same_again_tells_the_stored_result(capsys, tmp_path):
    first = out_of(capsys, *SMALL, "--out", "here").splitlines()
    before = contents(tmp_path / "here")
    second = out_of(capsys, *SMALL, "--out", "here").splitlines()
    assert second[0] == "here holds this run, finished; its stored result (--force runs it again):"
    assert second[1:] == first[3:]  # all but the lines of the episodes
    assert contents(tmp_path / "here") == before


def test_a_lost_figure_is_drawn_again(capsys, tmp_path):
    out_of(capsys, *SMALL)
    figure = tmp_path / "runs/random-3-tutorial-7/training.png"
    figure.unlink()
    out_of(capsys, *SMALL)
    assert figure.read_bytes()[:4] == b"\x89PNG"


def test_force_runs_again(capsys, monkeypatch, tmp_path):
    out_of(capsys, *SMALL)
    summary = tmp_path / "runs/random-3-tutorial-7/summary.json"
    stored = json.loads(summary.read_text())
    monkeypatch.setattr(training_figure, "plot_run", lambda folder, path=None: None)
    assert "Episode     0" in out_of(capsys, *SMALL, "--force")
    again = json.loads(summary.read_text())
    assert again["episodes"] == stored["episodes"]
    assert again["run_seconds"] != stored["run_seconds"]


def test_another_config_in_the_same_folder_is_refused(capsys, tmp_path):
    out_of(capsys, *SMALL, "--out", "here")
    before = contents(tmp_path / "here")
    for force in ([], ["--force"]):
        status, out, err = run(capsys, *SMALL, "--out", "here", "--set", "capacity=8", *force)
        assert (status, out) == (2, "")
        assert "out=here holds a run of another config (capacity: there 16, here 8); choose another" in err
    assert contents(tmp_path / "here") == before


@pytest.fixture
def asked(monkeypatch):
    """The specs of the runs that are asked for, which are not run."""
    specs = []

    def stop(spec, *args, **kwargs):
        specs.append(spec)
        raise ValueError("not run")

    monkeypatch.setattr(runs, "run_training", stop)
    return specs


def test_options_reach_the_run(capsys, asked):
    world = ["--task", "tutorial-6", "--preset", "tutorial", "--seed", "4294967295", "--agents", "3", "--episodes", "2"]
    run(capsys, "train", *world, "--no-skills", "--explorer", "epsilon:0.3")
    run(capsys, "train", *world, "--set", "capacity=64", "merge_threshold=0.5")
    off, spec = asked
    assert (spec.task, spec.preset, spec.num_agents, spec.num_episodes, spec.seed) == (
        "tutorial-6",
        "tutorial",
        3,
        2,
        2**32 - 1,
    )
    assert (off.config.use_skills, name_of_policy(off.config.exploration)) == (False, "epsilon")
    assert off.params.exploration.epsilon == 0.3
    assert (spec.config.library.capacity, spec.params.memory.merge_threshold) == (64, 0.5)


def test_defaults(capsys, asked):
    run(capsys, "train")
    [spec] = asked
    assert (spec.task, spec.num_agents, spec.num_episodes, spec.seed) == ("random-5", 1024, 100, 0)
    assert spec.config.use_skills


@pytest.mark.slow
def test_plot(capsys, tmp_path):
    out_of(capsys, *SMALL, "--out", "here")
    (tmp_path / "here" / "training.png").unlink()
    assert out_of(capsys, "plot", "here") == "here/training.png\n"
    assert out_of(capsys, "plot", "here", "--out", "mine.png") == "mine.png\n"
    assert (tmp_path / "mine.png").read_bytes() == (tmp_path / "here" / "training.png").read_bytes()


@pytest.mark.parametrize("name", ["config.json", "summary.json", "libraries.npz"])
@pytest.mark.parametrize("damage", quick_first([b"", b"{}", b"\xff\xfe"]))
def test_a_damaged_stored_run_is_one_line_and_untouched(capsys, tmp_path, name, damage):
    out_of(capsys, *SMALL, "--out", "here")
    (tmp_path / "here" / name).write_bytes(damage)
    before = contents(tmp_path / "here")
    status, out, err = run(capsys, *SMALL, "--out", "here")
    assert (status, err.count("\n")) == (2, 1)
    assert f"here/{name}" in err and "run it again with --force" in err
    assert contents(tmp_path / "here") == before
    out_of(capsys, *SMALL, "--out", "here", "--force")
    assert "finished" in out_of(capsys, *SMALL, "--out", "here")


def test_an_interrupted_run_says_so(capsys, monkeypatch, tmp_path):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "train", interrupt)
    status, out, err = run(capsys, *SMALL, "--out", "here")
    text = "procmem: interrupted; nothing half-written was left, give the command again to go on\n"
    assert (status, out, err) == (130, "", text)
    assert set(contents(tmp_path / "here")) == {"config.json"}


@pytest.mark.parametrize(("number", "name", "status"), [(2, "SIGINT", 130), (15, "SIGTERM", 143)])
def test_a_run_that_a_signal_stopped_says_what_there_is(capsys, monkeypatch, number, name, status):
    def interrupt(*args, **kwargs):
        raise Interrupted(number, "a checkpoint is in here")

    monkeypatch.setattr(runs, "train", interrupt)
    found = run(capsys, *SMALL, "--out", "here", "--quiet")
    assert found == (status, "", f"procmem: stopped by {name}: a checkpoint is in here\n")


def test_the_table_of_a_run(capsys, tmp_path):
    out_of(capsys, *SMALL, "--no-skills", "--out", "here", "--quiet")
    table = pyarrow.parquet.read_table(tmp_path / "here" / "episodes.parquet").to_pydict()
    assert (table["agent"], table["episode"]) == ([0] * 3 + [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3, [0, 1, 2] * 5)
    assert table["steps"] == table["optimal_steps"]  # the script's way is the shortest
    assert set(table["skills"]) == {0}
    assert json.loads((tmp_path / "here" / "config.json").read_text())["settings"]["use_skills"] is False
