"""Damaged checkpoints: every damage found, the one before used, and no other trouble taken for damage."""

import errno
import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from experiments.checkpoint_steps import assert_step_loaded, names_in, plain_name, save_steps, step_arrays
from procmem_jax.experiments.storage import checkpoints
from procmem_jax.experiments.storage.checkpoints import load_checkpoint, save_checkpoint


def single_bits(content: bytes) -> Iterator[bytes]:
    for place in range(8 * len(content)):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        yield bytes(changed)


def cuts(content: bytes) -> Iterator[bytes]:
    return (content[:length] for length in range(len(content)))


def wild_bytes(content: bytes) -> Iterator[bytes]:
    generator = np.random.default_rng(7)
    for place in generator.integers(0, len(content), 50):
        changed = bytearray(content)
        changed[place] ^= int(generator.integers(1, 256))
        yield bytes(changed)


def additions(content: bytes) -> Iterator[bytes]:
    return iter((content + b"\n", content + b"\0", b" " + content, content + content))


@pytest.mark.parametrize(
    ("damage", "every"),
    [
        (single_bits, 97),  # comes to every place in a byte
        pytest.param(single_bits, 1, marks=pytest.mark.slow),
        (cuts, 1),
        (wild_bytes, 1),
        (additions, 1),
    ],
)
def test_every_damage_is_found_and_the_one_before_used(tmp_path, damage, every):
    before, newest = save_steps(tmp_path, 2)
    whole = newest.read_bytes()
    for content in itertools.islice(damage(whole), 0, None, every):
        newest.write_bytes(content)
        loaded = load_checkpoint(tmp_path)
        assert loaded.checkpoint.path == before
        assert loaded.damaged == {newest: "does not match the sha256 in its name"}
    newest.write_bytes(whole)
    assert load_checkpoint(tmp_path).checkpoint.path == newest


def test_files_swapped_between_checkpoints_are_found(tmp_path):
    first, second = save_steps(tmp_path, 2)
    theirs, ours = first.read_bytes(), second.read_bytes()
    first.write_bytes(ours)
    second.write_bytes(theirs)
    loaded = load_checkpoint(tmp_path)
    assert loaded.checkpoint is None
    assert list(loaded.damaged) == [second, first]


def test_a_name_without_its_file_is_damage(tmp_path):
    _, newest = save_steps(tmp_path, 2)
    newest.unlink()
    newest.symlink_to(tmp_path / "gone")
    assert load_checkpoint(tmp_path).damaged == {newest: "cannot be read (No such file or directory)"}
    newest.unlink()
    newest.mkdir()
    assert load_checkpoint(tmp_path).damaged == {newest: "cannot be read (Is a directory)"}
    assert_step_loaded(tmp_path, 0)
    assert plain_name(save_steps(tmp_path, 1)[0]) == "checkpoint-00000003"


def test_trouble_of_the_machine_is_not_taken_for_damage(tmp_path, monkeypatch):
    save_steps(tmp_path, 2)

    def refuse(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(checkpoints, "_file_hash", refuse)
    with pytest.raises(PermissionError):
        load_checkpoint(tmp_path)


def test_a_failing_disk_is_damage(tmp_path, monkeypatch):
    before, newest = save_steps(tmp_path, 2)
    real = checkpoints._file_hash

    def fail_for_newest(path):
        if path == newest:
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    monkeypatch.setattr(checkpoints, "_file_hash", fail_for_newest)
    loaded = load_checkpoint(tmp_path)
    assert loaded.checkpoint.path == before
    assert loaded.damaged == {newest: "cannot be read (Input/output error)"}


def test_the_damaged_do_not_count_among_the_last_two(tmp_path):
    before, newest = save_steps(tmp_path, 2)
    newest.write_bytes(b"")
    damaged = load_checkpoint(tmp_path).damaged
    after = save_checkpoint(tmp_path, step_arrays(2), {"step": 2}, damaged=damaged)
    assert names_in(tmp_path) == [plain_name(before), plain_name(after)]
    after.write_bytes(b"")
    assert_step_loaded(tmp_path, 0)


def test_all_damaged_is_told_and_a_new_start_possible(tmp_path):
    for path in save_steps(tmp_path, 3)[1:]:
        path.write_text("{")
    loaded = load_checkpoint(tmp_path)
    assert loaded.checkpoint is None and len(loaded.damaged) == 2
    save_checkpoint(tmp_path, step_arrays(8), {"step": 8}, damaged=loaded.damaged)
    assert names_in(tmp_path) == ["checkpoint-00000004"]
    assert_step_loaded(tmp_path, 8)


def test_a_schema_from_the_future_is_an_error(tmp_path, monkeypatch):
    save_steps(tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "SCHEMA", 3)
        save_checkpoint(tmp_path, step_arrays(1), {"step": 1})
    with pytest.raises(
        ValueError, match=r"00000002-\w+\.npz: schema=3 is not 2, the one this version reads; install the version"
    ):
        load_checkpoint(tmp_path)
