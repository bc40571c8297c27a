"""The benchmark script: its sums by hand, timing in turns, bad input, and every suite at its smallest."""

import json

import jax
import jax.numpy as jnp
import pytest

import benchmark
from benchmarks import measure, plain, scaling
from benchmarks.measure import Built, Contender, Options
from benchmarks.profile import read_program
from procmem_jax.memory.similarity import normalize
from quick import rest_exhaustive

QUICK = Options(quick=True, repeats=3)


def contender(name, seconds, log):
    """One whose runs take these seconds for ten units each, and leave a trace."""
    taken = iter(seconds)

    def run():
        log.append(name)
        return 10, next(taken)

    return Contender(name, {"agents": 4}, lambda: Built(run, 1.5, {"fact": 7}))


def test_contenders_take_turns_and_the_first_round_does_not_count():
    log = []
    fast, slow = measure.measure([contender("fast", [99, 1, 3, 2], log), contender("slow", [99, 4, 9, 10], log)], QUICK)
    assert log == ["fast", "slow"] * 4
    assert fast == {
        **{"name": "fast", "agents": 4, "compile_seconds": 1.5, "unit_seconds": [0.1, 0.3, 0.2], "fact": 7},
        **{"median": 0.2, "min": 0.1, "max": 0.3, "units_per_second": 5.0},
    }
    assert (slow["median"], slow["min"], slow["max"]) == (0.9, 0.4, 1.0)


@pytest.mark.parametrize(("target", "met"), [(None, None), (3.9, True), (4.0, True), (4.1, False)])
def test_a_ratio_is_taken_repeat_by_repeat(target, met):
    found = measure.ratio("a over b", {"unit_seconds": [1.0, 2.0, 1.0]}, {"unit_seconds": [4.0, 6.0, 5.0]}, target)
    assert found == {"label": "a over b", "median": 4.0, "min": 3.0, "max": 5.0, "target": target, "met": met}


def test_a_count_grows_until_a_run_is_long_enough(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])

    def run(count):
        clock[0] += count * 0.001

    assert measure.until_long_enough(run, shortest=0.5) == 500
    assert measure.until_long_enough(lambda count: None) == measure.LONGEST_RUN


def test_tables():
    row = {"name": "ours", "agents": 8192, "units_per_second": 3.68e6, "median": 2.72e-7, "compile_seconds": None}
    text = measure.table([row | {"min": 1e-7, "max": 2e-3}], ("name", "agents", "episodes"))
    head, line = text.splitlines()
    assert head.split() == ["name", "agents", "episodes", *"units/s time a unit min to max compile".split()]
    assert line.split() == ["ours", "8,192", "3.68M", "272", "ns", "100", "ns", "to", "2", "ms", "-"]
    assert len(head) == len(line)
    found = {"label": "a over b", "median": 4.0, "min": 3.0, "max": 5.0, "target": 4.5, "met": False}
    assert measure.ratio_lines([found]).splitlines()[1].split()[-3:] == ["4.5", "NOT", "met"]


def test_the_plain_agent_solves_its_task_while_it_is_timed():
    (loop,) = plain.training_contenders()
    steps, seconds = loop.build().run()
    assert seconds > 0
    assert steps == 8 * plain.EPISODES * 10  # ten steps are the script's way on tutorial-5, with memory or without


@pytest.mark.slow
def test_the_bytes_of_a_program():
    held, state = scaling.program_bytes(scaling.Case("random-5", "default", 16, 2, 8), 16)
    assert 0 < state < held < 4 * state


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["everything"], "suite='everything' is unknown; choose from env, train, retrieval, scaling, compile, foreign"),
        (["env", "--repeats", "0"], "repeats=0 is outside 1 to 1000"),
        (["env"], "env.json exists; give another --out, or --force"),
    ],
)
def test_bad_input(arguments, message, tmp_path, capsys):
    (tmp_path / "env.json").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        benchmark.main([*arguments, "--out", str(tmp_path)])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("benchmark: error: ") and message in line
    assert [path.name for path in tmp_path.iterdir()] == ["env.json"]
    assert (tmp_path / "env.json").read_text() == "mine"


def test_a_folder_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        benchmark.main(["env", "--out", str(tmp_path / "file" / "folder")])
    assert stopped.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_profile_knows_whose_kernels_there_are():
    text = jax.jit(lambda x: normalize(x * 2.0)).lower(jnp.ones((8, 4))).compile().as_text()
    functions = {name for counts in read_program(text).kernels.values() for name in counts}
    assert functions >= {"memory/similarity normalize", "fixed_order rounded_product"}
    with pytest.raises(ValueError, match="tells no stack frames"):
        read_program("HloModule nothing")


def test_all_suites_are_run_unless_some_are_named(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(benchmark, "run_all", lambda names, options: ran.append(list(names)))
    benchmark.main(["--quick", "--out", str(tmp_path)])
    assert ran == [list(benchmark.SUITES)]


# All but the first take four minutes of a core's time: most compile the worlds of other packages.
@pytest.mark.slow
@pytest.mark.parametrize(
    "names", rest_exhaustive([["train", "retrieval", "profile"], ["env", "scaling", "compile", "foreign"]])
)
def test_every_suite_at_its_smallest(names, tmp_path, capfd):
    benchmark.main([*names, "--quick", "--repeats", "1", "--out", str(tmp_path)])
    drawn = ["rates.png"] if {"env", "scaling"} & set(names) else []
    assert (f"figure: {tmp_path / 'rates.png'}" in capfd.readouterr().out) == bool(drawn)
    assert all((tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for name in drawn)
    for name in names:
        report = json.loads((tmp_path / f"{name}.json").read_text())
        assert (report["suite"], report["quick"], report["repeats"]) == (name, True, 1)
        assert report["machine"]["versions"]["jax"] and report["machine"]["cores"] >= 1
        assert all(row["median"] > 0 and len(row["unit_seconds"]) == 1 for row in report["rows"])
        assert all(one["median"] > 0 and one["met"] is None for one in report["ratios"])
    assert {path.name for path in tmp_path.iterdir()} == {*drawn, *(f"{name}.json" for name in names)}
