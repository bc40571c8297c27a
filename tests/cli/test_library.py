"""`procmem library` and `procmem train --warm-start`, run in this process."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

from command_line import out_of, run
from experiments.handmade_libraries import CONFIG, EMBEDDING, assert_same_bits, handmade_libraries
from experiments.sealing import reseal
from procmem_jax import cli
from procmem_jax.cli.reports.library import library_table
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.libraries.files import export_libraries, import_libraries, write_saved
from procmem_jax.experiments.libraries.options import options_for
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.runs.results import read_libraries
from procmem_jax.memory.library import with_reach

SMALL = ["train", "--task", "random-3", "--preset", "tutorial", "--agents", "4", "--episodes", "3", "--quiet"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("library") / "run"
    cli.main([*SMALL, "--seed", "7", "--out", str(folder)])
    return folder


@pytest.fixture(autouse=True)
def in_a_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROCMEM_TRACEBACK", raising=False)


@pytest.fixture
def run_folder(finished):
    """A copy of the finished run in the present folder."""
    shutil.copytree(finished, "run")
    return "run"


@pytest.fixture
def handmade():
    export_libraries("handmade.json", handmade_libraries(), CONFIG, embedding=EMBEDDING)
    return "handmade.json"


def read_libraries_of(folder):
    return read_libraries(pathlib.Path(folder) / "libraries.npz")


TABLE = """\
Agent 0: 2 skills, capacity 3, 1 eviction

slot  skill             for                                  actions  uses  ok/failed  learned
   2  navigate_1_steps  context 0 512: anything              d          12       12/0        -
   0  acquire_key       context 0 1: not has_key, door_open  ↓ → k       5        4/1        -

↓ move_down, → move_right, k pickup_key, d open_door
ok/failed: uses that achieved what the skill is for, or not; learned: episode:tick
"""


def test_the_table_of_a_file(capsys, handmade):
    assert out_of(capsys, "library", "show", handmade) == TABLE
    assert out_of(capsys, "library", "show", handmade, "--agent", "0") == TABLE


def test_skills_that_killed_have_a_column():
    libraries = with_reach(handmade_libraries(1), True)
    libraries = dataclasses.replace(libraries, reach=np.array([[0.5, np.inf, np.inf]], np.float32))
    config = dataclasses.replace(CONFIG, keeps_reach=True)
    names = (GridWorld.predicate_names, GridWorld.action_names)
    saved = SavedLibraries(libraries, config, EMBEDDING, *names, (0,), {})
    _, _, columns, *rows, _, _, _, legend = library_table(saved, 0).splitlines()
    assert columns.endswith("learned  reach") and [row.split()[-1] for row in rows] == ["-", "0.50"]
    assert legend == "reach: it has killed, and is tried only in situations nearer to its own than this"


def test_a_library_without_skills_says_so(capsys, handmade):
    out = out_of(capsys, "library", "show", handmade, "--agent", "1")
    assert (
        out
        == "Agent 1: 0 skills, capacity 3, 0 evictions\n\nThe library is empty: this agent has learned nothing yet.\n"
    )


def test_actions_without_a_symbol_are_spelt_out(capsys):
    names = ("north", "south", "west", "east", "take", "open")
    export_libraries("a.npz", handmade_libraries(), CONFIG, embedding=EMBEDDING, action_names=names)
    lines = out_of(capsys, "library", "show", "a.npz").splitlines()
    assert lines[-3].split()[-6:] == ["south", "east", "take", "5", "4/1", "-"]


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_a_run_goes_to_a_file_and_back(capsys, run_folder, suffix):
    out = out_of(capsys, "library", "export", run_folder, f"all.{suffix}")
    saved, libraries = import_libraries(f"all.{suffix}"), read_libraries_of(run_folder)
    assert_same_bits(saved.libraries, libraries)
    assert out == f"all.{suffix}: libraries of 4 agents, {libraries.used.sum()} skills, sha256 {saved.sha256}\n"
    assert saved.versions == json.loads(pathlib.Path("run/config.json").read_text())["versions"]
    table = out_of(capsys, "library", "show", run_folder, "--agent", "3")
    assert table.startswith(f"Agent 3: {libraries.used[3].sum()} skill")
    assert out_of(capsys, "library", "show", f"all.{suffix}", "--agent", "3") == table
    out_of(capsys, "library", "export", run_folder, f"one.{suffix}", "--agent", "3")
    assert out_of(capsys, "library", "show", f"one.{suffix}") == table
    out_of(capsys, "library", "export", f"one.{suffix}", "copy.json")
    assert import_libraries("copy.json").sha256 == import_libraries(f"one.{suffix}").sha256


def test_an_existing_file_needs_force(capsys, run_folder, handmade):
    before = pathlib.Path(handmade).read_text()
    status, out, err = run(capsys, "library", "export", run_folder, handmade)
    assert (status, out, err) == (2, "", "procmem: error: handmade.json exists; choose another name or --force\n")
    assert pathlib.Path(handmade).read_text() == before
    out_of(capsys, "library", "export", run_folder, handmade, "--force")
    assert pathlib.Path(handmade).read_text() != before


@pytest.mark.slow
def test_a_warm_start_is_trained_evaluated_and_plotted(capsys, run_folder):
    sha256 = out_of(capsys, "library", "export", run_folder, "skills.json").split()[-1]
    warm = [*SMALL, "--seed", "8", "--out", "warm", "--warm-start", "skills.json"]
    out_of(capsys, *warm)
    assert json.loads(pathlib.Path("warm/config.json").read_text())["warm_start"] == sha256
    given, final = read_libraries_of(run_folder), read_libraries_of("warm")
    assert (final.skill_ids[given.used] == given.skill_ids[given.used]).all()
    assert (final.embeddings[given.used] == given.embeddings[given.used]).all()
    assert "warm holds this run, finished" in out_of(capsys, *warm)
    assert "Success of episodes:" in out_of(capsys, "eval", "warm", "--episodes", "3", "--quiet")
    assert out_of(capsys, "plot", "warm") == "warm/training.png\n"
    for other in (warm[:-2], [*warm[:-1], "one.npz"]):
        out_of(capsys, "library", "export", "warm", "one.npz", "--force")
        status, _, err = run(capsys, *other)
        assert (status, err.count("\n")) == (2, 1)
        assert f"out=warm holds a run of another config (warm_start: there {sha256}, here" in err
    assert "warm_start" not in json.loads(pathlib.Path("run/config.json").read_text())


MERGED = """\
all.npz: one library of 4 agents, 2 skills of 4, sha256 {sha256}
2 joined with their equals, 0 covered by others, 0 conflicts, 0 left out for capacity=3
"""


def test_merging_says_what_became_of_the_skills(capsys, handmade):
    shutil.copy(handmade, "other.json")
    out = out_of(capsys, "library", "merge", handmade, "other.json", "--out", "all.npz")
    saved = import_libraries("all.npz")
    assert out == MERGED.format(sha256=saved.sha256) and saved.agents == (0,)
    given = ("library", "merge", "other.json", handmade, "--capacity", "1", "--out", "all.npz")
    status, _, err = run(capsys, *given)
    assert (status, err) == (2, "procmem: error: all.npz exists; choose another name or --force\n")
    assert "1 skill of 4" in (out := out_of(capsys, *given, "--force")) and "1 left out for capacity=1" in out


def test_conflicts_have_a_line_each_up_to_some(capsys):
    libraries = handmade_libraries(9)
    for agent in range(9):
        for field in dataclasses.fields(libraries):
            array = getattr(libraries, field.name)
            if array is not None:
                array[agent] = array[0]
        libraries.actions[agent, 2, 0] = min(agent, 5)
        libraries.actions[agent, 0, :2] = divmod(agent, 6)
    export_libraries("a.json", libraries, CONFIG, embedding=EMBEDDING)
    lines = out_of(capsys, "library", "merge", "a.json", "--out", "b.json").splitlines()
    assert "3 joined with their equals, 0 covered by others, 13 conflicts, 0 left out for capacity=3" in lines[1]
    assert lines[2] == ("context 0 512: anything: navigate_1_steps: kept d (48 of 48 uses), dropped ↑ (12 of 12 uses)")
    assert len(lines) == 8 and lines[-1] == "and 8 more conflicts"


@pytest.mark.slow
def test_what_is_merged_starts_many_agents_and_is_options_for_others(capsys, finished):
    train = "train --task random-3 --episodes 3 --set capacity=8 --quiet".split()
    out_of(capsys, *train, "--agents", "3", "--out", "few")
    out_of(capsys, *train, "--agents", "2", "--seed", "1", "--out", "more")
    out_of(capsys, "library", "merge", "few", "more", "--out", "all.json")
    out_of(capsys, *train, "--agents", "6", "--warm-start", "all.json", "--out", "warm")
    given, final = import_libraries("all.json").libraries, read_libraries_of("warm")
    assert given.used.sum() > 0 and (final.learned_episode[:, given.used[0]] == given.learned_episode[given.used]).any()
    assert len(options_for("all.json", GridWorld()).actions) == given.used.sum()
    status, _, err = run(capsys, "library", "merge", "few", str(finished), "--out", "new.json")
    assert status == 2 and f"{finished}: embedding=tutorial codes" in err


BAD = [
    ("library", "Expected one of {show, export, merge, plot}"),
    ("library frob", "frob"),
    ("library show", "RUN"),
    ("library show nowhere", "nowhere holds no finished run (config.json is missing)"),
    ("library show nowhere.json", "nowhere.json: cannot be read"),
    ("library show run --agent 4", "agent=4 has no library here; choose from 0 to 3"),
    ("library show run --agent -1", "agent=-1 has no library here; choose from 0 to 3"),
    ("library show run --agent many", "--agent"),
    ("library show off", "off: its memory was off or has no skills, and so there are no libraries"),
    ("library export run", "FILE"),
    ("library export run new.txt", "new.txt: suffix '.txt' is unknown; choose from .json, .npz"),
    ("library export run new.json --agent 4", "agent=4 has no library here"),
    ("library export run run/config.json/new.json", "config.json"),
    ("library export off new.json", "off: its memory was off"),
    ("library merge --out new.json", "no run was given; name folders of runs, or files: procmem library merge RUN"),
    ("library merge run", "--out"),
    ("library merge handmade.json --out new.txt", "new.txt: suffix '.txt' is unknown"),
    ("library merge handmade.json --out handmade.json", "handmade.json exists; choose another name or --force"),
    ("library merge run handmade.json --out new.json", "handmade.json: embedding=direction of 2 coordinates differs"),
    ("library merge run nowhere.json --out new.json", "nowhere.json: cannot be read"),
    ("library merge run --out new.json", "code_tables=per_agent: no agent can read the embeddings of another"),
    ("library merge off --out new.json", "off: its memory was off"),
    ("library merge handmade.json --out new.json --capacity 0", "capacity=0 is below 1"),
    ("library merge run --out new.json --threshold 2", "--threshold=2.0 is no cosine; choose it from -1 to 1"),
    ("train --warm-start nowhere.npz", "nowhere.npz: cannot be read as libraries"),
    ("train --warm-start off", "off: its memory was off"),
    ("train --warm-start handmade.json --agents 3", "handmade.json does not fit this run: max_skill_length=3"),
    ("train --warm-start handmade.json --agents 3 --set max_skill_length=3", "agents=3 exceeds the 2 libraries"),
    ("train --warm-start handmade.json --agents 2 --set capacity=2 max_skill_length=3", "capacity=3 of the libr"),
    ("train --warm-start handmade.json --no-skills", "does not fit this run: use_skills=False"),
    ("train --warm-start handmade.json --preset q-learning", "Q-learning has no skills"),
    ("train --warm-start handmade.json --agents 0", "--agents=0 is below 1"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[arguments for arguments, _ in BAD])
def test_bad_input_is_one_line_and_status_2(capsys, tmp_path, run_folder, handmade, arguments, text):
    shutil.copytree(run_folder, "off")
    path = tmp_path / "off/libraries.npz"
    write_saved(path, dataclasses.replace(import_libraries(path), embedding="none"), overwrite=True)
    reseal(tmp_path / "off")
    status, out, err = run(capsys, *arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith("procmem: error: ") and err.count("\n") == 1
    assert text in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["handmade.json", "off", "run"]


@pytest.mark.parametrize("name", ["config.json", "summary.json", "libraries.npz"])
def test_a_damaged_run_is_one_line(capsys, tmp_path, run_folder, name):
    (tmp_path / run_folder / name).write_bytes(b"{}")
    status, out, err = run(capsys, "library", "show", run_folder)
    if name != "summary.json":  # which has no say here
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert f"run/{name} is" in err or f"run/{name}: " in err


def test_libraries_of_other_settings_than_the_runs_are_named(capsys, tmp_path, run_folder):
    config = json.loads((tmp_path / "run/config.json").read_text())
    for change in ({"agents": 5}, {"settings": config["settings"] | {"capacity": 8}}, {"agents": "four"}):
        reseal(tmp_path / "run", **change)
        status, out, err = run(capsys, "library", "show", run_folder)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert "run/libraries.npz: is not as a finished run leaves it" in err


def test_lines_are_no_longer_than_a_terminal():
    saved = SavedLibraries(
        handmade_libraries(1), CONFIG, EMBEDDING, ("has_" + 90 * "k", "open", "there"), tuple("abcdef"), (0,), {}
    )
    lines = library_table(saved, 0).splitlines()
    assert max(map(len, lines[:-2])) <= 100 and "..." in lines[4]
