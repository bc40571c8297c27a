"""PPO of another package with skills and without: what is counted, and the command."""

import json

import numpy as np
import pytest

import ppo_with_skills
from export.test_options import LIBRARY
from peer_rules import peer_rules
from procmem_jax.experiments import export_libraries
from procmem_jax.memory import LibraryConfig


def test_success_by_part_by_hand():
    # Two learners, three updates: steps, episodes, successes so far. Parts end every 10 steps of 100.
    rows = [[0, 0, 0], [50, 10, 0], [100, 20, 10], [200, 99, 99]]
    counts = np.array([[row, [row[0], row[1], row[1]]] for row in rows])
    success = ppo_with_skills.success_by_part(counts, 100)
    np.testing.assert_allclose(success, [[0] * 5 + [1] * 5, [1] * 10])


def export(path):
    one = type(LIBRARY)(**{name: column[None] for name, column in LIBRARY.known().items()})
    export_libraries(path, one, LibraryConfig(capacity=6), embedding="x")
    return str(path)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--no-mask"]])
def test_both_arms_learn_for_as_many_steps(options, tmp_path, monkeypatch, capsys):
    pytest.importorskip("rejax")
    small = {"num_envs": 4, "num_steps": 16, "num_epochs": 1, "num_minibatches": 2}
    monkeypatch.setattr(ppo_with_skills, "SETTINGS", {**ppo_with_skills.SETTINGS, **small})
    monkeypatch.setattr(ppo_with_skills, "CHUNK", 2)
    out = tmp_path / "result.json"
    tiny = ["--task", "tutorial-5", "--skills", export(tmp_path / "skills.json"), "--seeds", "2", "--steps", "400"]
    with peer_rules():
        ppo_with_skills.main([*tiny, *options, "--out", str(out)])
    told = json.loads(out.read_text())
    assert told["seeds"] == [1000, 1001] and told["masked"] == (not options)
    assert {np.shape(arm) for arm in told["success"].values()} == {(2, 10)}
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "| up to step | with skills | without |" and lines[-1].startswith("| 400 | ")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--skills", "nowhere.json"], "nowhere.json: cannot be read"),
        (["--skills", "nowhere.json", "--steps", "0"], "steps=0 is below 1"),
        (["--skills", "nowhere.json", "--task", "shifting-5"], "layout='shifting' counts episodes"),
    ],
)
def test_what_is_refused(options, text, tmp_path, capsys):
    pytest.importorskip("gymnax")
    with pytest.raises(SystemExit) as caught:
        ppo_with_skills.main([*options, "--out", str(tmp_path / "result.json")])
    error = capsys.readouterr().err
    assert caught.value.code == 2 and error.startswith("ppo_with_skills: error: ") and error.count("\n") == 1
    assert text in error
