"""A training run that is stopped and goes on gives what it gives undisturbed, bit for bit."""

import functools
import itertools
import json
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from experiments.stopping import Stop, signaller, stopper
from procmem_jax.experiments import signals
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs import folders
from procmem_jax.experiments.runs.folders import RunSpec, run_training
from procmem_jax.experiments.signals import Interrupted
from procmem_jax.experiments.storage import saving
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.training import driver, lanes
from procmem_jax.experiments.training.train import train
from procmem_jax.streams import run_key
from quick import quick_first

NUM_AGENTS, NUM_EPISODES = 70, 6
CONFIG, PARAMS = make_experiment("random-5", overrides={"capacity": 12, "max_steps": 40})


def play(saver=None, stop_after=None, devices=None, on_episode=None, on_progress=None, experiment=(CONFIG, PARAMS)):
    """The result of the run, stopped after some chunks of ticks if asked for."""
    where = {"lanes": 32, "chunk_ticks": 16, "devices": devices, "saver": saver}
    calls = {"on_progress": on_progress or stopper(stop_after), "on_episode": on_episode}
    return train(run_key(3), *experiment, NUM_AGENTS, NUM_EPISODES, **where, **calls)


@functools.cache
def undisturbed():
    return play()


def assert_the_same(result):
    expected = undisturbed()
    jax.tree.map(np.testing.assert_array_equal, result.metrics, expected.metrics)
    jax.tree.map(np.testing.assert_array_equal, result.libraries, expected.libraries)


def make_saver(folder, warnings=None, identity=None):
    on_warning = (lambda text: pytest.fail(text)) if warnings is None else warnings.append
    return Saver(folder, identity or {"run": 1}, every=0, on_warning=on_warning)


def stop_after(folder, chunks, **changes):
    with pytest.raises(Stop):
        play(make_saver(folder), stop_after=chunks, **changes)


@pytest.mark.parametrize("chunks", [*quick_first((1, 2, 20)), pytest.param(9, marks=pytest.mark.optimized)])
def test_a_stopped_run_goes_on_where_it_was(tmp_path, chunks):
    stop_after(tmp_path, chunks)
    assert len(list(tmp_path.iterdir())) == min(chunks, 2)
    assert_the_same(play(make_saver(tmp_path)))


@pytest.mark.slow
def test_what_an_explorer_knows_is_in_the_checkpoints(tmp_path):
    few = {"table_rows": 64, "per_episode": True, "max_steps": 40}
    experiment = make_experiment("random-5", explorer="nearest-untried", use_skills=False, overrides=few)
    stop_after(tmp_path, 9, experiment=experiment)
    went_on, whole = play(make_saver(tmp_path), experiment=experiment), play(experiment=experiment)
    jax.tree.map(np.testing.assert_array_equal, went_on.metrics, whole.metrics)


@pytest.mark.slow
def test_a_run_may_be_stopped_again_and_again_and_go_on_with_other_devices(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "_FEWEST_LANES", 16)
    every = jax.devices()
    assert len(lanes.usable_devices(every, 32)) == 2
    for devices in (every, every[:1], every, every[:1]):
        stop_after(tmp_path, 5, devices=devices)
    assert_the_same(play(make_saver(tmp_path)))


def test_every_episode_is_reported_once_over_all_parts_of_a_run(tmp_path):
    told = []

    def note(episode, metrics):
        told.append((episode, metrics.steps.tolist()))

    for chunks in itertools.count(40, 40):
        try:
            play(make_saver(tmp_path), stop_after=chunks, on_episode=note)
            break
        except Stop:
            pass
    assert [episode for episode, _ in told] == list(range(NUM_EPISODES))
    assert np.array_equal(np.asarray([steps for _, steps in told]).T, undisturbed().metrics.steps)


@pytest.mark.parametrize("chunks", (0, 5))
def test_a_signal_costs_a_command_nothing_that_was_done(tmp_path, chunks):
    """Long before the first checkpoint is due, as soon as there is something to lose."""
    saver = Saver(tmp_path, {"run": 1}, every=3600)
    with signals.watched(), pytest.raises(Interrupted) as stopped:
        play(saver, on_progress=signaller(chunks))
    assert stopped.value.number == signal.SIGTERM
    assert stopped.value.left == f"a checkpoint is in {tmp_path}; the same command again goes on from there"
    assert len(list(tmp_path.iterdir())) == 1
    ticks = []
    assert_the_same(play(make_saver(tmp_path), on_progress=lambda progress: ticks.append(progress.finished_episodes)))
    assert ticks[1] > 0 or chunks == 0


def test_signals_are_left_alone_but_by_a_command_that_has_something_to_lose(tmp_path):
    found = []

    def look(progress):
        found.append((progress.phase, signal.getsignal(signal.SIGTERM) is before))

    before = signal.getsignal(signal.SIGTERM)
    play(make_saver(tmp_path), on_progress=look)
    with signals.watched():
        play(on_progress=look)
    assert {is_before for _, is_before in found} == {True}
    found.clear()
    with signals.watched():
        play(make_saver(tmp_path / "own"), on_progress=look)
    assert set(found) == {("compiling", True), ("running", False)}


def test_a_signal_during_the_last_writes_leaves_a_finished_run(tmp_path, monkeypatch):
    def train_and_ask(*args, **kwargs):
        signals.hold()
        signal.raise_signal(signal.SIGTERM)
        return undisturbed()

    monkeypatch.setattr(folders, "train", train_and_ask)
    spec, drawn = RunSpec("random-5", "default", CONFIG, PARAMS, NUM_AGENTS, NUM_EPISODES, 3), []
    with signals.watched(), pytest.raises(Interrupted) as stopped:
        run_training(spec, tmp_path, draw_figure=lambda *paths: drawn.append(paths))
    assert stopped.value.left == f"the run is finished, its results are in {tmp_path}"
    names = {"config.json", "episodes.parquet", "libraries.npz", "metrics.jsonl", "summary.json"}
    assert {path.name for path in tmp_path.iterdir()} == names and drawn == []


def test_a_chunk_takes_no_longer_than_a_signal_may_wait(monkeypatch):
    """However many ticks were asked for, and however slow they are."""
    asked, clock = [], itertools.count(step=5)
    advance = lanes.Lanes.advance

    def count(self, state, ticks):
        asked.append(ticks)
        return advance(self, state, ticks)

    monkeypatch.setattr(lanes.Lanes, "advance", count)
    where = {"lanes": 32, "chunk_ticks": 10**9}
    assert_the_same(train(run_key(3), CONFIG, PARAMS, NUM_AGENTS, NUM_EPISODES, **where))
    assert asked[0] == 256 and sum(asked) < 10**5
    asked.clear()
    monkeypatch.setattr(driver.time, "perf_counter", lambda: float(next(clock)))
    assert_the_same(train(run_key(3), CONFIG, PARAMS, NUM_AGENTS, NUM_EPISODES, **where))
    assert asked[:4] == [256, 102, 40, 16]


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_used(tmp_path):
    stop_after(tmp_path, 6)
    newest = max(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    warnings = []
    assert_the_same(play(make_saver(tmp_path, warnings)))
    assert len(warnings) == 1 and str(newest) in warnings[0] and "the one before it is used" in warnings[0]


def test_a_checkpoint_of_another_run_or_version_is_not_used(tmp_path, monkeypatch):
    stop_after(tmp_path, 6)
    warnings = []
    assert make_saver(tmp_path, warnings, {"run": 2}).load() is None
    monkeypatch.setattr(saving, "versions", lambda: {"jax": "0.0"})
    assert make_saver(tmp_path, warnings).load() is None
    assert len(warnings) == 2 and all("another version or run; starting anew" in text for text in warnings)


def test_checkpoints_are_taken_as_often_as_asked_and_their_cost_allows(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(saving.time, "monotonic", lambda: clock[0])
    saver = Saver(tmp_path, {}, every=10)

    def make():
        clock[0] += 2  # what a checkpoint takes
        return {"x": np.zeros(1)}, {}

    saved = []
    for second in range(0, 200):
        clock[0] = max(clock[0], second)
        before = clock[0]
        saver.save_if_due(make)
        if clock[0] > before:
            saved.append(before)
    assert saved == [10, 62, 114, 166]  # 2 s are 4% of 50 s


@pytest.mark.parametrize("every", (-1.0, float("nan")))
def test_an_impossible_interval_is_refused(tmp_path, every):
    with pytest.raises(ValueError, match="checkpoint_every=.* is below 0 seconds; give at least 0"):
        Saver(tmp_path / "none", {}, every=every)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_run_folder_keeps_no_checkpoints_of_a_finished_run_and_force_starts_anew(tmp_path):
    spec = RunSpec("random-5", "default", CONFIG, PARAMS, NUM_AGENTS, 60, 3)
    run = functools.partial(run_training, spec, tmp_path, draw_figure=lambda folder, path: None, checkpoint_every=0)

    def stop(seen, progress):
        seen.append(progress.finished_episodes)
        if len(seen) == 4:
            raise Stop

    seen = {"first": [], "going on": [], "anew": []}
    for what in seen:
        with pytest.raises(Stop):
            run(on_progress=functools.partial(stop, seen[what]), anew=what == "anew")
        assert {path.name for path in tmp_path.iterdir()} - {"metrics.jsonl"} == {"config.json", "checkpoints"}
    assert seen["anew"] == seen["first"]
    assert seen["going on"][1] > seen["first"][-2]
    run()
    names = {"config.json", "episodes.parquet", "libraries.npz", "metrics.jsonl", "summary.json"}
    assert {path.name for path in tmp_path.iterdir()} == names


@pytest.mark.slow
def test_a_killed_command_goes_on_and_a_second_one_is_refused(tmp_path):
    command = [sys.executable, "-P", "-m", "procmem_jax", "train", "--task", "random-5", "--agents", "100"]
    command += [
        "--episodes",
        "40",
        "--checkpoint-every",
        "0",
        "--quiet",
        "--compilation-cache",
        str(tmp_path / "cache"),
    ]
    out, other = tmp_path / "killed", tmp_path / "whole"
    process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(out.glob("checkpoints/checkpoint-*2-*.npz")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)  # so that it is not done before the second asks
    second = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True)
    assert second.returncode == 2 and f"out={out} is in use by process {process.pid}" in second.stderr
    process.send_signal(signal.SIGKILL)
    process.wait()
    for folder in (out, other):
        subprocess.run([*command, "--out", str(folder)], check=True, capture_output=True)
    for name in ("episodes.parquet", "metrics.jsonl", "training.png"):
        assert (out / name).read_bytes() == (other / name).read_bytes(), name
    with np.load(out / "libraries.npz") as ours, np.load(other / "libraries.npz") as theirs:
        assert set(ours) == set(theirs) and all(np.array_equal(ours[name], theirs[name]) for name in ours)
    ours, theirs = (json.loads((folder / "summary.json").read_text()) for folder in (out, other))
    assert ours["episodes"] == theirs["episodes"] and ours["library"] == theirs["library"]
