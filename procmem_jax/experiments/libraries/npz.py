"""Reading npz files of libraries: whatever is in them, in bounded memory and with one line for an error."""

import json
import pathlib
import zipfile

import numpy as np

# An npz file of ours is not compressed; small ones that somebody has compressed are taken.
_HARMLESS_BYTES = 1 << 27
_LARGEST_RATIO = 20


def read_npz(path: pathlib.Path) -> tuple[dict, dict[str, np.ndarray]]:
    """Returns (the header, {} if there is none; the arrays by name).

    Raises:
        ValueError: the file cannot be read, or would unpack to far more than it takes.
    """
    try:
        # NumPy leaves the file open if it is given the path of a damaged one.
        with open(path, "rb") as file:
            _check_size(file, path.stat().st_size)
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        head = json.loads(str(arrays.pop("header", "{}")))
    except Exception as error:  # a damaged archive raises almost anything, RuntimeError and zlib's own included
        raise ValueError(f"{path}: cannot be read as libraries ({error}); export them again") from None
    return head if isinstance(head, dict) else {}, arrays


def _check_size(file, packed: int) -> None:
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    file.seek(0)
    if unpacked > max(_HARMLESS_BYTES, _LARGEST_RATIO * packed):
        raise ValueError(f"its {packed:,} bytes would unpack to {unpacked:,}, over {_LARGEST_RATIO} times as many")
