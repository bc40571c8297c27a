"""Colour: on a terminal alone, and not where it is unwanted."""

import io
import re

import pytest

from procmem_jax.cli.main import main
from procmem_jax.cli.reports.colour import RED, coloured
from procmem_jax.cli.reports.run import _headline

SUMMARY = {
    "num_episodes": 4,
    "num_agents": 8,
    "episodes": {},
}
BOUNDS = {"value": 0.5, "low": 0.25, "high": None}
HEADLINE = {"episodes": 2, **{f"{first}{name}": BOUNDS for name in ("success", "steps") for first in ("", "first_")}}


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def a_terminal_with_colours(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("WT_SESSION", "1")  # Windows
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize(
    ("stream", "name", "value", "is_coloured"),
    [
        (Terminal(), "NO_COLOR", "", True),
        (Terminal(), "NO_COLOR", "1", False),
        (Terminal(), "TERM", "dumb", False),
        (io.StringIO(), "TERM", "xterm", False),
    ],
)
def test_where_there_is_colour(monkeypatch, stream, name, value, is_coloured):
    monkeypatch.setenv(name, value)
    assert coloured("text", RED, stream) == ("\x1b[1;31mtext\x1b[0m" if is_coloured else "text")


def test_an_error_is_red(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with pytest.raises(SystemExit):
        main(["tran"])
    assert terminal.getvalue().startswith("procmem: \x1b[1;31merror\x1b[0m: ")


def test_a_headline_says_the_same_in_colour(monkeypatch):
    plain = _headline(SUMMARY, HEADLINE)
    monkeypatch.setattr("sys.stdout", Terminal())
    shown = _headline(SUMMARY, HEADLINE)
    assert all("\x1b[" in line for line in shown)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown] == plain
