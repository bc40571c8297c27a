"""The script that looks for harm: its sums by hand, its shared programs, and a tiny run."""

import json

import numpy as np
import pytest

import never_hurts
from never_hurts import CELLS, TRAP_CELLS, Cell, Run
from procmem_jax import make_experiment, run_key, train

TINY = Run(agents=4, episodes=24, seed=1000)
CELL = Cell("random-4", "random", 0.1)


def row(difference=0.0, last=1.0, everything=1.0, trapped=0):
    return {
        **{"task": "random-4", "explorer": "random", "sticky": 0.1, "success_off": 0.5, "success_on": 0.5},
        "success_difference": {"value": difference, "low": difference, "high": difference},
        "steps_ratio_last": {"value": last, "low": last, "high": last},
        "steps_ratio_all": {"value": everything, "low": everything, "high": everything},
        "trapped": trapped,
    }


def test_all_cells_are_there():
    assert len(CELLS) == len(set(CELLS)) == (5 + 5 + 4) * 4 * 2
    assert set(TRAP_CELLS) <= set(CELLS) and len(TRAP_CELLS) == 6


@pytest.mark.parametrize(
    ("values", "suspect", "hurts"),
    [
        ({}, False, False),
        ({"difference": 0.5, "last": 0.1}, False, False),
        ({"difference": -0.001}, True, False),
        ({"difference": -0.011}, True, True),
        ({"last": 1.02}, False, False),
        ({"last": 1.021}, True, True),
        ({"everything": 1.021}, True, True),
        ({"trapped": 1}, False, True),
    ],
)
def test_what_counts_as_harm(values, suspect, hurts):
    made = row(**values)
    assert (never_hurts.is_suspect(made), never_hurts.hurts(made)) == (suspect, hurts)
    table = never_hurts.table("one", [made])
    assert ("| yes |" in table) == hurts and f"{int(hurts)} of 1 cells hurt." in table


def test_the_ratio_of_steps_by_hand():
    """Agents of 10 + 20 and 30 + 40 steps against 20 + 20 and 40 + 20: 100 / 100, between 30 / 40 and 70 / 60."""
    ratio = never_hurts.steps_ratio(np.asarray([[10, 20], [30, 40]]), np.asarray([[20, 20], [40, 20]]))
    assert (ratio.value, ratio.low, ratio.high) == (1.0, 0.75, pytest.approx(70 / 60))


def test_trapped_by_hand():
    """Of 25 episodes the last 20 count: trapped only where none succeeds and 10 do without memory."""
    on, off = np.zeros((4, 25), bool), np.zeros((4, 25), bool)
    on[0, :5] = True  # long ago
    off[0, -10:] = True
    off[1, -9:] = True  # the twin is no better
    on[2, -1], off[2] = True, True  # one success is enough
    off[3, :14] = True  # nine of the twin's are among the last 20
    assert never_hurts.trapped(on, off).tolist() == [True, False, False, False]


@pytest.mark.slow
def test_one_program_serves_every_size_and_explorer():
    """The cell's agents are those of its own size and explorer, bit for bit."""
    config, params = make_experiment(CELL.task, explorer="random", overrides={"sticky": CELL.sticky})
    alone = train(run_key(TINY.seed), config, params, TINY.agents, TINY.episodes).metrics
    shared = never_hurts.run_side(CELL, True, TINY)
    for name in ("steps", "success", "skills", "skill_steps", "episode_return"):
        assert getattr(alone, name).tobytes() == getattr(shared, name).tobytes()


@pytest.mark.slow
def test_a_tiny_run(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(never_hurts, "QUICK_CELLS", (CELL,))
    monkeypatch.setattr(never_hurts, "is_suspect", lambda row: True)
    options = ["--quick", "--agents", "4", "--again", "6", "--episodes", "24", "--out", str(tmp_path / "out")]
    never_hurts.main(options)
    out = capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"never_hurts.json", "never_hurts.md"}
    assert (tmp_path / "out" / "never_hurts.md").read_text() in out
    rows = json.loads((tmp_path / "out" / "never_hurts.json").read_text())["rows"]
    assert [(found["agents"], found["seed"]) for found in rows.values()] == [(4, 1000), (6, 2000)]
    first = next(iter(rows.values()))
    on, off = (never_hurts.run_side(CELL, use_skills, TINY) for use_skills in (True, False))
    assert first["success_on"] == pytest.approx(on.success.mean())
    assert first["success_difference"]["value"] == pytest.approx(on.success.mean() - off.success.mean())
    assert first["steps_ratio_all"]["value"] == pytest.approx(on.steps.sum() / off.steps.sum())
    assert f"| {100 * first['success_off']:.1f} | {100 * first['success_on']:.1f} |" in out

    def refuse(*arguments):
        raise AssertionError("a stored row was run again")

    monkeypatch.setattr(never_hurts, "compare", refuse)
    never_hurts.main(options)
    assert capsys.readouterr().out == out


def test_bad_counts_are_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        never_hurts.main(["--agents", "0"])
    assert stopped.value.code == 2
    assert "--agents 0 is below 1" in capsys.readouterr().err
