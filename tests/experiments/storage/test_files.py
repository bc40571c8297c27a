"""Files that are whole or absent."""

import pathlib

import pytest

from procmem_jax.experiments.storage.files import read_json, write_json, write_whole


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


def test_nan_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"mean": float("nan")})
    assert list(tmp_path.iterdir()) == []


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
