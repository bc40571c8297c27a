"""Streams that fail, and those that lack characters."""

import io
import subprocess
import sys

import pytest

from procmem_jax.cli.reports.streams import unfailing_streams


class Full(io.StringIO):
    def flush(self):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("encoding", "text"), [("utf-8", "→ é – ∞ 技"), ("latin-1", "> é - inf ?"), ("ascii", "> e - inf ?")]
)
def test_characters_that_a_terminal_lacks_are_replaced(monkeypatch, encoding, text):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    with unfailing_streams():
        print("→ é – ∞ 技", end="")
    assert raw.getvalue().decode(encoding) == text


@pytest.mark.parametrize("stream", [Full(), None])
def test_a_failure_is_kept_and_nothing_is_raised(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    with unfailing_streams() as (out, err):
        print("a word", flush=True)
        print("another", flush=True)
    assert (out.error is None, err.error) == (stream is None, None)
    assert sys.stdout is stream


LIBRARY = """
import os, sys
from procmem_jax.cli.reports.streams import silence_libraries, unfailing_streams
print("before")
with unfailing_streams():
    print("first")
    silence_libraries()
    os.write(1, b"[Gloo] Rank 0\\n")
    print("second")
print("after", flush=True)
os.write(1, b"last")
"""


def test_only_python_writes_to_stdout_when_libraries_are_silenced():
    told = subprocess.run([sys.executable, "-P", "-c", LIBRARY], capture_output=True, encoding="utf-8", check=True)
    assert (told.stdout, told.stderr) == ("before\nfirst\nsecond\nafter\nlast", "")
