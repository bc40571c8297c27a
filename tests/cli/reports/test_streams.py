"""Streams that fail, and those that lack characters."""

import io
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
