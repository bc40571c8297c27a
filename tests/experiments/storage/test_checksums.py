"""A JSON file that vouches for itself and for the files beside it."""

import hashlib
import json

import numpy as np
import pytest

from procmem_jax.experiments.storage.checksums import check_sums, file_hash, hash_files, read_vouching, write_vouching
from procmem_jax.experiments.storage.files import DamagedError

CONTENT = {"seed": 7, "name": "ünï", "settings": {"capacity": 16}}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "table").write_bytes(b"1 2 3")
    write_vouching(tmp_path / "config.json", CONTENT, hash_files(tmp_path, ["table"]))
    return tmp_path


def test_the_sums_are_those_of_the_files(folder):
    content = read_vouching(folder / "config.json")
    assert content["sha256"] == {"table": hashlib.sha256(b"1 2 3").hexdigest()}
    assert {name: content[name] for name in CONTENT} == CONTENT
    blank = (folder / "config.json").read_bytes().replace(content["own_sha256"].encode(), b"0" * 64)
    assert hashlib.sha256(blank).hexdigest() == content["own_sha256"]
    check_sums(folder, content["sha256"], ["table"], "run it again")


def test_no_flipped_bit_goes_unseen(folder):
    path = folder / "config.json"
    whole = path.read_bytes()
    for bit in np.random.default_rng(0).choice(8 * len(whole), 100, replace=False):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(DamagedError, match=r"config\.json"):
            read_vouching(path)


def test_a_file_of_an_earlier_version_is_read_as_it_is(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONTENT))
    assert read_vouching(tmp_path / "config.json") == CONTENT


@pytest.mark.parametrize("change", [{"sha256": {}}, {"own_sha256": "0" * 64}, {"sha256": 3, "own_sha256": None}])
def test_half_of_the_sums_is_damage(folder, change):
    (folder / "config.json").write_text(json.dumps(CONTENT | change))
    with pytest.raises(DamagedError, match="does not match the sha256 that it holds of itself"):
        read_vouching(folder / "config.json")


def lose(path):
    path.unlink()


def replace(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lose, "table is missing; run it again"),
        (replace, "table is a folder in the place of a file; move it away, then run it again"),
        (lambda path: path.write_bytes(b""), "table is damaged: it does not match its sha256; run it again"),
        (lambda path: path.write_bytes(b"1 2 4"), "table is damaged"),
    ],
)
def test_a_file_that_is_not_as_it_was_is_named(folder, spoil, why):
    sums = hash_files(folder, ["table"])
    spoil(folder / "table")
    with pytest.raises(DamagedError, match=why):
        check_sums(folder, sums, ["table"], "run it again")


def test_a_file_without_a_sum_is_damage(folder):
    with pytest.raises(DamagedError, match="table is damaged"):
        check_sums(folder, {}, ["table"], "run it again")
    assert file_hash(folder / "nowhere") is None
