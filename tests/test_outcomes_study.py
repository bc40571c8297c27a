"""The script that goes through the memory's switches for outcomes: a tiny run of it."""

import sys

import pytest

import outcomes_study


@pytest.mark.slow
def test_a_tiny_run(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["outcomes_study.py", "--quick", "--agents", "2", "--only", "random-5"])
    outcomes_study.main()
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("| world, measure, episodes | switches | last 20 episodes |")
    assert [row.split(" | ")[1] for row in rows] == ["neither", "`deaths_teach`, `progress`"]
    assert rows[0].startswith("| random-5, steps, 2 |")
