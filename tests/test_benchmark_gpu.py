"""The benchmark's parts for a GPU, tried on a processor: sums by hand, parts that fail, what is said without one."""

import json
import sys

import numpy as np
import pytest

import benchmark
from benchmarks.gpu import kernels, parts, same
from benchmarks.measure import Options


def test_without_a_gpu_nothing_is_measured(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        benchmark.main(["--device", "gpu", "card", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("benchmark: error: --device gpu: jax finds no GPU here")
    assert list(tmp_path.iterdir()) == []


def test_a_suite_of_the_other_list_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        benchmark.main(["--device", "gpu", "foreign", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert "suite='foreign' is unknown; choose from card, same, env, train" in capsys.readouterr().err


def test_a_part_that_fails_or_is_too_slow_costs_no_other(tmp_path, capfd):
    rows = [{"what": "memory", "value": 1234, "unit": "GiB"}]
    report = {"machine": {"device": "a card", "versions": {"jax": "1.2"}}, "repeats": 5, "rows": rows}
    (tmp_path / "card.json").write_text(json.dumps(report))
    program = "import sys, time; name = sys.argv[1]; time.sleep(9 * (name == 'sweep')); sys.exit(3 * (name == 'env'))"
    failed = parts.run_apart({"card": 9, "env": 9, "sweep": 0.3}, [sys.executable, "-c", program], tmp_path)
    assert failed == ["env: exit status 3", "sweep: stopped after 0.3 s"]
    out = capfd.readouterr().out
    assert "card, a card, jax 1.2, 5 repeats" in out and "1,234" in out


def test_the_first_difference_is_named():
    one = {"a": np.zeros((2, 3)), "b": np.full(2, np.nan)}
    assert same.first_difference(one, one) is None
    other = {**one, "a": np.array([[0, 0, 0], [0, 2, 3.0]])}
    assert same.first_difference(one, other) == "['a'][1, 1]: 0.0 and 2.0; 2 in all"
    assert same.first_difference(one, {**one, "b": np.array([np.nan, 1])}) == "['b'][1]: nan and 1.0; 1 in all"


def test_kernels_that_overlap_are_counted_once():
    events = [("a", 0.0, 4.0), ("b", 2.0, 4.0), ("a", 10.0, 2.0)]
    rows = {row["what"]: row for row in kernels.tell(events, 2)}
    assert rows["all"] == {
        **{"what": "all", "launches a tick": 1.5, "us a tick": 6.0, "share of the time": "100.0%"},
    }
    assert (rows["waiting"]["us a tick"], rows["waiting"]["share of the time"]) == (2.0, "33.3%")
    assert (rows["a"]["launches a tick"], rows["a"]["us a tick"]) == (1.0, 3.0)
    assert list(kernels.tell([], 2)) == [{"what": "no kernels were recorded"}]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["card", "same", "train", "kernels"])
def test_a_part_at_its_smallest(name, tmp_path):
    parts.run_part(name, Options(quick=True, repeats=1), tmp_path / "part.json")
    report = json.loads((tmp_path / "part.json").read_text())
    assert report["part"] == name and report["machine"]["versions"]["jax"]
    assert set(benchmark.GPU_PARTS) > {name}
    assert len(parts.part_table(name, report["rows"]).splitlines()) == len(report["rows"]) + 1
    if name == "same":
        assert [row["same as the first"] for row in report["rows"]] == ["yes"] * 3
    if name == "train":
        assert report["rows"][0]["us a tick"] > 0 and report["rows"][0]["whole run, M agent steps/s"] > 0
