"""Files that are whole or absent."""

import errno
import os
import pathlib
import subprocess
import sys

import pytest

from procmem_jax.experiments.storage.files import (
    DamagedError,
    is_aside,
    json_text,
    read_json,
    remove_asides,
    write_json,
    write_whole,
)


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, error):
    path = tmp_path / "table"

    def write(aside: pathlib.Path):
        aside.write_text("half of")
        raise error("in the middle")

    path.write_text("old")
    with pytest.raises(error, match="in the middle"):
        write_whole(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_whole_file_replaces_the_old(tmp_path):
    path = tmp_path / "table"
    for text in ("first", "second"):
        write_whole(path, lambda aside, text=text: aside.write_text(text))
        assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_json(tmp_path / "nowhere" / "a.json", {})


def test_json_goes_there_and_back(tmp_path):
    path = tmp_path / "a.json"
    content = {"name": "ünï", "numbers": [1, 0.1, None, True]}
    write_json(path, content)
    assert read_json(path) == content
    assert path.read_text(encoding="utf-8").endswith("}\n")


def test_numbers_that_json_has_not_are_null_in_results_and_refused_elsewhere(tmp_path):
    write_json(tmp_path / "a.json", {"mean": float("nan"), "bounds": [1.5, float("inf")]})
    assert read_json(tmp_path / "a.json") == {"mean": None, "bounds": [1.5, None]}
    with pytest.raises(ValueError):
        json_text({"mean": float("nan")})


@pytest.mark.parametrize("damage", [b"", b"{", b'{"a": 1', b"\xff", b"nonsense"])
def test_damaged_json_is_named(tmp_path, damage):
    path = tmp_path / "a.json"
    path.write_bytes(damage)
    with pytest.raises(ValueError, match=r"a\.json: cannot be read as JSON"):
        read_json(path)


def test_json_that_is_no_object_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[1]")
    with pytest.raises(ValueError, match=r"a\.json: holds a list, not an object"):
        read_json(path)
    with pytest.raises(ValueError, match="cannot be read as JSON"):
        read_json(tmp_path)


def test_a_full_disk_is_told_with_the_file_and_what_to_do(tmp_path):
    def write(aside):
        aside.write_text("half of")
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "table"
    path.write_text("old")
    with pytest.raises(OSError) as caught:
        write_whole(path, write)
    why = "cannot be written (No space left on device); what was there before is intact"
    assert str(caught.value) == f"[Errno 28] {path} {why}: make room, then give the command again"
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_what_is_nested_too_deep_is_one_line(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DamagedError, match=r"a\.json: cannot be read as JSON .nested too deep"):
        read_json(tmp_path / "a.json")


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    (tmp_path / "parts").mkdir()
    left = [tmp_path / f".a.json.{done.pid}", tmp_path / "parts" / f".runs-00000.parquet.{os.getpid()}"]
    kept = [
        tmp_path / f".a.json.{os.getppid()}",
        tmp_path / ".hidden",
        tmp_path / ".a.json",
        tmp_path / f"a.{done.pid}",
    ]
    for path in [*left, *kept]:
        path.write_text("x")
    assert all(is_aside(path.name) for path in left)
    remove_asides(tmp_path)
    assert not any(path.exists() for path in left) and all(path.exists() for path in kept)
