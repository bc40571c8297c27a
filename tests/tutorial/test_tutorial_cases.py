"""Recorded cases through the script, and random ones against the plain reference, on every field."""

import json
import pathlib
import random
import subprocess
import sys

import pytest

from plain_tutorial import SCRIPTED, PlainAgent, PlainWorld, Tape, cosine, random_case, random_walk, replay
from tutorial import cases as tutorial_cases
from tutorial.cases import replay_cases

TESTS = pathlib.Path(__file__).parents[1]
OURS = sorted((TESTS / "data" / "oracle").glob("*.json"))
THEIRS = sorted((TESTS.parents[1] / "shared" / "oracle").glob("*.json"))
EMBEDDING_SIZES = (3, 5, 8, 16)
SIZES = (4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 11, 13, 16)


def assert_matches(actual, expected, where="case"):
    """Integers, booleans and texts exactly, floats to 1e-5, no field more or less."""
    if isinstance(expected, dict):
        assert set(actual) == set(expected), where
        for name in expected:
            assert_matches(actual[name], expected[name], f"{where}.{name}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for index, (left, right) in enumerate(zip(actual, expected, strict=True)):
            assert_matches(left, right, f"{where}[{index}]")
    elif float in (type(actual), type(expected)) and bool not in (type(actual), type(expected)):
        assert actual == pytest.approx(expected, abs=1e-5), where
    else:
        assert type(actual) is type(expected), where
        assert actual == expected, where


def recorded(case):
    return {"rows": case["rows"]} if "rows" in case else case["expected"]


def test_every_oracle_file_through_the_script():
    assert len(OURS) == 10
    paths = OURS + THEIRS
    script = TESTS.parent / "scripts" / "replay_tutorial.py"
    done = subprocess.run([sys.executable, "-P", script, *paths], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(paths)
    for path, line in zip(paths, lines, strict=True):
        assert_matches(json.loads(line), recorded(json.loads(path.read_text())), path.name)


@pytest.mark.skipif(not THEIRS, reason="no ../shared/oracle beside the repository")
def test_our_oracle_files_are_the_shared_ones():
    theirs = {path.name: path.read_bytes() for path in THEIRS}
    assert {path.name: path.read_bytes() for path in OURS}.items() <= theirs.items()


class LatestOfEquals(PlainAgent):
    """Breaks ties the wrong way: to the latest skill."""

    def retrieve(self):
        state = self.world.state()
        query = self.embed(state)
        applicable = [skill for skill in self.library if (skill.has_key, skill.door_open) == state[2:]]
        return max(reversed(applicable), key=lambda skill: cosine(query, skill.vector), default=None)


def a_tie_decides(case):
    """Whether the run would go another way if ties went to the latest skill."""
    tables = case["position_codes"], case["action_codes"], case["embedding_dim"]
    agent = LatestOfEquals(PlainWorld(case["size"]), *tables, explore=Tape(case["tape"]), budget=case["max_steps"])
    try:
        return agent.train(case["episodes"])["per_episode"] != replay(case)["per_episode"]
    except IndexError:
        return True


def coarse_case(rng, size, embedding_dim, episodes, noise, action_codes=(0, 0.999)):
    """A case whose codes are 0 or 0.999 only: skills are far apart or zero vectors, so many are kept, and many tie."""
    case = {"size": size, "episodes": episodes, "embedding_dim": embedding_dim, "max_steps": 50}
    case["position_codes"] = [[rng.choice([0, 0, 0.999]) for _ in range(size)] for _ in range(size)]
    case["action_codes"] = [rng.choice(action_codes) for _ in range(6)]
    tape = Tape(rng=rng, noise=noise)
    replay(case, tape)
    return case | {"tape": tape.entries + [SCRIPTED] * 50}


def many_skills(rng, embedding_dim):
    """A case that ends with more than 8 skills."""
    while True:
        case = coarse_case(rng, 4, embedding_dim, 40, rng.choice([0.3, 0.5, 0.8]), action_codes=(0,))
        if len(replay(case)["library"]) > 8:
            return case


def deciding_tie(rng, embedding_dim):
    while True:
        case = coarse_case(rng, rng.choice([6, 8]), embedding_dim, 15, 0.0)
        if a_tie_decides(case):
            return case


def any_case(rng, embedding_dim):
    make = random_case if rng.random() < 0.8 else coarse_case
    return make(rng, rng.choice(SIZES), embedding_dim, rng.randint(1, 40), rng.choice([0.0, 0.1, 0.3, 0.6, 0.9]))


@pytest.mark.parametrize("each", [8, pytest.param(80, marks=pytest.mark.exhaustive)])
def test_random_cases_match_the_plain_reference(each):
    rng = random.Random(0)
    cases = [any_case(rng, dim) for dim in EMBEDDING_SIZES for _ in range(each)]
    cases += [many_skills(rng, dim) for dim in EMBEDDING_SIZES for _ in range(2)]
    cases += [random_walk(rng, 5, 30) for _ in range(3)]
    rng.shuffle(cases)  # results keep the order of the files, however they are grouped to run
    expected = [replay(case) for case in cases]
    runs = [result for result in expected if "library" in result]
    assert sum(len(result["library"]) > 8 for result in runs) >= min(each, 8) // 2
    assert sum(max(result["per_episode"]["steps"]) > 50 for result in runs) >= min(each, 8) // 2  # overruns
    assert each < 80 or {case["size"] for case in cases} == set(SIZES)
    for number, (actual, wanted) in enumerate(zip(replay_cases(cases), expected, strict=True)):
        assert_matches(actual, wanted, f"case {number}, size {cases[number]['size']}")


def permuted_actions_case():
    """Size 8, all positions alike: the first skill runs to the corner, its last five steps are a rotation of it."""
    rng = random.Random(5)
    tables = {"position_codes": [[0.0] * 8] * 8, "action_codes": [0.0, 0.0, 0.0, 0.999, 0.0, 0.0]}
    while True:
        tape = Tape(rng=rng)
        case = {"size": 8, "episodes": 12, "embedding_dim": 8, "max_steps": 50, **tables}
        library = replay(case, tape)["library"]
        bags = [tuple(sorted(skill["actions"])) for skill in library if skill["door_open"]]
        case["tape"] = tape.entries + [SCRIPTED] * 50
        if len(bags) > len(set(bags)) and a_tie_decides(case):
            return case


@pytest.mark.slow
def test_ties_between_permuted_actions_go_to_the_earliest_skill():
    rng = random.Random(108)
    cases = [permuted_actions_case(), *(deciding_tie(rng, 8) for _ in range(4))]
    for number, (case, actual) in enumerate(zip(cases, replay_cases(cases), strict=True)):
        assert_matches(actual, replay(case), f"case {number}")


@pytest.mark.slow
def test_a_batch_equals_one_by_one_bit_for_bit(monkeypatch):
    monkeypatch.setattr(tutorial_cases, "_DECIMALS", 17)  # all digits of a float32
    rng = random.Random(7)
    cases = [random_case(rng, size, 8, 12, noise) for size, noise in [(8, 0.0), (6, 0.2), (4, 0.5)]]
    together = replay_cases(cases)
    assert replay_cases(cases[1:2]) == together[1:2]
    assert all(result["library"] for result in together[:2])
    assert any(value != round(value, 6) for result in together for value in result["per_episode"]["rewards"])


@pytest.mark.parametrize("size", [4, 7, 13, 64])
def test_random_walks_match_the_plain_reference(size):
    walk = random_walk(random.Random(size), size, 1000)
    [actual] = replay_cases([walk])
    assert_matches(actual, {"rows": walk["rows"]})
    assert replay_cases([{"size": size, "rows": []}]) == [{"rows": []}]


def test_a_tape_that_runs_out_is_an_error():
    case = random_case(random.Random(9), 8, 8, 5, 0.4)
    used = len(case["tape"]) - 50
    beside = [case]  # keeps the shapes, and with them the compiled program, as they are
    exact = replay_cases([case | {"tape": case["tape"][:used]}, *beside])
    assert_matches(exact, [replay(case)] * 2)
    with pytest.raises(ValueError, match=f"tape of {used - 1} entries ran out; give a longer tape"):
        replay_cases([case | {"tape": case["tape"][: used - 1]}, *beside])
    # At (4, 4) the script ends, and this tape never names an action.
    with pytest.raises(ValueError, match="tape of 40 entries ran out"):
        replay_cases([case | {"tape": [SCRIPTED] * 40}, *beside])
