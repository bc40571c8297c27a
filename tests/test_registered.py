"""The study of registered environments: speeds by a clock of our own, rows by hand, and what is done twice."""

import json
import types

import numpy as np
import pytest

from benchmarks import registered
from procmem_jax.experiments.training.driver import Progress
from procmem_jax.experiments.training.lanes import CHUNK_TICKS

INTERVALS = {"return_without": [1.0, 0.5, 1.5], "return_with": [2.0, 1.25, 2.75], "difference": [1.0, 0.25, 1.75]}
ROW = {"percept": "ProjectedPercept", "actions": 3, "limit": 500, **INTERVALS}
SPEEDS = {"steps_per_core_second_without": 1_234_567.0, "steps_per_core_second_with": 4_321.0}


class Life:
    """A run of two agents in three chunks, by a clock that it turns itself; compiling takes 100 s, if it is to."""

    def __init__(self, monkeypatch, chunk_seconds):
        self.clock, self.chunk_seconds, self.compiled, self.runs = 0.0, chunk_seconds, False, 0
        monkeypatch.setattr(registered.time, "process_time", lambda: self.clock)

    def __call__(self, on_progress=lambda progress: None):
        self.runs += 1
        on_progress(Progress("compiling", 0, 2))
        self.clock += 0.0 if self.compiled else 100.0
        self.compiled = True
        for _ in range(3):
            self.clock += self.chunk_seconds
            on_progress(Progress("running", 0, 2))
        return types.SimpleNamespace(metrics=types.SimpleNamespace(steps=np.full((2, 1), 3 * CHUNK_TICKS, np.int32)))


@pytest.mark.parametrize(("chunk_seconds", "runs"), [(4.0, 1), (1.0, 2), (0.0625, 4)])
def test_a_rate_is_of_steps_without_compiling(monkeypatch, chunk_seconds, runs):
    """A long run is enough; one of 3 s is run again; one of 3/16 s again until half a second is full."""
    life = Life(monkeypatch, chunk_seconds)
    meter = registered.CoreRate(life, agents=2)
    assert meter.rate(meter.first()) == pytest.approx(2 * CHUNK_TICKS / chunk_seconds)
    assert life.runs == runs


def test_rows_say_what_came_of_each_task():
    rows = {
        "pgx:b": {**ROW, **SPEEDS},
        "pgx:c": {**ROW, "seconds": 7},
        "pgx:a": {"refused": "the actions are continuous (Box): 1|2; give actions="},
        "pgx:d": {"failed": "not done after 900 s"},
    }
    lines = registered.table(rows).splitlines()[2:]
    assert lines == [
        "| `pgx:a` | refused: the actions are continuous (Box): 1/2 |  |  |  |  |  |  |  |",
        "| `pgx:b` | ProjectedPercept | 3 | 500 | 1,235 | 4.3 | 1 [0.5, 1.5] | 2 [1.25, 2.75] | 1 [0.25, 1.75] |",
        "| `pgx:c` | ProjectedPercept | 3 | 500 |  |  | 1 [0.5, 1.5] | 2 [1.25, 2.75] | 1 [0.25, 1.75] |",
        "| `pgx:d` | failed: not done after 900 s |  |  |  |  |  |  |  |",
    ]


def test_what_is_done_is_kept_and_what_is_not_comes_first(monkeypatch, tmp_path, capsys):
    """Not measured yet comes before what failed or has no speed; what is whole or refused is not measured again."""
    out, asked = tmp_path / "rows.json", []
    before = {"a": {"failed": "once"}, "b": {**ROW}, "c": {**ROW, **SPEEDS}, "d": {"refused": "no"}}
    out.write_text(json.dumps({"rows": before, "agents": 64, "seed": 1000}))
    monkeypatch.setattr(registered, "registered", lambda package: list("abcdef"))

    def measure_apart(task, options):
        asked.append(task)
        return {**ROW, **SPEEDS, "seconds": options.seconds}

    monkeypatch.setattr(registered, "measure_apart", measure_apart)
    registered.main(["pgx", "--out", str(out)])
    assert asked == ["e", "f", "a", "b"]
    stored = json.loads(out.read_text())
    assert stored["rows"]["d"] == before["d"] and stored["rows"]["c"] == before["c"]
    assert stored["rows"]["a"]["seconds"] == 900 and stored["versions"]["jax"]
    assert capsys.readouterr().out.count("\n| `") == 6


@pytest.mark.parametrize(
    "other", [["--seed", "2000"], ["--agents", "8"], ["--explorer", "least-tried"], ["--percept", "grid"]]
)
def test_rows_of_another_kind_are_not_mixed_with_those_in_the_file(tmp_path, capsys, other):
    out = tmp_path / "rows.json"
    out.write_text(json.dumps({"rows": {"a": {**ROW, **SPEEDS}}, "agents": 64, "seed": 1000}))
    with pytest.raises(SystemExit) as end:
        registered.main(["pgx", "--out", str(out), *other])
    assert end.value.code == 2 and f"holds rows of {other[0][2:]}=" in capsys.readouterr().err
    assert len(json.loads(out.read_text())["rows"]) == 1


def test_a_percept_and_the_longest_episodes_are_asked_for(monkeypatch, tmp_path):
    limits, asked = {"xland:a": 100, "xland:b": 250, "xland:c": 251}, []
    monkeypatch.setattr(registered, "registered", lambda package: list(limits) + ["xland:refused"])
    monkeypatch.setattr(registered, "describe_peer", lambda task: {"limit": limits[task]} if task in limits else {})
    monkeypatch.setattr(registered, "measure_apart", lambda task, options: asked.append(task) or {**ROW, **SPEEDS})
    registered.main(["xland", "--percept", "grid", "--longest", "250", "--out", str(tmp_path / "rows.json")])
    assert asked == ["xland:a@grid", "xland:b@grid"]
    assert json.loads((tmp_path / "rows.json").read_text())["percept"] == "grid"


def test_the_verdict_is_by_the_range_between_no_memory_and_the_best_episode():
    """The mean without is 1 and the best episode 11, so 2% are 0.2."""
    bounds = {"safe": (0, -0.19, 1), "better": (1, 0.5, 2), "perhaps": (0, -0.21, 1), "worse": (-1, -2, -0.21)}
    rows = {name: {**ROW, "difference": list(three), "best": 11.0} for name, three in bounds.items()}
    told = registered.verdict({**rows, "refused": {"refused": "no"}, "before there was a best": ROW})
    start = "2 of 4 lose less than 2% of the range for certain; "
    assert told == start + "perhaps more: perhaps, worse; more for certain: worse; trapped agents: none"
    rows["safe"]["trapped"] = 3
    assert registered.verdict(rows).endswith("; trapped agents: safe (3)")


def test_trapped_is_who_gets_nowhere_with_the_memory_and_somewhere_without():
    """Half way from the lowest return, -1, to the best, 1, is 0."""
    with_memory = np.array([[-1.0, -1.0], [-1.0, -1.0], [-1.0, -0.5], [-1.0, -1.0]])
    without = np.array([[0.5, -0.5], [0.5, -0.75], [1.0, 1.0], [1.0, 1.0]])
    assert registered.count_trapped(with_memory, without, -1.0, 1.0) == 2
    nothing = np.zeros((2, 3))
    assert registered.count_trapped(nothing, nothing, 0.0, 0.0) == 0
