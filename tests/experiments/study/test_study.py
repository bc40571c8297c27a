"""The study on a tiny suite: paired, resumed, refused, and every number of its table recomputed from its episodes."""

import json
import random
import shutil

import numpy as np
import pyarrow.parquet
import pytest

from procmem_jax import cli
from procmem_jax.cli.reports.study import StudyProgress
from procmem_jax.experiments.overrides import list_settings
from procmem_jax.experiments.runs import folders as runs
from procmem_jax.experiments.study import study as studies
from procmem_jax.experiments.study.arms import (
    ABLATIONS,
    ARMS,
    DEFAULT,
    NO_MEMORY,
    ORACLE,
    SUITES,
    Cell,
    StudyTask,
    Suite,
    list_cells,
    suite_by_name,
)
from procmem_jax.experiments.study.report import LAST, Episodes, study_row
from procmem_jax.experiments.study.study import STUDY_SCHEMA, Study, run_study
from procmem_jax.figures.study import plot_study
from quick import quick_first

AGENTS, EPISODES, SHIFT = 6, 24, 4
TINY = Suite(
    AGENTS,
    (
        StudyTask("random-4", "random-4", EPISODES, (NO_MEMORY, DEFAULT, ORACLE)),
        StudyTask("shifting-4", "shifting-4", EPISODES, (NO_MEMORY,), (("shift_every", SHIFT),)),
    ),
)
FILES = {"study_config.json", "study.json", "study.md", "study.parquet", "runs"}


def run(folder, study=None, **callbacks):
    return run_study(study or Study("tiny", TINY, AGENTS, 1000), folder, draw_figures=lambda folder: None, **callbacks)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished study, not to be changed, and its tables."""
    folder = tmp_path_factory.mktemp("study") / "out"
    return folder, run(folder)


@pytest.fixture
def trained(monkeypatch):
    """The folders of the runs that are trained from now on."""
    folders = []

    def spy(spec, folder, **arguments):
        folders.append(folder.name)
        return run_training(spec, folder, **arguments)

    run_training = studies.run_training
    monkeypatch.setattr(studies, "run_training", spy)
    return folders


@pytest.fixture
def untrained(monkeypatch):
    """No run may be trained from now on."""

    def refuse(*arguments, **more):
        raise AssertionError("a run was trained")

    monkeypatch.setattr(studies, "run_training", refuse)


def columns(folder, task, arm):
    table = pyarrow.parquet.read_table(folder / "study.parquet", filters=[("task", "==", task), ("arm", "==", arm)])
    return {name: table[name].to_numpy().reshape(AGENTS, -1) for name in table.column_names[2:]}


def stored_rows(folder):
    rows = json.loads((folder / "study.json").read_text())["rows"]
    return {(row["task"], row["arm"]): row for row in rows}


def markdown_cells(tables, task, arm):
    return next(line for line in tables.splitlines() if line.startswith(f"| {task} | {arm} | ")).split(" | ")


def test_what_it_leaves(finished):
    folder, tables = finished
    assert {path.name for path in folder.iterdir()} == FILES
    assert (folder / "study.md").read_text() == tables
    table = pyarrow.parquet.read_table(folder / "study.parquet")
    assert table.schema == STUDY_SCHEMA
    assert table.num_rows == AGENTS * EPISODES * 4
    stored = json.loads((folder / "study.json").read_text())
    assert (stored["study"], stored["agents"], stored["seed"]) == ("tiny", AGENTS, 1000)
    assert stored["versions"]["jax"]
    assert len(stored["rows"]) == 4 and [row["arm"] for row in stored["transfer"]] == [NO_MEMORY]


@pytest.mark.parametrize("name", ["study.json", "study.parquet"])
@pytest.mark.parametrize("seed", range(5))
def test_a_flipped_bit_is_damage(finished, tmp_path, name, seed):
    folder = shutil.copytree(finished[0], tmp_path / "study", ignore=shutil.ignore_patterns("runs"))
    content = bytearray((folder / name).read_bytes())
    bit = random.Random(seed).randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        plot_study(folder)


def test_all_arms_meet_the_same_layouts(finished):
    folder, _ = finished
    optimal = [columns(folder, "random-4", arm)["optimal_steps"] for arm in (NO_MEMORY, DEFAULT, ORACLE)]
    assert np.unique(optimal[0]).size > 3
    assert (optimal[0] == optimal[1]).all() and (optimal[0] == optimal[2]).all()
    shifting = columns(folder, "shifting-4", NO_MEMORY)["optimal_steps"].reshape(AGENTS, -1, SHIFT)
    assert (shifting == shifting[..., :1]).all() and (shifting[:, :3] == shifting[:, 3:]).all()


def test_the_oracle_takes_the_fewest_steps(finished):
    oracle = columns(finished[0], "random-4", ORACLE)
    assert oracle["success"].all() and (oracle["steps"] == oracle["optimal_steps"]).all()


def middle_half(values):
    values = np.sort(values.reshape(-1))
    cut = values.size // 4
    return values[cut : values.size - cut].mean()


@pytest.mark.parametrize("arm", [NO_MEMORY, DEFAULT, ORACLE])
def test_the_table_says_what_the_episodes_say(finished, arm):
    folder, tables = finished
    own, without = columns(folder, "random-4", arm), columns(folder, "random-4", NO_MEMORY)
    ratios = own["steps"] / own["optimal_steps"]
    last = ratios[:, -LAST:]
    cells = markdown_cells(tables, "random-4", arm)
    row = stored_rows(folder)["random-4", arm]
    assert cells[2] == str(EPISODES)
    for text, key, value, digits, factor in (
        (cells[3], "success", own["success"][:, -LAST:].mean(), 1, 100),
        (cells[4], "steps_over_optimal", middle_half(last), 2, 1),
    ):
        bounds = row[key]
        assert bounds["value"] == pytest.approx(value)
        assert bounds["low"] <= bounds["value"] <= bounds["high"]
        shown = "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(
            *(factor * bounds[name] for name in ("value", "low", "high")), d=digits
        )
        assert text == shown
    assert cells[5] == f"{last.mean():.2f}; {np.percentile(last, 90):.2f}"
    worst = np.percentile(own["success"][:, -LAST:].mean(axis=1), 20), np.percentile(last.mean(axis=1), 80)
    assert cells[9] == f"{100 * worst[0]:.1f}; {worst[1]:.2f}"
    assert cells[10] == f"{own['skills'][:, -1].mean():.0f} |"
    if arm == NO_MEMORY:
        assert (cells[6], cells[7], cells[8]) == ("never", "–", "–")
    else:
        worse = (own["steps"] > without["steps"]).mean()
        assert row["negative_transfer"]["value"] == pytest.approx(worse)
        assert cells[7].startswith(f"{100 * worse:.1f} [")
        mine, theirs = (part.mean(axis=1) for part in (last, (without["steps"] / without["optimal_steps"])[:, -LAST:]))
        better = (mine[:, None] < theirs).mean() + (mine[:, None] == theirs).mean() / 2
        assert row["probability_of_improvement"]["value"] == pytest.approx(better)
    if arm == ORACLE:
        assert row["env_steps_to_90"]["value"] == pytest.approx(own["steps"][:, :20].sum(axis=1).mean())


@pytest.mark.slow
def test_an_interrupted_study_goes_on(finished, tmp_path, trained):
    folder = tmp_path / "out"

    def stop(cell, summary):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, on_done=stop)
    assert trained == ["random-4--no-memory"] and not (folder / "study.md").exists()
    assert run(folder) == finished[1]
    assert trained[1:] == ["random-4--default", "random-4--oracle", "shifting-4--no-memory"]
    assert columns(folder, "random-4", DEFAULT)["steps"].tobytes() == (
        columns(finished[0], "random-4", DEFAULT)["steps"].tobytes()
    )


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (Study("tiny", TINY, AGENTS, 1001), "seed: there 1000, here 1001"),
        (Study("tiny", TINY, AGENTS + 1, 1000), f"agents: there {AGENTS}, here {AGENTS + 1}"),
        (Study("tiny", Suite(AGENTS, TINY.tasks[:1]), AGENTS, 1000), "other arms, tasks or episodes"),
    ],
)
def test_another_study_is_refused(finished, untrained, study, message):
    before = {path: path.read_bytes() for path in finished[0].glob("*.*")}
    with pytest.raises(ValueError, match="holds another study") as caught:
        run(finished[0], study)
    assert message in str(caught.value)
    assert before == {path: path.read_bytes() for path in finished[0].glob("*.*")}


def test_other_files_are_refused(tmp_path, untrained):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="not of a study; choose another"):
        run(tmp_path)
    with pytest.raises(ValueError, match=r"notes.txt is not a folder"):
        run(tmp_path / "notes.txt")


def test_a_run_of_another_config_is_refused(finished, tmp_path, untrained):
    folder = tmp_path / "out"
    part = folder / "runs" / "random-4--default"
    part.mkdir(parents=True)
    (folder / "study_config.json").write_bytes((finished[0] / "study_config.json").read_bytes())
    stored = json.loads((finished[0] / "runs" / part.name / "config.json").read_text())
    stored["settings"]["capacity"] = 7
    (part / "config.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=f"config.json is damaged: .*; remove {part}, and the study runs it again"):
        run(folder)
    stored = {name: value for name, value in stored.items() if "sha256" not in name}
    (part / "config.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match="capacity: there 7, here 128"):
        run(folder)


def test_differences_are_those_of_the_same_episodes():
    """An arm of 2 episodes against 4 of the default memory: only the first two count. Ratios 2 against 1.5."""

    def episodes(steps, success):
        steps = np.asarray(steps, np.int32)
        return Episodes(steps, np.asarray(success, bool), np.full_like(steps, 2), np.zeros_like(steps))

    arms = {
        NO_MEMORY: episodes([[8, 8, 2, 2], [8, 2, 2, 2]], np.zeros((2, 4))),
        DEFAULT: episodes([[3, 3, 50, 50], [3, 3, 50, 50]], [[1, 1, 0, 0], [1, 1, 0, 0]]),
        "no retreat": episodes([[4, 4], [4, 4]], [[1, 0], [1, 0]]),
    }
    row = study_row("no retreat", arms)
    assert row["steps_over_optimal_less_default"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert row["success_less_default"]["value"] == -0.5
    assert row["negative_transfer"]["value"] == 0.25  # one of four episodes took more steps than without memory
    assert row["env_steps_to_90"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize("name", SUITES)
def test_every_cell_of_a_suite_can_be_run(name):
    suite = suite_by_name(name)
    cells = list_cells(suite)
    assert len({cell.folder_name for cell in cells}) == len(cells)
    for cell in cells:
        cell.spec(suite.num_agents, 1000)  # which checks config and params
    for task in suite.tasks:
        assert task.arms[0] == NO_MEMORY and DEFAULT in task.arms
        numbers = {Cell(task, ARMS[arm]).num_episodes for arm in task.arms}
        assert max(numbers) == Cell(task, ARMS[NO_MEMORY]).num_episodes == task.num_episodes


def test_unknown_suites_are_refused():
    with pytest.raises(ValueError, match="suite='big' is unknown; choose from quick, full"):
        suite_by_name("big")


def settings_of(arm, task=TINY.tasks[0]):
    spec = Cell(task, ARMS[arm]).spec(AGENTS, 1000)
    return {setting.name: setting.value for setting in list_settings(spec.config, spec.params)}


@pytest.mark.parametrize("arm", [*ABLATIONS, "capacity 64", "random retrieval", NO_MEMORY])
def test_these_arms_differ_from_the_default_in_one_setting(arm):
    default, own = settings_of(DEFAULT), settings_of(arm)
    assert len([name for name in own if default[name] != own[name]]) == 1
    # With the memory off, nothing reads its settings.
    assert (own.keys() == default.keys()) == (arm != NO_MEMORY) and own.keys() <= default.keys()


@pytest.mark.parametrize("cell", quick_first(list_cells(SUITES["full"]), 8), ids=lambda cell: cell.folder_name)
def test_the_command_of_a_cell_makes_its_run(cell, monkeypatch):
    made = []

    class Stop(Exception):
        pass

    def keep(folder, spec):
        made.append(spec)
        raise Stop

    monkeypatch.setattr(runs, "stored_summary", keep)
    with pytest.raises(Stop):
        cli.main(cell.command(AGENTS, 1234).split()[1:])
    assert made[0].identity() == cell.spec(AGENTS, 1234).identity()


def test_the_command_line(monkeypatch, capsys, tmp_path):
    asked = []

    def fake(study, folder, **callbacks):
        asked.append((study, folder))
        return "| a table |"

    monkeypatch.setattr(studies, "run_study", fake)
    monkeypatch.chdir(tmp_path)
    cli.main(["study", "--suite", "full"])
    assert asked == [(Study("full", SUITES["full"], 128, 1000), asked[0][1])]
    assert str(asked[0][1]) == "runs/study-full-1000"
    assert capsys.readouterr().err == ""
    cli.main(["study", "--agents", "3", "--seed", "999", "--out", "here"])
    assert asked[1][0] == Study("quick", SUITES["quick"], 3, 999) and str(asked[1][1]) == "here"
    out, err = capsys.readouterr()
    assert "| a table |" in out and "here/study.md" in out
    assert "seed=999 is below 1000" in err
    with pytest.raises(SystemExit) as stopped:
        cli.main(["study", "--suite", "big"])
    assert stopped.value.code == 2
    assert "suite='big' is unknown" in capsys.readouterr().err


def test_a_finished_study_is_told_again(finished, untrained, capsys):
    with StudyProgress(TINY, AGENTS, show=False) as progress:
        callbacks = {"on_start": progress.on_start, "on_progress": progress.on_progress, "on_done": progress.on_done}
        assert run(finished[0], **callbacks) == finished[1]
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 4 and err == ""
    assert "oracle" in lines[2] and "100.0%" in lines[2]
