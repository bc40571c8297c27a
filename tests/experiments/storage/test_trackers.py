"""Trackers: lines and events by hand, and after an interruption."""

import json
import struct
import sys
import types

import numpy as np
import pytest

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.storage.trackers import JsonLines, TensorBoard, WeightsAndBiases, means_of

STEPS = np.asarray([[10, 20, 30], [30, 20, 11]], np.int32)  # [A, E]


def metrics(episode=None, steps=STEPS):
    zero = np.zeros_like(steps)
    table = EpisodeMetrics(steps * np.float32(0.5), steps, steps < 25, zero + 1, zero + 2, zero + 3, zero)
    if episode is None:
        return table
    return EpisodeMetrics(*(getattr(table, name)[:, episode] for name in table.__dataclass_fields__))


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_means():
    assert means_of(metrics(2)) == {
        **{"episode_return": 10.25, "steps": 20.5, "success": 0.5, "skills": 1.0, "skill_uses": 2.0},
        "skill_steps": 3.0,
    }


def test_lines_come_one_by_one_and_a_run_that_goes_on_takes_back_later_ones(tmp_path):
    path = tmp_path / "metrics.jsonl"
    tracker = JsonLines(path)
    for episode in range(3):
        tracker.on_episode(episode, metrics(episode))
        assert [line["episode"] for line in lines_of(path)] == list(range(episode + 1))
    again = JsonLines(path)
    again.on_episode(1, metrics(1, STEPS + 1))
    assert [(line["episode"], line["steps"]) for line in lines_of(path)] == [(0, 20.0), (1, 21.0)]
    again.finish(metrics())
    assert [(line["episode"], line["steps"]) for line in lines_of(path)] == [(0, 20.0), (1, 20.0), (2, 20.5)]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_finished_file_is_that_of_the_lines(tmp_path):
    tracker = JsonLines(tmp_path / "live")
    for episode in range(3):
        tracker.on_episode(episode, metrics(episode))
    JsonLines(tmp_path / "whole").finish(metrics())
    assert (tmp_path / "live").read_bytes() == (tmp_path / "whole").read_bytes()


def test_the_lines_of_a_finished_run_stay_until_it_is_done_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("finished\n")
    tracker = JsonLines(path, live=False)
    tracker.on_episode(0, metrics(0))
    assert path.read_text() == "finished\n"
    tracker.finish(metrics())
    assert len(lines_of(path)) == 3


def events_in(folder):
    """Every (step, name, value) in a folder of event files, which hold records of length, check, content, check."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = event_pb2.Event.FromString(data[12 : 12 + length])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            data = data[12 + length + 4 :]
    return found


def test_events(tmp_path):
    pytest.importorskip("tensorboardX")
    folder = tmp_path / "tensorboard"
    folder.mkdir()
    (folder / "events.out.tfevents.0.old").write_bytes(b"of an earlier run")
    tracker = TensorBoard(folder)
    for episode in range(3):
        tracker.on_episode(episode, metrics(episode))
    tracker.finish(metrics())
    found = events_in(folder)
    assert len(found) == 3 * 6
    assert [value for _, name, value in found if name == "steps"] == [20.0, 20.0, 20.5]
    assert (2, "episode_return", 10.25) in found


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ValueError, match="--tensorboard needs a package; install it with: pip install tensorboardX"):
        TensorBoard(tmp_path)


@pytest.fixture
def wandb(monkeypatch):
    """A module that stands for wandb and keeps what it is told: the arguments of `init`, then (episode, steps)."""
    told = types.SimpleNamespace(begun=[], logged=[], finished=0)

    class Run:
        def __init__(self, name):
            self.id = name

        def log(self, means, step):
            told.logged.append((step, means["steps"]))

        def finish(self):
            told.finished += 1

    def init(**options):
        told.begun.append(options)
        return Run(options["id"] or f"run-{len(told.begun)}")

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init))
    for name in ("WANDB_PROJECT", "WANDB_NAME"):
        monkeypatch.delenv(name, raising=False)
    return types.SimpleNamespace(told=told, Run=Run, module=sys.modules["wandb"])


def test_weights_and_biases_is_told_every_episode(tmp_path, wandb):
    tracker = WeightsAndBiases(tmp_path, {"seed": 3}, pytest.fail)
    assert wandb.told.begun == []
    for episode in range(3):
        tracker.on_episode(episode, metrics(episode))
    tracker.finish(metrics())
    assert wandb.told.logged == [(0, 20.0), (1, 20.0), (2, 20.5)] and wandb.told.finished == 1
    [begun] = wandb.told.begun
    assert (begun["project"], begun["name"], begun["config"]) == ("procmem", tmp_path.name, {"seed": 3})
    assert begun["dir"] == str(tmp_path)


def test_a_run_that_goes_on_is_one_run_there_and_one_from_the_start_another(tmp_path, wandb):
    for first in (0, 2, 0):
        WeightsAndBiases(tmp_path, {}, pytest.fail).on_episode(first, metrics(first))
    assert [(begun["id"], begun["resume"]) for begun in wandb.told.begun] == [
        (None, None),
        ("run-1", "allow"),
        (None, None),
    ]
    assert (tmp_path / "wandb/procmem-run").read_text() == "run-3"


def test_who_is_not_logged_in_is_told_so(monkeypatch, tmp_path, wandb):
    def init(**options):
        raise RuntimeError("api_key not configured\n(no-tty)")

    monkeypatch.setattr(wandb.module, "init", init)
    with pytest.raises(ValueError, match=r"--wandb: api_key not configured \(no-tty\); log in .* or set WANDB_MODE"):
        WeightsAndBiases(tmp_path, {}, pytest.fail).on_episode(0, metrics(0))


def test_a_run_outlives_weights_and_biases(monkeypatch, tmp_path, wandb):
    def fail(*args, **options):
        raise OSError("no network")

    warnings = []
    monkeypatch.setattr(wandb.Run, "log", fail)
    tracker = WeightsAndBiases(tmp_path, {}, warnings.append)
    for episode in range(3):
        tracker.on_episode(episode, metrics(episode))
    tracker.finish(metrics())
    assert warnings == ["Weights & Biases is told no more (no network); metrics.jsonl holds all episodes"]


def test_weights_and_biases_offline(monkeypatch, tmp_path):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    for first in (0, 2):
        tracker = WeightsAndBiases(tmp_path, {"seed": 3}, pytest.fail)
        for episode in range(first, 3):
            tracker.on_episode(episode, metrics(episode))
        tracker.finish(metrics())
    stored = {path.name.split("-")[-1].split(".")[0] for path in (tmp_path / "wandb").glob("*/run-*.wandb")}
    assert stored == {(tmp_path / "wandb/procmem-run").read_text()}


def test_missing_wandb_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ValueError, match="--wandb needs a package; install it with: pip install wandb"):
        WeightsAndBiases(tmp_path, {}, pytest.fail)
