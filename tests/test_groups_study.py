"""The script that compares groups with agents on their own: a tiny run of it."""

import sys

import pytest

import groups_study


@pytest.mark.slow
def test_a_tiny_run(capsys, monkeypatch):
    arguments = ["groups_study.py", "--quick", "--agents", "4", "--sizes", "1", "2", "--only", "random-8"]
    monkeypatch.setattr(sys, "argv", arguments)
    groups_study.main()
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("| world, episodes | group of | first 40: success, % |")
    assert [row.split(" | ")[1] for row in rows] == ["1", "2"]
    assert rows[0].startswith("| random-8, 2 | 1 |") and rows[1].startswith("|  | 2 |")
