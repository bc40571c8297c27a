"""Damaged checkpoints: every damage found, the one before used, and no other trouble taken for damage."""

import errno
import pathlib

import numpy as np
import pytest

from experiments.checkpoint_steps import FILES, assert_step_loaded, names_in, save_steps, step_arrays
from procmem_jax.experiments.storage import checkpoints
from procmem_jax.experiments.storage.checkpoints import load_checkpoint, save_checkpoint


def flips(content: bytes, generator: np.random.Generator) -> list[bytes]:
    damaged = []
    for place in generator.integers(0, len(content), 50):
        changed = bytearray(content)
        changed[place] ^= int(generator.integers(1, 256))
        damaged.append(bytes(changed))
    return damaged


def cuts(content: bytes, generator: np.random.Generator) -> list[bytes]:
    return [content[:place] for place in [0, len(content) - 1, *generator.integers(0, len(content), 48)]]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [flips, cuts])
def test_every_damage_is_found_and_the_one_before_used(tmp_path, file, damage):
    before, newest = save_steps(tmp_path, 2)
    whole = (newest / file).read_bytes()
    for content in damage(whole, np.random.default_rng(7)):
        (newest / file).write_bytes(content)
        loaded = load_checkpoint(tmp_path)
        assert loaded.checkpoint.path == before
        assert loaded.damaged.keys() == {newest} and file in loaded.damaged[newest]
        assert "\n" not in loaded.damaged[newest]
    (newest / file).write_bytes(whole)
    assert load_checkpoint(tmp_path).checkpoint.path == newest


def test_every_byte_of_the_manifest_counts(tmp_path):
    before, newest = save_steps(tmp_path, 2)
    manifest = newest / checkpoints.MANIFEST_FILE
    whole = manifest.read_bytes()
    for place in range(len(whole)):
        for bit in (0x01, 0x20):  # the second turns "a" into "A", and a space into a NUL
            manifest.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            assert load_checkpoint(tmp_path).checkpoint.path == before
    for same_meaning in (whole + b"\n", whole[:-1], whole.replace(b"\n", b"\r\n"), b" " + whole):
        manifest.write_bytes(same_meaning)
        assert load_checkpoint(tmp_path).checkpoint.path == before


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", "null", '"a"', "NaN", '{"sha256": NaN}', "{}"])
def test_foreign_manifests_are_damage(tmp_path, text):
    _, newest = save_steps(tmp_path, 2)
    (newest / checkpoints.MANIFEST_FILE).write_text(text)
    assert_step_loaded(tmp_path, 0)


@pytest.mark.parametrize("files", [FILES[:1], FILES[1:], FILES])
def test_files_swapped_between_checkpoints_are_found(tmp_path, files):
    first, second = save_steps(tmp_path, 2)
    for name in files:
        theirs, ours = (first / name).read_bytes(), (second / name).read_bytes()
        (first / name).write_bytes(ours)
        (second / name).write_bytes(theirs)
    loaded = load_checkpoint(tmp_path)
    assert loaded.checkpoint is None
    assert list(loaded.damaged) == [second, first]


@pytest.mark.parametrize("file", FILES)
def test_missing_files_are_damage(tmp_path, file):
    _, newest = save_steps(tmp_path, 2)
    (newest / file).unlink()
    assert load_checkpoint(tmp_path).damaged == {newest: f"{file} cannot be read (No such file or directory)"}
    (newest / file).mkdir()
    assert load_checkpoint(tmp_path).damaged == {newest: f"{file} cannot be read (Is a directory)"}
    assert_step_loaded(tmp_path, 0)


def test_a_file_in_the_place_of_a_checkpoint_is_damage(tmp_path):
    (tmp_path / "checkpoint-00000004").write_text("mine")
    loaded = load_checkpoint(tmp_path)
    assert loaded.checkpoint is None and "Not a directory" in loaded.damaged[tmp_path / "checkpoint-00000004"]
    assert save_steps(tmp_path, 1)[0].name == "checkpoint-00000005"


def test_trouble_of_the_machine_is_not_taken_for_damage(tmp_path, monkeypatch):
    save_steps(tmp_path, 2)

    def refuse(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "read_bytes", refuse)
    with pytest.raises(PermissionError):
        load_checkpoint(tmp_path)


def test_a_failing_disk_is_damage(tmp_path, monkeypatch):
    before, newest = save_steps(tmp_path, 2)
    real = checkpoints._file_hash

    def fail_for_newest(path):
        if path.parent == newest:
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    monkeypatch.setattr(checkpoints, "_file_hash", fail_for_newest)
    loaded = load_checkpoint(tmp_path)
    assert loaded.checkpoint.path == before
    assert loaded.damaged == {newest: "a file cannot be read (Input/output error)"}


def test_the_damaged_do_not_count_among_the_last_two(tmp_path):
    before, newest = save_steps(tmp_path, 2)
    (newest / checkpoints.ARRAYS_FILE).write_bytes(b"")
    damaged = load_checkpoint(tmp_path).damaged
    after = save_checkpoint(tmp_path, step_arrays(2), {"step": 2}, damaged=damaged)
    assert names_in(tmp_path) == [before.name, after.name]
    (after / checkpoints.ARRAYS_FILE).write_bytes(b"")
    assert_step_loaded(tmp_path, 0)


def test_all_damaged_is_told_and_a_new_start_possible(tmp_path):
    for path in save_steps(tmp_path, 3)[1:]:
        (path / checkpoints.MANIFEST_FILE).write_text("{")
    loaded = load_checkpoint(tmp_path)
    assert loaded.checkpoint is None and len(loaded.damaged) == 2
    save_checkpoint(tmp_path, step_arrays(8), {"step": 8}, damaged=loaded.damaged)
    assert names_in(tmp_path) == ["checkpoint-00000004"]
    assert_step_loaded(tmp_path, 8)


def test_a_schema_from_the_future_is_an_error(tmp_path, monkeypatch):
    save_steps(tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "SCHEMA", 2)
        save_checkpoint(tmp_path, step_arrays(1), {"step": 1})
    with pytest.raises(
        ValueError, match="00000002: schema=2 is not 1, the one this version reads; install the version"
    ):
        load_checkpoint(tmp_path)
