"""`procmem sweep`, `merge` and `plot`: what they print, write and refuse, and that kill -9 costs nothing."""

import json
import pathlib
import random
import signal
import subprocess
import sys
import time

import pyarrow.parquet
import pytest

from command_line import out_of, run
from quick import rest_exhaustive

pytestmark = pytest.mark.usefixtures("in_an_empty_folder")

SMALL = ["--task", "random-3", "--preset", "tutorial", "--seeds", "4", "--episodes", "3", "--quiet"]
MANY = "{}=" + ",".join(map(str, range(1, 1001)))
GRID = ["--grid", "capacity=4,8", "merge_threshold=0.5,0.9"]


def test_a_sweep_tells_its_best_settings_and_draws_them(capsys, tmp_path):
    status, out, err = run(capsys, "sweep", *SMALL, *GRID)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("Best 4 of 4 settings by steps_over_optimal")
    assert lines[1].split()[:3] == ["capacity", "merge_threshold", "success"] and len(lines[2:6]) == 4
    assert "distinguishable from the second" in lines[6]
    assert lines[-1] == "Results in runs/sweep-random-3-tutorial-0, figure runs/sweep-random-3-tutorial-0/sweep.png"
    folder = tmp_path / "runs/sweep-random-3-tutorial-0"
    assert len(pyarrow.parquet.read_table(folder / "parts/episodes-00000.parquet")) == 4 * 4 * 3
    status, again, err = run(capsys, "sweep", *SMALL, *GRID)
    assert (status, err) == (0, "")
    assert (
        again.splitlines()[0]
        == f"{folder.relative_to(tmp_path)} holds this sweep, finished; its stored result (--force runs it again):"
    )
    assert again.splitlines()[1:] == lines
    status, out, err = run(capsys, "plot", str(folder), "--out", "again.png")
    assert (status, out, err) == (0, "again.png\n", "")
    assert (tmp_path / "again.png").read_bytes() == (folder / "sweep.png").read_bytes()


@pytest.mark.slow
def test_a_file_says_what_options_say_and_options_win(capsys, tmp_path):
    (tmp_path / "sweep.toml").write_text(
        'task = "random-3"\npreset = "tutorial"\nseeds = 9\nepisodes = 3\nout = "here"\n[grid]\ncapacity = [4]\n'
    )
    assert run(capsys, "sweep", "--config", "sweep.toml", "--seeds", "2")[0] == 0
    config = json.loads((tmp_path / "here/config.json").read_text())
    assert (config["seeds"], config["episodes"], config["settings"]) == (2, 3, [{"capacity": 4}])


def test_shards_and_merge(capsys, tmp_path):
    for index in (1, 2):
        status, out, _ = run(capsys, "sweep", *SMALL, *GRID, "--out", "out", "--shard", f"{index}/2")
        assert status == 0
        assert out == f"Shard {index}/2 in out/shards/{index}-of-2; when all are done: procmem merge out\n"
    status, out, err = run(capsys, "merge", "out")
    assert (status, err) == (0, "") and out.startswith("Best 4 of 4") and "figure out/sweep.png" in out
    run(capsys, "sweep", *SMALL, *GRID, "--out", "one")
    for path in sorted((tmp_path / "one").rglob("*.parquet")):
        ours = tmp_path / "out" / path.relative_to(tmp_path / "one")
        assert pyarrow.parquet.read_table(ours).equals(pyarrow.parquet.read_table(path)), path


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(capsys, tmp_path):
    status, out, err = run(capsys, "sweep", *SMALL, *GRID, "--dry-run")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "16 runs: 4 settings x 4 seeds"
    assert out.splitlines()[1].startswith("2 compiled programs, about ")
    assert "Expected time: " in out
    plan = json.loads(out_of(capsys, "sweep", *SMALL, *GRID, "--dry-run", "--json"))
    assert (plan["runs"], plan["settings"], plan["programs"]) == (16, 4, 2) and plan["most_seconds"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--grid", "capacity"], "--grid 'capacity' is not NAME=VALUE,VALUE,..."),
        (["--grid", "capasity=4"], "setting 'capasity' is unknown; did you mean capacity?"),
        (["--grid", "capacity=4", "--grid", "capacity=8"], "--grid names capacity twice"),
        (["--random", "3", "capasity=4:8"], "setting 'capasity' is unknown; did you mean capacity?"),
        (["--random", "1000000000", "merge_threshold=0:1"], "the sweep has 1,000,000,000 settings, more than 100,000"),
        (["--random", "1000000", "merge_threshold=0:1", "--dry-run"], "the sweep has 1,000,000 settings"),
        (["--grid", MANY.format("max_steps"), MANY.format("size")], "the sweep has 1,000,000 settings"),
        (["--random", "3", "max_steps=10.2:10.8"], "max_steps is a whole number, and 10.2:10.8 holds none"),
        (["--seeds", "1000000000"], "1,000,000,000 runs need about"),
        (["--seeds", "1000000000", "--dry-run"], "1,000,000,000 runs need about"),
        (["--grid", "capacity=4,4"], "twice; list every value once"),
        (["--grid", "capacity=many"], "capacity=many is not a whole number"),
        (["--grid", "capacity=0"], "capacity=0 is below 1"),
        (["--random", "novelty=0:1"], "--random begins with 'novelty=0:1'"),
        (["--random", "0", "novelty=0:1"], "--random begins with '0'"),
        (["--random", "3", "novelty=1:0"], "is empty or endless"),
        (["--seeds", "0"], "--seeds=0 is below 1"),
        (["--every", "0"], "--every=0 is below 1"),
        (["--batch", "0"], "--batch=0 is below 1"),
        (["--checkpoint-every", "-1"], "--checkpoint-every=-1.0 is below 0"),
        (["--shard", "5/3"], "shard=5/3 is not i/n"),
        (["--shard", "0/3"], "shard=0/3 is not i/n"),
        (["--config", "none.toml"], "config=none.toml cannot be read as TOML"),
        (["--out", "/dev/null/x"], "Not a directory"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(capsys, tmp_path, arguments, why):
    pairs = zip(SMALL[:-1:2], SMALL[1::2], strict=True)
    others = ["--quiet", *(word for pair in pairs if pair[0] not in arguments for word in pair)]
    status, out, err = run(capsys, "sweep", *others, *arguments)
    assert (status, out) == (2, "")
    assert why in err and err.count("\n") == 1 and err.startswith("procmem: error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_shard_is_told(capsys, tmp_path):
    run(capsys, "sweep", *SMALL, "--out", "out", "--shard", "1/2")
    status, out, err = run(capsys, "merge", "out")
    assert (status, out) == (2, "") and "out lacks shard 2/2" in err


KILLED = ["--task", "random-5", "--preset", "tutorial", "--explorer", "random", "--grid", "capacity=8,4"]
KILLED += ["merge_threshold=0.8,0.9", "--seeds", "60", "--episodes", "20", "--batch", "64", "--every", "10"]
KILLED += ["--checkpoint-every", "0", "--quiet"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


def command(cache, out):
    start = [sys.executable, "-P", "-m", "procmem_jax", "sweep", *KILLED]
    return [*start, "--compilation-cache", str(cache), "--out", str(out)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, cache):
    """The files of an undisturbed sweep, and how long it took with warm programs (s)."""
    for name in ("cold", "warm"):
        out, started = tmp_path_factory.mktemp(name) / "out", time.monotonic()
        subprocess.run(command(cache, out), check=True, capture_output=True)
    return result_files(out), time.monotonic() - started


def result_files(out: pathlib.Path):
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.parquet")}


def kill_until_done(cache, out, moments):
    """Kills the sweep after each of `moments` (s), and finishes it."""
    for seconds in moments:
        process = subprocess.Popen(command(cache, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    subprocess.run(command(cache, out), check=True, capture_output=True)


@pytest.mark.slow  # quick are a sweep stopped between chunks, and a training command that is killed
@pytest.mark.parametrize("seed", rest_exhaustive(range(7)))
def test_killed_three_times_at_random_moments_a_sweep_ends_in_the_same_files(tmp_path, cache, undisturbed, seed):
    files, seconds = undisturbed
    generator = random.Random(seed)
    kill_until_done(cache, tmp_path / "out", [generator.uniform(0.3, 1.0) * seconds for _ in range(3)])
    assert result_files(tmp_path / "out") == files and len(files) >= 3
