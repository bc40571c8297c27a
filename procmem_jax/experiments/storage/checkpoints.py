"""Checkpoints: the whole state of a long run, written in one step and checked byte by byte before it is used again.

`folder/checkpoint-00000007/` holds `arrays.npz`, the arrays, and `manifest.json`, which says what they are: the schema,
the checkpoint's own number, the caller's content, the sha256 of the arrays' file and the sha256 of the manifest's rest.
"""

import dataclasses
import errno
import hashlib
import json
import os
import pathlib
import re
import shutil
import zipfile
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import jax
import numpy as np

from procmem_jax.experiments.storage.files import sync_file, sync_folder
from procmem_jax.experiments.training.processes import to_host

SCHEMA = 1
KEPT = 2
ARRAYS_FILE = "arrays.npz"
MANIFEST_FILE = "manifest.json"
_FOLDER_NAME = re.compile(r"checkpoint-([0-9]{8,})")
# What reading a lost or decayed file raises; other errors (permission, memory) are not the checkpoint's fault.
_DAMAGE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO}

Tree = TypeVar("Tree")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is whole.

    Attributes:
        path: its folder.
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
    content = json.loads(json.dumps(content, allow_nan=False))
    _check_dtypes(arrays)
    folder.mkdir(parents=True, exist_ok=True)
    for left_behind in folder.glob(".checkpoint-*"):
        _remove(left_behind)
    number = max(_numbered_paths(folder), default=0) + 1
    path = folder / f"checkpoint-{number:08d}"
    try:
        _write_checkpoint(path, number, arrays, content)
    except OSError as error:
        why = f"cannot be written ({error.strerror or error})"
        text = f"{path}: {why}; earlier checkpoints are intact: make room, then run the command again"
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
            return Loaded(_read_checkpoint(numbered[number], number), damaged)
        except _DamageError as damage:
            damaged[numbered[number]] = str(damage)
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise
            name = pathlib.Path(error.filename or "a file").name  # a failing disk does not say which
            damaged[numbered[number]] = f"{name} cannot be read ({error.strerror})"
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
    matches = {path: _FOLDER_NAME.fullmatch(path.name) for path in folder.iterdir()}
    return {int(match[1]): path for path, match in matches.items() if match}


def _write_checkpoint(path: pathlib.Path, number: int, arrays: Mapping[str, np.ndarray], content: dict) -> None:
    aside = path.with_name(f".{path.name}")
    try:
        aside.mkdir()
        _write_files(aside, number, arrays, content)
        os.replace(aside, path)
        sync_folder(path.parent)
    finally:
        _remove(aside)


def _write_files(folder: pathlib.Path, number: int, arrays: Mapping[str, np.ndarray], content: dict) -> None:
    with zipfile.ZipFile(folder / ARRAYS_FILE, "w") as archive:
        # np.savez takes names as keyword arguments, and has two of its own ("file", "allow_pickle").
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    files = {ARRAYS_FILE: _file_hash(folder / ARRAYS_FILE)}
    manifest = _seal({"schema": SCHEMA, "number": number, "content": content, "files": files})
    (folder / MANIFEST_FILE).write_bytes(_encode(manifest))
    for name in (ARRAYS_FILE, MANIFEST_FILE):
        sync_file(folder / name)
    sync_folder(folder)


def _read_checkpoint(path: pathlib.Path, number: int) -> Checkpoint:
    manifest = _read_manifest(path)
    if manifest["schema"] != SCHEMA:
        raise ValueError(
            f"{path}: schema={manifest['schema']} is not {SCHEMA}, the one this version reads; "
            "install the version of procmem_jax that wrote it, or choose another folder"
        )
    if manifest["number"] != number:
        raise _DamageError(f"{MANIFEST_FILE} is that of number {manifest['number']}")
    if _file_hash(path / ARRAYS_FILE) != manifest["files"][ARRAYS_FILE]:
        raise _DamageError(f"{ARRAYS_FILE} does not match its sha256")
    with zipfile.ZipFile(path / ARRAYS_FILE) as archive:
        arrays = {name.removesuffix(".npy"): _read_array(archive, name) for name in archive.namelist()}
    return Checkpoint(path, arrays, manifest["content"])


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        return np.lib.format.read_array(member, allow_pickle=False)


def _read_manifest(path: pathlib.Path) -> dict:
    """Returns the manifest if every byte of its file is as written: spaces and the order of the names count too."""
    stored = (path / MANIFEST_FILE).read_bytes()
    try:
        manifest = json.loads(stored)
        body = {name: value for name, value in manifest.items() if name != "sha256"}
        whole = stored == _encode(_seal(body))
    except (ValueError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise _DamageError(f"{MANIFEST_FILE} does not match its own sha256")
    return manifest


def _seal(body: dict) -> dict:
    return {**body, "sha256": hashlib.sha256(_encode(body)).hexdigest()}


def _encode(manifest: dict) -> bytes:
    return (json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False) + "\n").encode("ascii")


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
    """Removes a file or folder as far as it can be: what stays is tried again at the next save."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
