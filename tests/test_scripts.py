"""Every script tells what it is for, and the shell's are free of syntax errors."""

import pathlib
import subprocess
import sys

import pytest

from quick import quick_first

SCRIPTS = pathlib.Path(__file__).parents[1] / "scripts"
PYTHON_SCRIPTS = sorted(SCRIPTS.glob("*.py"))
SHELL_SCRIPTS = sorted(SCRIPTS.glob("*.sh"))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_scripts_are_found():
    assert {path.name for path in PYTHON_SCRIPTS} >= {"benchmark.py", "replay_tutorial.py"}
    assert {path.name for path in SHELL_SCRIPTS} >= {"demo.sh", "setup.sh", "test.sh"}


@pytest.mark.parametrize("path", quick_first(PYTHON_SCRIPTS), ids=lambda path: path.name)
def test_help_of_python_scripts(path):
    done = run(sys.executable, "-P", path, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert path.name in done.stdout
    assert len(done.stdout.splitlines()) >= 3


@pytest.mark.parametrize("path", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_shell_scripts_can_be_read(path):
    done = run("bash", "-n", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in path.read_text()


def test_help_of_the_test_script():
    done = run("bash", SCRIPTS / "test.sh", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for option in ("--all", "--exhaustive", "--extras", "--python"):
        assert option in done.stdout
    done = run("bash", SCRIPTS / "test.sh", "--fast")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown option '--fast'" in done.stderr
