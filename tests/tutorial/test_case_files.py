"""Damaged case files: one line on stderr, exit status 2, nothing on stdout."""

import copy
import json
import pathlib
import random
import subprocess
import sys

import pytest

import replay_tutorial
from plain_tutorial import random_case, random_walk
from quick import quick_first
from tutorial.case_files import check_training_case, check_walk
from tutorial.cases import load_case

CASE = random_case(random.Random(0), 5, 8, 3, 0.2)
WALK = random_walk(random.Random(0), 4, 10)
SCRIPT = pathlib.Path(replay_tutorial.__file__)


def changed(*path, to, case=CASE):
    """The case with one value replaced."""
    case = copy.deepcopy(case)
    inner = case
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return case


def without(name, case=CASE):
    return {key: value for key, value in case.items() if key != name}


BAD_CASES = {
    "no size": (without("size"), "size is missing; add it"),
    "no episodes": (without("episodes"), "episodes is missing"),
    "no max_steps": (without("max_steps"), "max_steps is missing"),
    "no embedding_dim": (without("embedding_dim"), "embedding_dim is missing"),
    "no tape": (without("tape"), "tape is missing"),
    "no position_codes": (without("position_codes"), "position_codes is missing"),
    "no action_codes": (without("action_codes"), "action_codes is missing"),
    "size 3": (changed("size", to=3), "size=3 is outside 4 to 64; give a whole number in that range"),
    "size 65": (changed("size", to=65), "size=65 is outside 4 to 64"),
    "size text": (changed("size", to="5"), "size=5 is a str; give a int"),
    "size real": (changed("size", to=5.0), "size=5.0 is a float"),
    "size true": (changed("size", to=True), "size=True is a bool"),
    "no episode": (changed("episodes", to=0), "episodes=0 is outside 1 to 1000000"),
    "negative steps": (changed("max_steps", to=-50), "max_steps=-50 is outside 1"),
    "embedding 2": (changed("embedding_dim", to=2), "embedding_dim=2 is outside 3 to 1024"),
    "other actions": (changed("actions", to=["jump"]), "actions=['jump'] is another order"),
    "column gone": (
        changed("position_codes", to=CASE["position_codes"][:4]),
        "position_codes has 4 columns for size=5",
    ),
    "column short": (changed("position_codes", 2, to=[0.1]), "position_codes is not a list of 5 numbers"),
    "codes null": (changed("position_codes", to=None), "position_codes=None is a NoneType; give a list"),
    "column null": (changed("position_codes", 0, to=None), "position_codes is not a list of 5 numbers"),
    "7 action codes": (changed("action_codes", to=[0.1] * 7), "action_codes is not a list of 6 numbers"),
    "code NaN": (changed("action_codes", 1, to=float("nan")), "action_codes holds nan; give finite numbers"),
    "code infinite": (
        changed("position_codes", 1, 1, to=float("inf")),
        "position_codes holds inf; give finite numbers",
    ),
    "code 1.5": (changed("action_codes", 5, to=1.5), "action_codes holds 1.5, outside [0, 1); give codes"),
    "code 1": (changed("action_codes", 5, to=1), "action_codes holds 1, outside [0, 1)"),
    "code negative": (changed("position_codes", 4, 4, to=-0.001), "position_codes holds -0.001, outside [0, 1)"),
    "code text": (changed("action_codes", 0, to="0.1"), "action_codes holds 0.1; give finite numbers"),
    "code true": (changed("action_codes", 0, to=True), "action_codes holds True; give finite numbers"),
    "tape empty": (changed("tape", to=[]), "tape is empty; give at least one entry"),
    "tape 7": (changed("tape", 2, to=7), "tape holds 7; give whole numbers from -1 to 5"),
    "tape -2": (changed("tape", 0, to=-2), "tape holds -2"),
    "tape real": (changed("tape", 0, to=1.0), "tape holds 1.0"),
    "tape true": (changed("tape", 0, to=True), "tape holds True"),
    "tape a text": (changed("tape", to="-1"), "tape=-1 is a str; give a list"),
    "tape runs out": (changed("tape", to=[0]), "tape of 1 entries ran out; give a longer tape"),
    "walk of size 3": (changed("size", to=3, case=WALK), "size=3 is outside 4 to 64"),
    "walk without size": (without("size", WALK), "size is missing"),
    "walk of action 6": (changed("rows", 1, 0, to=6, case=WALK), "rows holds [6, "),
    "walk row empty": (changed("rows", 1, to=[], case=WALK), "rows holds []; give lists that begin with an action"),
    "walk row number": (changed("rows", 1, to=3, case=WALK), "rows holds 3"),
    "walk rows null": (changed("rows", to=None, case=WALK), "rows=None is a NoneType"),
    "walk columns": (changed("columns", 0, to="move", case=WALK), "columns=['move'"),
    "a list": ([1, 2], "holds a list, not a case"),
    "null": (None, "holds a NoneType, not a case"),
    "a number": (5, "holds a int, not a case"),
}
BAD_TEXTS = {
    "not JSON": b"size: 5",
    "empty": b"",
    "truncated": json.dumps(CASE).encode()[:-100],
    "not UTF-8": b"\xff\xfe\x00",
    "too deep": b"[" * 200_000,
}


def replay(capsys, *paths):
    """(exit status, stdout, stderr) of the script, run here."""
    argv, sys.argv = sys.argv, ["replay_tutorial.py", *map(str, paths)]
    try:
        replay_tutorial.main()
        status = 0
    except SystemExit as stop:
        status = stop.code
    finally:
        sys.argv = argv
    return (status, *capsys.readouterr())


def assert_refused(outcome, text):
    status, out, err = outcome
    assert (status, out) == (2, "")
    assert err.startswith("replay_tutorial: error: ")
    assert err.count("\n") == 1 and err.endswith("\n")
    assert text in err


@pytest.mark.parametrize("name", quick_first(BAD_CASES, 8))
def test_damaged_cases(name, capsys, tmp_path):
    case, text = BAD_CASES[name]
    path = tmp_path / "case.json"
    path.write_text(json.dumps(case))
    assert_refused(replay(capsys, path), text)


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_files_that_are_not_json(name, capsys, tmp_path):
    path = tmp_path / "case.json"
    path.write_bytes(BAD_TEXTS[name])
    assert_refused(replay(capsys, path), f"{path}: cannot be read as JSON")


def test_missing_files_and_folders(capsys, tmp_path):
    assert_refused(replay(capsys, tmp_path), f"{tmp_path}: cannot be read as JSON")
    assert_refused(replay(capsys, tmp_path / "nowhere.json"), "nowhere.json: cannot be read as JSON")


def test_a_damaged_file_among_good_ones_prints_nothing(capsys, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(WALK))
    bad.write_text(json.dumps(BAD_CASES["size 3"][0]))
    assert_refused(replay(capsys, good, bad), f"{bad}: size=3")
    status, out, err = replay(capsys, good, good)
    assert (status, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [{"rows": WALK["rows"]}] * 2


def test_a_damaged_file_in_a_process_of_its_own(tmp_path):
    path = tmp_path / "case.json"
    path.write_text(json.dumps(BAD_CASES["tape 7"][0]))
    done = subprocess.run([sys.executable, "-P", SCRIPT, path], capture_output=True, text=True, timeout=120)
    assert_refused((done.returncode, done.stdout, done.stderr), f"{path}: tape holds 7")


def test_good_cases_pass(tmp_path):
    check_training_case(CASE)
    check_walk(WALK)
    path = tmp_path / "case.json"
    for case in (CASE, WALK, without("actions"), without("columns", WALK)):
        path.write_text(json.dumps(case))
        assert load_case(path) == case
