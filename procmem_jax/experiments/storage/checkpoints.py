"""Checkpoints: the whole state of a long run, written in one step and checked byte by byte before it is used again.

`folder/checkpoint-00000007-SHA256.npz` holds the arrays and, as `content.json`, the schema and the caller's content.
SHA256 is that of the whole file, so that no byte of it changes unseen.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import pathlib
import re
import zipfile
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import jax
import numpy as np

from procmem_jax.experiments.processes import to_host
from procmem_jax.experiments.storage.files import sync_file, sync_folder

SCHEMA = 2
KEPT = 2
CONTENT_MEMBER = "content.json"
_FILE_NAME = re.compile(r"checkpoint-([0-9]{8,})-[0-9a-f]{64}\.npz")
# What reading a lost or decayed file raises; other errors (permission, memory) are not the checkpoint's fault.
_DAMAGE = {errno.ENOENT, errno.EISDIR, errno.EIO}

Tree = TypeVar("Tree")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is whole.

    Attributes:
        path: of its file.
        arrays: as saved: names, values, shapes and dtypes.
        content: as saved, after JSON (tuples are lists, names are strings).
    """

    path: pathlib.Path
    arrays: dict[str, np.ndarray]
    content: dict


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What a folder of checkpoints holds.

    Attributes:
        checkpoint: the newest whole one, None if there is none.
        damaged: of every newer one, newest first: its path, and what is wrong with it in one line.
    """

    checkpoint: Checkpoint | None
    damaged: dict[pathlib.Path, str]


class _DamageError(Exception):
    """A checkpoint is not what was saved; the text says why."""


def save_checkpoint(
    folder: pathlib.Path, arrays: Mapping[str, np.ndarray], content: dict, *, damaged: Collection[pathlib.Path] = ()
) -> pathlib.Path:
    """Returns the path of the new checkpoint, which is there whole or not at all; the last two are kept, older ones go.

    One process at a time may save in a folder (`locks.folder_lock`): whatever a save that died left there is removed.
    The disk needs room for three checkpoints.

    Args:
        folder: made if it does not exist.
        arrays: of any dtype that an npz file holds (not bfloat16, objects or keys).
        content: what else belongs to the state (progress, config, key implementation), ready for JSON.
        damaged: paths that `load_checkpoint` found damaged; they go too, and do not count among the last two.

    Raises:
        OSError: the checkpoint cannot be written, the disk is full for example; earlier ones are as they were.
        TypeError: an array's dtype or a value of `content` cannot be stored.
        ValueError: `content` holds a NaN or an infinity.
    """
    stored = json.dumps({"schema": SCHEMA, "content": content}, allow_nan=False).encode("ascii")
    _check_dtypes(arrays)
    folder.mkdir(parents=True, exist_ok=True)
    for left_behind in folder.glob(".checkpoint-*"):
        _remove(left_behind)
    name = f"checkpoint-{max(_numbered_paths(folder), default=0) + 1:08d}"
    try:
        path = _write_checkpoint(folder, name, arrays, stored)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        text = f"{folder / name}: {why}; earlier checkpoints are intact: make room, then run the command again"
        raise OSError(error.errno, text) from error
    _remove_old(folder, damaged)
    return path


def load_checkpoint(folder: pathlib.Path) -> Loaded:
    """Returns the newest whole checkpoint in `folder`, and the newer ones that are damaged; changes nothing.

    Raises:
        OSError: a file cannot be read for a reason other than damage, permission for example.
        ValueError: a whole checkpoint is of another schema.
    """
    numbered = _numbered_paths(folder)
    damaged = {}
    for number in sorted(numbered, reverse=True):
        try:
            return Loaded(_read_checkpoint(numbered[number]), damaged)
        except _DamageError as damage:
            damaged[numbered[number]] = str(damage)
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise
            damaged[numbered[number]] = f"cannot be read ({error.strerror})"
    return Loaded(None, damaged)


def flatten_state(state: Any) -> dict[str, np.ndarray]:
    """Returns the leaves of a pytree of arrays, as NumPy arrays of the same dtype, by `keystr` path (".library.ids").

    Raises:
        TypeError: a leaf is not an array, or a typed key.
    """
    named = _named_leaves(state)
    for name, leaf in named.items():
        if not isinstance(leaf, (jax.Array, np.ndarray, np.generic)):
            raise TypeError(f"state{name}={leaf!r} is a {type(leaf).__name__}; give an array of an explicit dtype")
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.extended):
            raise TypeError(
                f"state{name} holds {leaf.dtype}; keep its jax.random.key_data and the implementation's name"
            )
    return {name: to_host(leaf) for name, leaf in named.items()}


def restore_state(like: Tree, arrays: Mapping[str, np.ndarray]) -> Tree:
    """Returns the pytree that `flatten_state` took apart, its leaves the NumPy arrays in `arrays` themselves.

    Args:
        like: the same pytree of arrays or `jax.ShapeDtypeStruct`s (`jax.eval_shape`).
        arrays: one for every leaf, no others.

    Raises:
        ValueError: an array is missing or unknown, or has another shape or dtype; the text names all such leaves.
    """
    named = _named_leaves(like)
    wanted = {name: _describe(leaf) for name, leaf in named.items()}
    stored = {name: _describe(array) for name, array in arrays.items()}
    differing = [
        f"state{name}: there {stored.get(name, 'missing')}, here {wanted.get(name, 'unknown')}"
        for name in dict.fromkeys([*wanted, *stored])
        if stored.get(name) != wanted.get(name)
    ]
    if differing:
        raise ValueError(f"the stored state is of another config or version ({'; '.join(differing)}); start anew")
    return jax.tree.unflatten(jax.tree.structure(like), [arrays[name] for name in named])


def _named_leaves(tree: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _describe(array: Any) -> str:
    # The byte order is part of what is stored, and `name` leaves it out.
    order = ">" if getattr(array.dtype, "byteorder", "=") == ">" else ""
    return f"{order}{array.dtype.name}{list(array.shape)}"


def _check_dtypes(arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        # bfloat16 would be written without complaint, and come back as bytes without a meaning.
        storable = np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(array.dtype)) == array.dtype
        if array.dtype.hasobject or not storable:
            raise TypeError(f"{name} has dtype {array.dtype}, which an npz file cannot hold; convert it")


def _numbered_paths(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    if not folder.exists():
        return {}
    matches = {path: _FILE_NAME.fullmatch(path.name) for path in folder.iterdir()}
    return {int(match[1]): path for path, match in matches.items() if match}


def _write_checkpoint(folder: pathlib.Path, name: str, arrays: Mapping[str, np.ndarray], stored: bytes) -> pathlib.Path:
    aside = folder / f".{name}"
    try:
        with zipfile.ZipFile(aside, "w") as archive:
            with archive.open(CONTENT_MEMBER, "w") as member:
                member.write(stored)
            # np.savez takes names as keyword arguments, and has two of its own ("file", "allow_pickle").
            for array_name, array in arrays.items():
                with archive.open(f"{array_name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        sync_file(aside)
        path = folder / f"{name}-{_file_hash(aside)}.npz"
        os.replace(aside, path)
        sync_folder(folder)
    finally:
        _remove(aside)
    return path


def _read_checkpoint(path: pathlib.Path) -> Checkpoint:
    if not path.stem.endswith(_file_hash(path)):
        raise _DamageError("does not match the sha256 in its name")
    with zipfile.ZipFile(path) as archive:
        stored = json.loads(archive.read(CONTENT_MEMBER))
        if stored["schema"] != SCHEMA:
            raise ValueError(
                f"{path}: schema={stored['schema']} is not {SCHEMA}, the one this version reads; "
                "install the version of procmem_jax that wrote it, or choose another folder"
            )
        names = [name for name in archive.namelist() if name != CONTENT_MEMBER]
        arrays = {name.removesuffix(".npy"): _read_array(archive, name) for name in names}
    return Checkpoint(path, arrays, stored["content"])


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _file_hash(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_old(folder: pathlib.Path, damaged: Collection[pathlib.Path]) -> None:
    damaged_names = {path.name for path in damaged}
    numbered = _numbered_paths(folder)
    kept = sorted(number for number, path in numbered.items() if path.name not in damaged_names)[-KEPT:]
    for number in numbered.keys() - set(kept):
        _remove(numbered[number])


def _remove(path: pathlib.Path) -> None:
    """Removes a file if it can be: what stays is tried again at the next save."""
    with contextlib.suppress(OSError):
        path.unlink()
