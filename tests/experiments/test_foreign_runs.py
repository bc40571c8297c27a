"""Runs and sweeps in other packages' worlds, from the command line to the files."""

import json

import numpy as np
import pyarrow.parquet
import pytest
from PIL import Image

from peer_rules import peer_rules
from procmem_jax.cli.main import main

pytest.importorskip("gymnax")
TASK = ["--task", "gymnax:FourRooms-misc", "--quiet"]


@pytest.fixture(autouse=True)
def lenient():
    with peer_rules():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("foreign") / "run"
    with peer_rules():
        main(["train", *TASK, "--agents", "8", "--episodes", "12", "--set", "capacity=16", "--out", str(out)])
    return out


def test_a_run_leaves_its_files(folder):
    table = pyarrow.parquet.read_table(folder / "episodes.parquet")
    assert table.num_rows == 96 and table["optimal_steps"].null_count == 96
    assert "optimal_steps" not in json.loads((folder / "summary.json").read_text())["episodes"]
    assert (folder / "training.png").stat().st_size > 10_000
    stored = json.loads((folder / "config.json").read_text())["settings"]
    assert (stored["episode_limit"], stored["same_start"], stored["max_skill_length"]) == (500, False, 32)


@pytest.mark.slow
def test_its_skills_can_be_shown_and_begun_with(folder, capsys, tmp_path):
    main(["library", "show", str(folder), "--agent", "3"])
    assert "reach_goal" in capsys.readouterr().out
    main(["library", "export", str(folder), str(tmp_path / "skills.npz")])
    warm = ["--agents", "8", "--episodes", "2", "--set", "capacity=16", "--warm-start", str(tmp_path / "skills.npz")]
    main(["train", *TASK, *warm, "--seed", "1", "--out", str(tmp_path / "warm")])
    first = [
        pyarrow.parquet.read_table(path / "episodes.parquet")["skills"].to_numpy().reshape(8, -1)[:, 0]
        for path in (folder, tmp_path / "warm")
    ]
    assert first[1].mean() > first[0].mean()


@pytest.mark.slow
def test_frozen_libraries_are_evaluated(folder, capsys):
    main(["eval", str(folder), "--episodes", "3", "--quiet"])
    out = capsys.readouterr().out
    assert "Success of episodes: " in out and "fewest possible" not in out


def test_the_same_command_again_tells_the_stored_result(folder, capsys):
    main(["train", *TASK, "--agents", "8", "--episodes", "12", "--set", "capacity=16", "--out", str(folder)])
    assert "holds this run, finished" in capsys.readouterr().out


@pytest.mark.slow
def test_a_sweep_ranks_by_steps_where_the_fewest_are_unknown(capsys, tmp_path, folder):
    grid = ["--grid", "novelty=0.5,0.1", "--set", "capacity=16", "--seeds", "8", "--episodes", "12"]
    main(["sweep", *TASK, *grid, "--out", str(tmp_path / "sweep")])
    out = capsys.readouterr().out
    assert "by steps: IQM" in out and "unknown" in out and "nan" not in out
    assert (tmp_path / "sweep/sweep.png").stat().st_size > 10_000
    rows = pyarrow.parquet.read_table(tmp_path / "sweep/parts/episodes-00000.parquet")
    ours = rows["steps"].to_numpy()[rows["setting"].to_numpy() == 0]
    run = pyarrow.parquet.read_table(folder / "episodes.parquet")["steps"].to_numpy()
    np.testing.assert_array_equal(ours, run)  # setting 0 is the default, so it is that run


@pytest.mark.slow
def test_an_episode_is_replayed(folder, capsys, tmp_path):
    steps = pyarrow.parquet.read_table(folder / "episodes.parquet")["steps"].to_numpy().reshape(8, 12)
    agent, episode = np.unravel_index(np.argmin(steps), steps.shape)
    which = [str(folder), "--agent", str(agent), "--episode", str(episode), "--quiet"]
    main(["replay", *which, "--out", str(tmp_path / "a.gif")])
    assert "it meets the stored row" in capsys.readouterr().out
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == steps[agent, episode] + 1
    main(["replay", *which, "--text"])
    assert "[x] goal_reached" in capsys.readouterr().out
