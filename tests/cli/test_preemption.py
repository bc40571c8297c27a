"""Commands that are told to end at random moments, from the start of the process to its end."""

import json
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from procmem_jax.experiments.storage.checkpoints import load_checkpoint
from quick import rest_exhaustive

COMMON = ["--task", "random-5", "--preset", "tutorial", "--explorer", "random", "--episodes", "60", "--quiet"]
COMMANDS = {
    "train": ["train", *COMMON, "--agents", "64"],
    "sweep": [
        "sweep",
        *COMMON,
        "--grid",
        "capacity=8,4",
        "merge_threshold=0.8,0.9",
        "--seeds",
        "20",
        "--batch",
        "20",
    ],
}
NUMBERS = {"train": signal.SIGTERM, "sweep": signal.SIGINT}


def command(name, cache, out):
    interpreter = [sys.executable, "-P", "-m", "procmem_jax"]
    return [*interpreter, *COMMANDS[name], "--compilation-cache", str(cache), "--out", str(out)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="module", params=COMMANDS)
def undisturbed(request, tmp_path_factory, cache):
    """(name, files, seconds with warm programs) of a command that nobody disturbs."""
    for temperature in ("cold", "warm"):
        out, started = tmp_path_factory.mktemp(temperature) / "out", time.monotonic()
        subprocess.run(command(request.param, cache, out), check=True, capture_output=True)
    return request.param, result_files(out), time.monotonic() - started


def result_files(out: pathlib.Path):
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.parquet")}
    return files | {path.name: path.read_bytes() for path in out.glob("metrics.jsonl")}


def start(arguments):
    """A process that a Ctrl-C reaches, even if this one is a job in the background, whose children ignore it."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, handler)


def is_before_a_program(out):
    """Whether the newest checkpoint was written just before a program was compiled, so that it holds all there was."""
    return load_checkpoint(out / "checkpoints").checkpoint.content["content"]["width"] is None


@pytest.mark.slow  # quick are signals within a process, between any two chunks
@pytest.mark.parametrize("index", [4, *rest_exhaustive((0, 1, 2, 6, 8), 0)])  # tenths of the command's time
def test_no_more_than_a_chunk_is_lost(tmp_path, cache, undisturbed, index):
    name, files, seconds = undisturbed
    number, out = NUMBERS[name], tmp_path / "out"
    moment = (index + random.Random(index).random()) / 10 * seconds
    process = start(command(name, cache, out))
    time.sleep(moment)
    process.send_signal(number)
    started = time.monotonic()
    _, err = process.communicate(timeout=300)
    assert time.monotonic() - started < max(10, seconds / 4)  # on a busy machine
    finished, kept = (out / "summary.json").exists(), len(list(out.glob("checkpoints/*.npz")))
    if process.returncode == 128 + number and "stopped by" in err:
        assert err.startswith(f"procmem: stopped by {number.name}: ") and err.count("\n") == 1
        assert finished or kept in (1, 2)  # the one before is kept as well
    elif process.returncode != 0:  # the signal acted at once: there was nothing to lose, or everything is stored
        assert process.returncode in (-number, 128 + number) and "Traceback" not in err
        assert finished or (is_before_a_program(out) if kept else not result_files(out))
    else:
        assert finished
    subprocess.run(command(name, cache, out), check=True, capture_output=True)
    assert result_files(out) == files
    assert json.loads((out / "summary.json").read_text()) and not (out / "checkpoints").exists()
