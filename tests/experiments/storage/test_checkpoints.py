"""Checkpoints come back bit by bit, or not at all."""

import errno
import json
import os
import pathlib
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.checkpoint_steps import (
    assert_same_arrays,
    assert_step_loaded,
    names_in,
    plain_name,
    save_steps,
    step_arrays,
)
from procmem_jax.experiments.storage import checkpoints
from procmem_jax.experiments.storage.checkpoints import flatten_state, load_checkpoint, restore_state, save_checkpoint
from procmem_jax.records import state_record

DTYPES = "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 <U3 >f4".split()


@state_record
class Inner:
    counts: jax.Array
    flags: jax.Array


@state_record
class Outer:
    inner: Inner
    words: tuple[jax.Array, jax.Array]
    scale: jax.Array
    nothing: None


def make_state() -> Outer:
    return Outer(
        inner=Inner(counts=jnp.arange(-6, 6, dtype=jnp.int8).reshape(3, 4), flags=jnp.array([True, False])),
        words=(jnp.array([0, 2**32 - 1], jnp.uint32), jnp.zeros((0, 5), jnp.int32)),
        scale=jnp.float32(np.nan),
        nothing=None,
    )


def test_arrays_of_every_dtype_come_back_bit_by_bit(tmp_path):
    values = np.random.default_rng(0).integers(0, 100, (3, 4, 2))
    arrays = {f"['{dtype}/.npy']": values.astype(dtype) for dtype in DTYPES}
    arrays |= {"": np.float32(np.nan).reshape(()), "file": np.zeros((0, 3), np.int8), "allow_pickle": values[0].T}
    arrays["columns first"], arrays["strided"] = np.asfortranarray(values), values[::2, :, 1]
    path = save_checkpoint(tmp_path / "new" / "folder", arrays, {})
    loaded = load_checkpoint(tmp_path / "new" / "folder")
    assert loaded.damaged == {} and loaded.checkpoint.path == path
    assert_same_arrays(loaded.checkpoint.arrays, arrays)
    with np.load(path, allow_pickle=False) as plain:
        np.testing.assert_array_equal(plain["columns first"], values)


def test_content_comes_back_as_json_does(tmp_path):
    content = {"key": "threefry2x32", "numbers": [1, 0.1, None, True, 2**70], "ünï": {"a": "\ud800"}, 10: 1, 9: (2,)}
    save_checkpoint(tmp_path, {}, content)
    assert load_checkpoint(tmp_path).checkpoint.content == json.loads(json.dumps(content))


def test_the_same_state_makes_the_same_bytes(tmp_path):
    first, second = (save_checkpoint(tmp_path / name, step_arrays(3), {"b": 1, "a": 2}) for name in "ab")
    assert first.name == second.name and first.read_bytes() == second.read_bytes()


def test_the_last_two_are_kept(tmp_path):
    for count, path in enumerate(save_steps(tmp_path, 5), start=1):
        assert plain_name(path) == f"checkpoint-{count:08d}"
    assert names_in(tmp_path) == ["checkpoint-00000004", "checkpoint-00000005"]
    assert_step_loaded(tmp_path, 4)


def test_no_checkpoint_at_all(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / ".checkpoint-00000001").write_text("half of")
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert load_checkpoint(folder) == checkpoints.Loaded(None, {})


def test_other_files_are_left_alone(tmp_path):
    others = [".lock", "checkpoint-1", "checkpoint-00000001.old", "config.json", "my-checkpoint-00000009"]
    for name in others:
        (tmp_path / name).write_text("mine")
    save_steps(tmp_path, 4)
    assert names_in(tmp_path) == sorted([*others, "checkpoint-00000003", "checkpoint-00000004"])


@pytest.mark.parametrize(
    ("arrays", "content", "error", "text"),
    [
        ({".x": np.zeros(2, jnp.bfloat16)}, {}, TypeError, r"\.x has dtype bfloat16, which an npz file cannot hold"),
        ({".x": np.array([None])}, {}, TypeError, r"\.x has dtype object"),
        ({}, {"mean": float("nan")}, ValueError, "JSON"),
        ({}, {"path": pathlib.Path()}, TypeError, "JSON"),
    ],
)
def test_what_cannot_be_stored_is_refused_before_anything_is_written(tmp_path, arrays, content, error, text):
    with pytest.raises(error, match=text):
        save_checkpoint(tmp_path / "new", arrays, content)
    assert names_in(tmp_path) == []


def test_everything_is_on_the_disk_before_the_name_and_the_name_before_older_ones_go(tmp_path, monkeypatch):
    save_steps(tmp_path, 2)
    order = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, real=real, name=name: (order.append(name), real(*a)))
    remove = checkpoints._remove
    monkeypatch.setattr(checkpoints, "_remove", lambda path: (order.append(plain_name(path)), remove(path)))
    save_checkpoint(tmp_path, step_arrays(2), {"step": 2})
    assert order == ["fsync", "replace", "fsync", ".checkpoint-00000003", "checkpoint-00000001"]


def test_a_file_system_that_cannot_sync_folders_will_do(tmp_path, monkeypatch):
    real = os.fsync

    def files_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    save_steps(tmp_path, 1)
    assert_step_loaded(tmp_path, 0)


def fail_at_call(monkeypatch, name: str, failing: int) -> None:
    """Has the call number `failing` of `os.name` find the disk full."""
    real, calls = getattr(os, name), []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(os, name, full)


@pytest.mark.parametrize(("name", "failing"), [("replace", 1), ("fsync", 1)])
def test_a_full_disk_leaves_the_earlier_ones(tmp_path, monkeypatch, name, failing):
    save_steps(tmp_path, 3)
    before = names_in(tmp_path)
    with monkeypatch.context() as patch:
        fail_at_call(patch, name, failing)
        text = r"checkpoint-00000004: cannot be written \(No space left on device\); earlier checkpoints are intact"
        with pytest.raises(OSError, match=text) as caught:
            save_checkpoint(tmp_path, step_arrays(9), {"step": 9})
    assert caught.value.errno == errno.ENOSPC
    assert names_in(tmp_path) == before
    assert_step_loaded(tmp_path, 2)
    assert plain_name(save_checkpoint(tmp_path, step_arrays(3), {"step": 3})) == "checkpoint-00000004"
    assert_step_loaded(tmp_path, 3)


@pytest.mark.parametrize("room", [0, 1, 4096, 50_000])
def test_a_file_that_cannot_grow_leaves_the_earlier_ones(tmp_path, room):
    save_steps(tmp_path, 2)
    before = names_in(tmp_path)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        with pytest.raises(OSError, match="cannot be written") as caught:
            save_checkpoint(tmp_path, {".x": np.ones(100_000, np.float32)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert caught.value.errno == errno.EFBIG
    assert names_in(tmp_path) == before
    assert_step_loaded(tmp_path, 1)


def test_an_interrupted_save_leaves_nothing(tmp_path, monkeypatch):
    save_steps(tmp_path, 2)
    before = names_in(tmp_path)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, step_arrays(9), {"step": 9})
    assert names_in(tmp_path) == before


SAVE_FOR_EVER = """
import pathlib, sys
import numpy as np
from procmem_jax.experiments.storage.checkpoints import save_checkpoint
for step in range(1000_000):
    save_checkpoint(pathlib.Path(sys.argv[1]), {".x": np.full(50_000, step, np.int32)}, {"step": step})
    print(step, flush=True)
"""


def test_a_killed_process_loses_nothing_that_it_had_saved(tmp_path):
    """The last checkpoint told of, or the one under way, is there and whole."""
    command = [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "0\n"
        time.sleep(0.0437)
        process.send_signal(signal.SIGKILL)
        told = max([0, *(int(line) for line in process.stdout.read().split())])
    loaded = load_checkpoint(tmp_path)
    assert loaded.damaged == {}
    assert told <= loaded.checkpoint.content["step"] <= told + 1
    np.testing.assert_array_equal(loaded.checkpoint.arrays[".x"], loaded.checkpoint.content["step"])


def test_what_a_killed_save_left_goes_at_the_next(tmp_path):
    (path,) = save_steps(tmp_path, 1)
    shutil.copy(path, tmp_path / ".checkpoint-00000002")
    (tmp_path / ".checkpoint-00000007").write_text("half of")
    assert_step_loaded(tmp_path, 0)
    save_checkpoint(tmp_path, step_arrays(1), {"step": 1})
    assert names_in(tmp_path) == ["checkpoint-00000001", "checkpoint-00000002"]


def test_a_state_comes_back_leaf_by_leaf(tmp_path):
    state = make_state()
    arrays = flatten_state(state)
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        ".inner.counts": "int8",
        ".inner.flags": "bool",
        ".words[0]": "uint32",
        ".words[1]": "int32",
        ".scale": "float32",
    }
    save_checkpoint(tmp_path, arrays, {})
    restored = restore_state(jax.eval_shape(make_state), load_checkpoint(tmp_path).checkpoint.arrays)
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    assert_same_arrays(flatten_state(restored), arrays)


def test_a_single_array_is_a_state(tmp_path):
    arrays = flatten_state(np.int32(3))
    save_checkpoint(tmp_path, arrays, {})
    assert restore_state(jax.ShapeDtypeStruct((), jnp.int32), load_checkpoint(tmp_path).checkpoint.arrays) == 3


def test_a_state_on_two_devices_is_gathered():
    mesh = jax.make_mesh((2,), ("agents",), axis_types=(jax.sharding.AxisType.Auto,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("agents"))
    ids = np.arange(8, dtype=np.uint32)
    np.testing.assert_array_equal(flatten_state({"ids": jax.device_put(ids, sharding)})["['ids']"], ids)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({".scale": np.zeros((), np.float64)}, r"\(state\.scale: there float64\[\], here float32\[\]\); start anew"),
        ({".scale": np.zeros((), ">f4")}, r"state\.scale: there >float32\[\], here float32\[\]"),
        ({".inner.counts": np.zeros((3, 5), np.int8)}, r"state\.inner\.counts: there int8\[3, 5\], here int8\[3, 4\]"),
        ({".inner.counts": np.zeros(12, np.int8)}, r"state\.inner\.counts: there int8\[12\], here int8\[3, 4\]"),
        ({".more": np.zeros(1, np.int8)}, r"state\.more: there int8\[1\], here unknown"),
        ({".inner.flags": None}, r"state\.inner\.flags: there missing, here bool\[2\]"),
    ],
)
def test_a_state_of_another_kind_is_named(changes, text):
    changed = flatten_state(make_state()) | changes
    arrays = {name: array for name, array in changed.items() if array is not None}
    with pytest.raises(ValueError, match=text):
        restore_state(jax.eval_shape(make_state), arrays)


@pytest.mark.parametrize(
    ("leaf", "text"),
    [(3, r"state\['a'\]=3 is a int; give an array"), (jax.random.key, r"state\['a'\] holds key<\w+>; keep its")],
)
def test_leaves_that_cannot_be_stored_are_named(leaf, text):
    with pytest.raises(TypeError, match=text):
        flatten_state({"a": leaf(0) if callable(leaf) else leaf})
