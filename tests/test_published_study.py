"""The script that holds the grid percept against what is published: rows by hand, and a tiny run."""

import sys
import types

import numpy as np
import pytest

import published_study
from peer_rules import peer_rules
from procmem_jax.envs.foreign.peers import MissingPackageError


def lives(success):
    """Two agents that succeed alike; failures take 10 steps, successes 4."""
    success = np.tile(np.array(success, bool), (2, 1))
    steps = np.where(success, 4, 10).astype(np.int32)
    return types.SimpleNamespace(metrics=types.SimpleNamespace(success=success, steps=steps))


@pytest.mark.parametrize(
    ("success", "steps", "share"),
    [
        ([False] * 3 + [True] * 22, "102 [102, 102]", "100.0 [100.0, 100.0]"),  # 18 of 20 after 21: 30 + 18 x 4
        ([False] * 20 + [True] * 5, "not in 220", "25.0 [25.0, 25.0]"),
    ],
)
def test_rows_by_hand(monkeypatch, success, steps, share):
    monkeypatch.setattr(published_study, "make_experiment", lambda task: (task, None))
    monkeypatch.setattr(
        published_study, "train", lambda _, task, *__: lives(success if task == "xland:World@grid" else [])
    )
    world = published_study.World("xland:World", 25, "PPO: nothing")
    row = published_study.row_of(world, "grid", 2, 25, 0)
    assert row == ["xland:World", "grid", "25", steps, share, "PPO: nothing"]


def test_worlds_of_missing_packages_are_left_out_and_other_errors_are_not(capsys, monkeypatch):
    def make_experiment(task):
        raise MissingPackageError("no navix") if task.startswith("navix:") else ValueError("a mistake")

    monkeypatch.setattr(published_study, "make_experiment", make_experiment)
    monkeypatch.setattr(sys, "argv", ["published_study.py", "--only", "MultiRoom"])
    published_study.main()
    told = capsys.readouterr()
    assert told.err.count("left out navix:Navix-MultiRoom-N4-S5-v0: no navix") == 2 and told.out.count("\n") == 2
    monkeypatch.setattr(sys, "argv", ["published_study.py", "--only", "FourRooms"])
    with pytest.raises(ValueError, match="a mistake"):
        published_study.main()


@pytest.mark.slow
def test_a_tiny_run(capsys, monkeypatch):
    pytest.importorskip("xminigrid")
    monkeypatch.setattr(sys, "argv", ["published_study.py", "--quick", "--agents", "2", "--only", "Unlock"])
    with peer_rules():
        published_study.main()
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("| world | percept | episodes | steps to 90% success |")
    assert [row.split(" | ")[1:3] for row in rows] == [["grid", "2"], ["projected", "2"]]
