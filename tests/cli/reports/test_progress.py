"""What commands tell on their way, in a log and on a terminal."""

import io
import re
import sys

import pytest

from procmem_jax.cli.reports import progress as progress_module
from procmem_jax.cli.reports.loading import loading
from procmem_jax.cli.reports.progress import ProgressBar, duration
from procmem_jax.experiments.training.driver import Progress

WHAT = "about 6 s (DefaultMemory, 64 agents at once)"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds, for the test to put forward."""
    seconds = [100.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: seconds[0])
    return seconds


def play(bar, clock, *, before=0, compiling=500, episodes=1000):
    """A run that compiles for long, and then finishes 10 episodes a second."""
    with bar:
        bar.on_progress(Progress("compiling", 0, episodes, WHAT))
        clock[0] += compiling
        for finished in range(before, episodes + 1, 10):
            clock[0] += 1
            bar.on_progress(Progress("running", finished, episodes))


def test_a_log_tells_what_is_compiled_and_then_how_long_it_takes(capsys, clock):
    play(ProgressBar(1000), clock)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and lines[0] == f"procmem: compiling, {WHAT}"
    assert lines[1] == "procmem: 100 of 1,000 episodes (10%), about 90 s left"
    assert lines[-1].startswith("procmem: 1,000 of 1,000 episodes (100%)") and len(lines) == 11


def test_what_a_checkpoint_brought_took_no_time(capsys, clock):
    play(ProgressBar(1000), clock, before=500)
    assert "procmem: 600 of 1,000 episodes (60%), about 40 s left" in capsys.readouterr().err


def test_quiet_is_quiet(capsys, clock):
    play(ProgressBar(1000, show=False), clock)
    assert capsys.readouterr() == ("", "")


def test_the_time_left_on_a_terminal_does_not_count_compilation(monkeypatch, clock):
    """tqdm has a clock of its own."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = ProgressBar(1000)
    monkeypatch.setattr(bar._bar, "_time", lambda: clock[0])
    bar._bar.start_t = bar._bar.last_print_t = clock[0]
    play(bar, clock, episodes=500)
    shown = sys.stderr.getvalue()
    assert f"compiling, {WHAT}" in shown
    left = re.findall(r"running:.*?(\d+)/1.00k .*?<(\d+):(\d+)", shown)
    _, minutes, seconds = left[-1]
    assert 45 <= 60 * int(minutes) + int(seconds) <= 55


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (119, "119 s"), (150, "2.5 min"), (9000, "2.5 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_loading_is_told_on_a_terminal_alone(capsys, monkeypatch):
    with loading():
        pass
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with loading(show=False):
        pass
    assert sys.stderr.getvalue() == ""
    with loading():
        assert sys.stderr.getvalue() == "procmem: loading jax\r"
    assert sys.stderr.getvalue().rpartition("\r")[0].rpartition("\r")[2].isspace()  # wiped out
