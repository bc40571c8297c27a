"""Runs in a world that says of no episode that it was a success: everything reports returns instead."""

import dataclasses
import json

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from experiments.handmade_libraries import CONFIG, handmade_libraries
from procmem_jax import open_run
from procmem_jax.cli.main import main
from procmem_jax.cli.reports.run import episode_line, evaluation_report
from procmem_jax.cli.reports.sweep import best_settings
from procmem_jax.experiments.runs.evaluate import _evaluation
from procmem_jax.experiments.runs.results import summarize, told_infinite, write_episodes
from procmem_jax.experiments.runs.stored_episodes import first_difference, read_agent_episodes
from procmem_jax.experiments.statistics.headline import headline, headline_lines
from procmem_jax.experiments.storage.trackers import means_of
from procmem_jax.experiments.sweeps.summary import best_first, summarize_sweep
from procmem_jax.experiments.sweeps.tables import part_tables
from procmem_jax.experiments.training.train import TrainResult
from procmem_jax.reports.page import Chosen, write_report
from reports.made_runs import made_metrics, made_run

METRICS = dataclasses.replace(made_metrics(8), success=None)


def test_a_runs_files_hold_none(tmp_path):
    write_episodes(tmp_path / "episodes.parquet", METRICS, None)
    column = pyarrow.parquet.read_table(tmp_path / "episodes.parquet")["success"]
    assert column.type == pa.bool_() and column.null_count == METRICS.steps.size
    stored = read_agent_episodes(tmp_path / "episodes.parquet", 1, 50)
    row = jax.tree.map(lambda column: column[1], METRICS)
    assert stored.success is None and first_difference(stored, row, 0, 50) is None
    assert first_difference(stored, jax.tree.map(lambda column: column[2], METRICS), 0, 50) is not None
    result = TrainResult(METRICS, handmade_libraries(4), 1.0, 1.0)
    summary = summarize(result, None, CONFIG)
    assert "success" not in summary["episodes"] and json.dumps(summary)
    assert told_infinite(METRICS) == []
    assert set(means_of(jax.tree.map(lambda column: column[:, 0], METRICS))) == set(METRICS.known()) - {"end"}


def test_lines_tell_returns():
    found = headline(METRICS, None)
    assert (
        found["episode_return"][0] == pytest.approx(METRICS.episode_return[:, -20:].mean()) and "success" not in found
    )
    told = "\n".join(headline_lines(found))
    assert "return of an episode 12.00 [12.00, 12.00], at first 4.40" in told and "success" not in told
    line = episode_line(3, jax.tree.map(lambda column: column[:, 3], METRICS))
    assert line.startswith("Episode     3: return -4.00") and "success" not in line
    report = evaluation_report(_evaluation(METRICS, None), 4, 50)
    assert "Return of an episode: " in report and "Success" not in report
    assert _evaluation(METRICS, None).as_json()["success"] is None


def test_settings_of_a_sweep_are_ranked_by_returns():
    better = dataclasses.replace(METRICS, episode_return=METRICS.episode_return + 5.0, steps=METRICS.steps * 2)
    both = jax.tree.map(lambda *columns: np.concatenate(columns), METRICS, better)
    episodes, runs = part_tables(np.arange(8), both, None, [{"capacity": 8}, {"capacity": 16}], 4, 0)
    assert episodes["success"].null_count == len(episodes) and np.isnan(runs["success"].to_numpy()).all()
    assert (runs["ended_terminated"].to_numpy() + runs["ended_max_steps"].to_numpy()).tolist() == [50] * 8
    assert episodes["end"].to_pylist()[:9] == ["max_steps"] * 8 + ["terminated"]
    summary = summarize_sweep(runs)
    assert summary["ended_terminated"].to_pylist() == [int((METRICS.end == 0).sum())] * 2
    assert "ended_terminated" not in summarize_sweep(runs.drop("ended_terminated")).column_names
    assert [row["capacity"] for row in best_first(summary)] == [16, 8]
    told = best_settings(summary, runs)
    assert "by episode_return" in told and told.count("unknown") == 4


def test_runs_are_compared_by_returns_alone(tmp_path, capsys):
    """More steps may be better ones."""
    folders = [str(made_run(tmp_path / name, after, has_success=False)) for name, after in (("a", 40), ("b", 8))]
    main(["compare", *folders, "--json"])
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert list(scores) == ["episode_return"] and scores["episode_return"]["probability_of_improvement"]["value"] > 0.5
    main(["compare", *folders])
    assert "return of an episode" in capsys.readouterr().out
    main(["runs", str(tmp_path)])
    assert capsys.readouterr().out.count("2.00") == 2
    run = open_run(folders[0])
    assert run.metrics.success is None and "return of an episode" in run._repr_html_()


def test_a_page_draws_returns(tmp_path):
    folders = [made_run(tmp_path / name, after, has_success=False) for name, after in (("a", 40), ("b", 8))]
    page = write_report(folders, tmp_path / "report.html", chosen=Chosen(replay=False)).read_text()
    assert "return of an episode" in page and "success, %" not in page
