"""Several processes as one program: what they tell each other, and that results are those of one process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from command_line import one_device_each
from procmem_jax.experiments import processes
from procmem_jax.experiments.processes import entered_by_first, from_first, join_processes
from quick import rest_exhaustive

TUTORIAL = ["--task", "random-5", "--preset", "tutorial", "--explorer", "random"]  # compiles in half the time
ARGUMENTS = {
    "sweep": ["sweep", *TUTORIAL, "--grid", "merge_threshold=0.5,0.9", "--seeds", "40", "--episodes", "30"],
    "train": ["train", "--task", "random-5", "--agents", "50", "--episodes", "12"],
}
FILES = {
    "sweep": ["parts/episodes-00000.parquet", "parts/runs-00000.parquet", "summary.parquet"],
    "train": ["episodes.parquet", "libraries.npz", "metrics.jsonl"],
}
TALK = """
import contextlib, sys
import jax, numpy as np
from procmem_jax.experiments import processes
from procmem_jax.experiments.training.lane_programs import Placement
from procmem_jax.experiments.training.lanes import LANE_MULTIPLE, lane_width, usable_devices

processes._BLOCK_BYTES = 64
jax.config.update("jax_num_cpu_devices", 2)
processes.join_processes(True, sys.argv[1], 2, int(sys.argv[2]))
me = jax.process_index()
for size in (0, 1, 63, 64, 65, 1000):
    said = processes.from_first(lambda: {"process": me, "bytes": b"x" * size})
    assert said == {"process": 0, "bytes": b"x" * size}, said
asked = []
with contextlib.suppress(KeyError):
    processes.from_first(lambda: asked.append(me) or {}["nothing"])
    raise AssertionError("the error of the first process did not reach this one")
assert asked == ([0] if me == 0 else [])
held = []
with processes.entered_by_first(contextlib.nullcontext(held.append(me))):
    pass
assert processes.is_first() == (me == 0)
devices = jax.devices()
assert len(devices) == 4 and processes.spans_processes(devices)
assert not processes.spans_processes(jax.local_devices())
width = lane_width(3, 1000, devices)
assert width == 4 * LANE_MULTIPLE and usable_devices(devices, width) == devices
numbers = np.arange(width, dtype=np.int32)
there = Placement(tuple(devices)).put(numbers, is_split=True)
assert not there.is_fully_addressable and there.addressable_shards[0].data.shape == (LANE_MULTIPLE,)
np.testing.assert_array_equal(processes.to_host(there), numbers)
try:
    usable_devices(devices, LANE_MULTIPLE)
except ValueError as error:
    assert "cannot be shared by 4 devices" in str(error)
else:
    raise AssertionError("too few lanes were accepted")
print("well")
"""


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


def start(command):
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=one_device_each(),
        start_new_session=True,
    )


def start_two(*arguments):
    """Two processes of one program, the second first."""
    address = f"localhost:{free_port()}"
    flags = ["--distributed", "--coordinator", address, "--num-processes", "2", "--process-id"]
    command = [sys.executable, "-P", "-m", "procmem_jax", *arguments, "--quiet", *flags]
    return [start([*command, str(number)]) for number in (1, 0)]


def finish(programs, status=0):
    """What they wrote to (stdout, stderr), the first process last."""
    told = [program.communicate(timeout=300) for program in programs]
    assert [program.returncode for program in programs] == [status] * len(programs), told
    return told


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folders of both commands in one process."""
    folder = tmp_path_factory.mktemp("alone")
    for kind, arguments in ARGUMENTS.items():
        finish([start([sys.executable, "-P", "-m", "procmem_jax", *arguments, "--out", str(folder / kind), "--quiet"])])
    return folder


def config_of(folder):
    """A folder's `config.json` without the sums of what holds seconds: the summary, and with it the config itself."""
    config = json.loads((folder / "config.json").read_text())
    assert config["sha256"].pop("summary.json") and config.pop("own_sha256")
    return config


def assert_same_files(kind, folder, expected):
    assert config_of(folder) == config_of(expected / kind)
    for name in FILES[kind]:
        assert (folder / name).read_bytes() == (expected / kind / name).read_bytes(), name
    assert not list(folder.rglob(".lock")) and not (folder / "checkpoints").exists()


@pytest.mark.slow
def test_processes_agree(tmp_path):
    (tmp_path / "talk.py").write_text(TALK)
    address = f"localhost:{free_port()}"
    told = finish([start([sys.executable, "-P", str(tmp_path / "talk.py"), address, str(me)]) for me in (0, 1)])
    assert all("well" in out for out, _ in told)


@pytest.mark.exhaustive  # the README's example, which its own test runs, is a quick one
@pytest.mark.parametrize("kind", ["sweep", "train"])
def test_two_processes_leave_the_files_of_one(kind, alone, tmp_path):
    (out, err), (first_out, first_err) = finish(start_two(*ARGUMENTS[kind], "--out", str(tmp_path / "two")))
    assert_same_files(kind, tmp_path / "two", alone)
    assert f"Results in {tmp_path / 'two'}" in first_out and "Results" not in out + err
    assert "Gloo" not in out + err + first_out + first_err


@pytest.mark.slow
@pytest.mark.parametrize("kind", rest_exhaustive(["sweep", "train"]))
def test_killed_processes_go_on(kind, alone, tmp_path):
    folder = tmp_path / "two"
    arguments = [*ARGUMENTS[kind], "--out", str(folder), "--checkpoint-every", "0"]
    programs = start_two(*arguments)
    deadline = time.monotonic() + 120
    while not list(folder.glob("checkpoints/checkpoint-*.npz")):
        assert time.monotonic() < deadline and programs[1].poll() is None
        time.sleep(0.005)
    for program in programs:
        os.killpg(program.pid, signal.SIGKILL)
        program.communicate()
    assert not (folder / "summary.json").exists()
    told = finish(start_two(*arguments))
    assert "warning" not in told[1][1]
    assert_same_files(kind, folder, alone)


@pytest.mark.slow
def test_what_the_first_refuses_all_refuse(alone, tmp_path):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "notes.txt").write_text("mine")
    for _, err in finish(start_two(*ARGUMENTS["sweep"], "--out", str(tmp_path / "sweep")), status=2):
        assert "procmem: error: " in err and "Traceback" not in err
    assert [path.name for path in (tmp_path / "sweep").iterdir()] == ["notes.txt"]


def test_alone_the_first_is_asked():
    assert from_first(lambda: 7) == 7
    with pytest.raises(KeyError):
        from_first(lambda: {}["nothing"])
    held = []

    class Context:
        def __enter__(self):
            held.append("entered")

        def __exit__(self, *_):
            held.append("left")

    with entered_by_first(Context()):
        assert held == ["entered"]
    assert held == ["entered", "left"]
    assert processes.is_first()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((False, "localhost:1234", None, None), "mean nothing without --distributed"),
        ((False, None, None, 0), "mean nothing without --distributed"),
        ((True, "localhost:1234", None, None), "belong together"),
        ((True, "localhost:1234", 2, None), "belong together"),
        ((True, "localhost", 2, 0), "coordinator='localhost' is no address"),
        ((True, ":1234", 2, 0), "is no address"),
        ((True, "localhost:0", 2, 0), "is no address"),
        ((True, "localhost:70000", 2, 0), "is no address"),
        ((True, "localhost:1234", 2, 2), "process_id=2 is not one of 0 to num_processes - 1 = 1"),
        ((True, "localhost:1234", 0, 0), "is not one of"),
        ((True, "localhost:1234", 2, -1), "is not one of"),
    ],
)
def test_bad_addresses(arguments, message):
    with pytest.raises(ValueError) as caught:
        join_processes(*arguments)
    assert message in str(caught.value)


def test_nothing_is_joined_alone():
    join_processes(False, None, None, None)
