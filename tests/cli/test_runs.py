"""`procmem runs` and `procmem compare`, of folders that are written down."""

import json

import numpy as np
import pytest

from command_line import out_of, run
from experiments.sealing import unseal
from procmem_jax.experiments.statistics.intervals import paired_difference
from procmem_jax.reports.runs import RunFiles
from reports.made_runs import AGENTS, made_run, made_study, made_sweep


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_lies_in_a_folder(capsys, here):
    made_run(here / "runs/below/one")
    unseal(made_run(here / "runs/unfinished"))
    (made_run(here / "runs/odd") / "config.json").write_text("{")
    made_study(here / "runs/studied")
    made_sweep(here / "runs/swept")
    (here / "runs/else").mkdir()
    lines = out_of(capsys, "runs").splitlines()
    assert lines[0].split() == ["folder", "what", "begun", "done", "success", "return", "steps"]
    rows = {line.split()[0]: line for line in lines[1:]}
    assert set(rows) == {"runs/below/one", "runs/unfinished", "runs/odd", "runs/studied", "runs/swept"}
    assert "random-4, preset default: 4 agents x 50 episodes, seed 7" in rows["runs/below/one"]
    assert " no" in rows["runs/unfinished"] and "unreadable runs/odd/config.json: cannot be read" in rows["runs/odd"]
    assert "study made: 4 agents" in rows["runs/studied"] and "3 settings x 8 seeds" in rows["runs/swept"]
    found = {row["folder"]: row for row in json.loads(out_of(capsys, "runs", "runs", "--json"))}
    assert set(found) == set(rows) and found["runs/unfinished"]["done"] is False
    assert found["runs/below/one"]["kind"] == "run" and found["runs/below/one"]["success"] == 0.75


def test_a_folder_without_runs(capsys, here):
    (here / "runs").mkdir()
    assert out_of(capsys, "runs") == "runs holds no runs, sweeps or studies.\n"
    assert json.loads(out_of(capsys, "runs", "--json")) == []
    status, out, err = run(capsys, "runs", "nowhere")
    assert (status, out, err.count("\n")) == (2, "", 1) and "nowhere is not a folder" in err


def test_two_runs_are_compared(capsys, here):
    made_run(here / "off", 200, use_skills=False)
    made_run(here / "on", 8)
    text = out_of(capsys, "compare", "off", "on")
    assert "A: off, random-4, preset default, memory off" in text and "B less A" in text
    assert "4 agents, episodes 30 to 49, agent by agent:" in text
    [steps] = [line for line in text.splitlines() if line.startswith("steps per episode")]
    assert steps.split()[-2:] == ["[1.000,", "1.000]"] and "-34.5" in steps
    assert text.splitlines()[-1].split() == ["use_skills", "false", "true"]
    found = json.loads(out_of(capsys, "compare", "off", "on", "--json"))
    on, off = (RunFiles.at(here / name).metrics.steps[:, 30:].mean(axis=1) for name in ("on", "off"))
    wanted = paired_difference(on, off, seed=0)
    assert found["scores"]["steps"]["difference"] == {"value": wanted.value, "low": wanted.low, "high": wanted.high}
    assert found["settings"] == {"use_skills": {"a": False, "b": True}}
    assert np.isclose(found["scores"]["success"]["b"]["value"], 1.0)


def test_the_agents_and_episodes_that_both_have(capsys, here):
    made_run(here / "few", 8, agents=2)
    made_run(here / "many", 8)
    found = json.loads(out_of(capsys, "compare", "few", "many", "--json"))
    assert found["num_agents"] == 2 < AGENTS
    assert found["scores"]["steps"]["difference"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["settings"] == {}
    assert "No setting differs." in out_of(capsys, "compare", "few", "many")


def test_one_agent_is_no_certainty(capsys, here):
    made_run(here / "off", 200, agents=1, use_skills=False)
    made_run(here / "on", 8, agents=1)
    score = json.loads(out_of(capsys, "compare", "off", "on", "--json"))["scores"]["steps"]
    assert score["difference"] == {"value": -35.0, "low": None, "high": None}
    assert score["probability_of_improvement"] == {"value": 1.0, "low": None, "high": None}
    assert "nan" not in out_of(capsys, "compare", "off", "on")


@pytest.mark.parametrize("said", [{"task": "random-5"}, {"seed": 8}], ids=str)
def test_runs_that_are_not_paired(capsys, here, said):
    made_run(here / "one")
    made_run(here / "other", stored=said)
    status, out, err = run(capsys, "compare", "one", "other")
    assert (status, out, err.count("\n")) == (2, "", 1) and "not paired" in err
