"""A run is never lost for what comes after it."""

import os
import pathlib
import subprocess
import sys

import pytest

from command_line import SMALL, run
from procmem_jax.cli.parsing.names import default_folder
from procmem_jax.cli.reports import run as run_report
from procmem_jax.figures import training as training_figure
from quick import quick_first, rest_exhaustive

STORED = ["config.json", "episodes.parquet", "libraries.npz", "metrics.jsonl", "summary.json"]


@pytest.fixture(autouse=True)
def own_home(in_an_empty_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def fail(*given, **options):
    raise KeyError("something")


@pytest.mark.parametrize(
    ("module", "name", "what"),
    quick_first([(training_figure, "plot_run", "the figure"), (run_report, "closing_report", "the closing report")]),
)
def test_a_failure_after_the_results_is_a_warning(capsys, monkeypatch, module, name, what):
    monkeypatch.setattr(module, name, fail)
    status, out, err = run(capsys, *SMALL, "--out", "here")
    warning = f"procmem: warning: {what} could not be made ('something'); the results are stored\n"
    assert (status, err) == (0, warning)
    assert set(STORED) <= set(os.listdir("here")) and "Results in here" in out


@pytest.mark.parametrize(("out", "where"), quick_first([("run:1", "run:1"), ("~", "home")]))
def test_a_folder_has_the_name_that_was_given(capsys, out, where):
    assert run(capsys, *SMALL, "--out", out)[::2] == (0, "")
    assert set(STORED) <= set(os.listdir(where))
    assert run(capsys, "plot", out)[::2] == (0, "")


def test_the_default_folder_is_one_everywhere():
    assert default_folder("sweep", "xland:MiniGrid-DoorKey-5x5", "default", 3) == (
        "runs/sweep-xland-MiniGrid-DoorKey-5x5-default-3"
    )
    assert default_folder("my.package:World", "a/b", 0) == "runs/my.package-World-a-b-0"


@pytest.mark.parametrize("reward", ["step_reward=1e38", "goal_reward=-1e38", "door_reward=1e29"])
def test_what_cannot_be_stored_is_refused_first(capsys, tmp_path, reward):
    status, out, err = run(capsys, *SMALL, "--set", reward)
    assert (status, out, err.count("\n")) == (2, "", 1) and reward.split("=")[0] in err
    assert os.listdir(tmp_path) == []


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    """The words of a small run that shares its compiled programs with the others."""
    return [*SMALL, "--compilation-cache", str(tmp_path_factory.mktemp("programs"))]


def command(*arguments, **options):
    start = [sys.executable, "-P", "-m", "procmem_jax"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "", **options.pop("environment", {})}
    return subprocess.run([*start, *arguments], timeout=300, env=environment, text=True, **options)


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="a device that Linux has")
def test_what_only_prints_says_that_it_could_not():
    with open("/dev/full", "w") as full:
        done = command("tasks", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and done.stderr.startswith("procmem: error: stdout: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shell", "warnings"),
    [
        ("> /dev/full", 1),
        ("2> /dev/full", 0),
        ("| head -1", 0),
        ("2>&1 | head -c 1", 0),
        (">&-", 0),
        (">&- 2>&-", 0),
        ("< /dev/null", 0),
    ],
)
def test_a_run_outlives_its_output(cached, shell, warnings):
    line = " ".join([sys.executable, "-P", "-m", "procmem_jax", *cached, "--out", "here", shell])
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr.count("\n"), "Traceback" in done.stderr) == (0, warnings, False)
    assert {*STORED, "training.png"} == set(os.listdir("here"))


@pytest.mark.slow
@pytest.mark.parametrize("encoding", rest_exhaustive(["ascii", "latin-1", "cp1252"]))
def test_terminals_without_arrows(cached, encoding):
    environment = {"PYTHONIOENCODING": encoding, "MPLBACKEND": "foo"}
    for arguments in (
        [*cached, "--out", "here"],
        ["train", "--help"],
        ["replay", "here", "--text", "--quiet"],
        ["presets"],
    ):
        done = command(*arguments, capture_output=True, environment=environment, encoding=encoding)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout
    assert (pathlib.Path("here") / "training.png").exists()


@pytest.mark.slow
def test_a_device_that_is_not_there():
    done = command(*SMALL, capture_output=True, environment={"JAX_PLATFORMS": "cuda"})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("procmem: error: JAX_PLATFORMS=cuda: jax finds no such device")
