"""The README's examples run as they stand."""

import os
import pathlib
import re
import socket
import subprocess
import sys

import numpy as np
import pytest

from peer_rules import peer_rules

README = pathlib.Path(__file__).parent.parent / "README.md"


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_training_example(capsys):
    block = python_blocks()[0]
    assert len(block.strip().splitlines()) <= 15
    names: dict = {}
    exec(compile(block, str(README), "exec"), names)
    on, off = capsys.readouterr().out.splitlines()
    assert on.startswith("memory on: ") and off.startswith("memory off: ")
    assert names["result"].metrics.steps.shape == (64, 100)
    assert names["skill_counts"].tolist() == [0] * 64  # the last run had its memory off


def test_memory_example_learns_which_skill_works():
    names: dict = {}
    exec(compile(python_blocks()[1], str(README), "exec"), names)
    np.testing.assert_array_equal(names["chosen"], [0] + [1] * 9)
    assert names["library"].success_counts[:2].tolist() == [0, 9]
    assert names["library"].failure_counts[:2].tolist() == [1, 0]


def test_sweep_example(capsys):
    block = python_blocks()[2]
    assert len(block.strip().splitlines()) <= 10
    exec(compile(block, str(README), "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6 and lines[0].startswith("capacity  8, novelty 0.0: ")


def block_with(text: str) -> str:
    (block,) = [block for block in python_blocks() if text in block]
    return block


def test_a_memory_for_another_environment(capsys):
    pytest.importorskip("gymnax")
    block = block_with("pm.with_memory(")
    assert len(block.strip().splitlines()) <= 25
    with peer_rules():
        exec(compile(block, str(README), "exec"), {})
    off, on = (int(re.search(r"(\d+)% caught", line)[1]) for line in capsys.readouterr().out.splitlines())
    assert f"It prints {off}% and {on}%." in README.read_text(encoding="utf-8")
    assert on > 3 * off


@pytest.mark.parametrize(
    ("peer", "text", "name"),
    [("gymnasium", "pm.register_gymnasium()", "rewards"), ("gymnax", "pm.as_gymnax(", "reward")],
)
def test_examples_with_other_tools(peer, text, name):
    pytest.importorskip(peer)
    names: dict = {}
    exec(compile(block_with(text), str(README), "exec"), names)
    assert names[name].shape == ((64,) if peer == "gymnasium" else ())
    assert names["obs"].shape[-1] == 13


def test_two_processes_leave_what_one_leaves(tmp_path):
    text = README.read_text(encoding="utf-8")
    (settings,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    (together,) = (
        block for block in re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL) if "--process-id" in block
    )
    # The README's own port may be taken, if only by another run of this test.
    with socket.socket() as found:
        found.bind(("localhost", 0))
        together, number = re.subn(r"localhost:\d+", f"localhost:{found.getsockname()[1]}", together)
    assert number == 1
    (tmp_path / "sweep.toml").write_text(settings)
    bin_folder = pathlib.Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    where = {"cwd": tmp_path, "env": {**kept, "PATH": f"{bin_folder}{os.pathsep}{kept['PATH']}"}}
    alone = "procmem sweep --config sweep.toml --out runs/one"
    for script in (together, alone):
        done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, timeout=300, **where)
        assert done.returncode == 0, done.stderr
    names = ["config.json", "summary.parquet", "parts/episodes-00000.parquet", "parts/runs-00000.parquet"]
    for name in names:
        assert (tmp_path / "runs/two" / name).read_bytes() == (tmp_path / "runs/one" / name).read_bytes(), name
