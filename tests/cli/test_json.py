"""`--json`: one JSON value on stdout, with what the command tells in words."""

import dataclasses
import json

import numpy as np
import pytest

from command_line import out_of
from experiments.replay_runs import make_run
from procmem_jax.cli.main import COMMANDS, find_command
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.sweep import sweep_json
from reports.made_runs import made_run, made_sweep


def json_of(capsys, *arguments):
    return json.loads(out_of(capsys, *arguments, "--json"))


def test_numbers_that_json_has_not(capsys):
    print_json({"a": np.float32(0.5), 1: (np.int64(2), float("nan"), np.inf), "b": np.asarray([True, False])})
    assert json.loads(capsys.readouterr().out) == {"a": 0.5, "1": [2, None, None], "b": [True, False]}


def test_tasks_and_presets(capsys):
    tasks = json_of(capsys, "tasks")
    assert tasks["families"]["random"]["smallest"] == 3 and "gymnax:FourRooms-misc" in tasks["of_other_packages"]
    assert {"default", "tutorial"} <= set(json_of(capsys, "presets"))
    assert json_of(capsys, "presets", "tutorial")["capacity"]["value"] == 16


def test_a_library(capsys, tmp_path):
    found = json_of(capsys, "library", "show", str(made_run(tmp_path / "one")))
    shown = [(skill["slot"], skill["uses"], skill["actions"]) for skill in found["skills"]]
    assert shown == [(2, 12, [5]), (0, 5, [1, 3, 4])]
    assert found["skills"][1]["requires"] == {"has_key": False, "door_open": True}
    assert found["action_names"][4] == "pickup_key"


@pytest.mark.slow
def test_an_evaluation(capsys, tmp_path):
    folder = make_run(tmp_path / "run", "tutorial")
    found = json_of(capsys, "eval", str(folder), "--episodes", "3", "--quiet")
    assert found["episodes"] == 3 and found["steps"]["low"] <= found["steps"]["value"] <= found["steps"]["high"]


def test_a_sweep(capsys, tmp_path):
    folder = made_sweep(tmp_path / "swept")
    print_json(sweep_json(folder))
    found = json.loads(capsys.readouterr().out)
    assert found["folder"] == str(folder) and found["ranked_by"] == "steps_over_optimal"
    assert [row["capacity"] for row in found["settings"]] == [8, 64, 16]


@pytest.mark.slow
def test_a_run_and_the_same_again(capsys, tmp_path):
    world = ["--task", "random-3", "--preset", "tutorial", "--agents", "5", "--episodes", "3", "--seed", "7"]
    first = json_of(capsys, "train", *world, "--out", str(tmp_path / "run"), "--quiet")
    assert first["folder"] == str(tmp_path / "run") and first["agents"] == 5
    assert first["success"]["value"] == 0.2
    assert json_of(capsys, "train", *world, "--out", str(tmp_path / "run"), "--quiet") == first


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"plot", "replay", "report", "library"}))
def test_every_command_that_prints_results_has_it(name):
    assert {field.name: field.default for field in dataclasses.fields(find_command(name))}["json"] is False
