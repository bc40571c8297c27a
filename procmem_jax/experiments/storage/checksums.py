"""A JSON file that vouches: it holds the sha256 of the files beside it, and its own.

    "sha256": {"episodes.parquet": "...", ...},
    "own_sha256": "..."

The last is that of the file itself with 64 zeros in its place. Files of earlier versions have neither.
"""

import hashlib
import pathlib
import re
from collections.abc import Iterable, Mapping

from procmem_jax.experiments.storage.files import DamagedError, json_text, read_json, write_whole

SUMS, OWN_SUM = "sha256", "own_sha256"
_BLANK = "0" * 64
_DIGEST = re.compile("[0-9a-f]{64}")


def file_hash(path: pathlib.Path) -> str | None:
    """Returns the sha256 of a file, None if there is no such file."""
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(folder: pathlib.Path, names: Iterable[str]) -> dict[str, str]:
    """Returns the sha256 of files by name."""
    return {name: file_hash(folder / name) for name in names}


def write_vouching(path: pathlib.Path, content: dict, sums: Mapping[str, str]) -> None:
    """Writes `content` as JSON, with `sums` of the files beside it and its own."""
    blank = json_text({**content, SUMS: dict(sums), OWN_SUM: _BLANK})
    text = blank.replace(_BLANK, hashlib.sha256(blank.encode()).hexdigest())
    write_whole(path, lambda aside: aside.write_bytes(text.encode()))


def read_vouching(path: pathlib.Path) -> dict:
    """Returns the content of a JSON file, its sums included; one of an earlier version is read as it is.

    Raises:
        DamagedError: the file cannot be read, or is not as it was written.
    """
    content = read_json(path)
    if SUMS in content or OWN_SUM in content:
        own = content.get(OWN_SUM)
        is_whole = isinstance(own, str) and _DIGEST.fullmatch(own) and isinstance(content.get(SUMS), dict)
        blank = path.read_bytes().replace(own.encode(), _BLANK.encode()) if is_whole else b""
        if not is_whole or hashlib.sha256(blank).hexdigest() != own:
            raise DamagedError(f"{path} is damaged: it does not match the sha256 that it holds of itself")
    return content


def check_sums(folder: pathlib.Path, sums: Mapping[str, str], names: Iterable[str], remedy: str) -> None:
    """Raises a DamagedError for the first of the files `names` that is not there as it was written.

    Args:
        folder: of the files.
        sums: their sha256 by name.
        names: which to look at.
        remedy: what the message tells to do.
    """
    for name in names:
        path = folder / name
        if path.is_dir():
            raise DamagedError(f"{path} is a folder in the place of a file; move it away, then {remedy}")
        found = file_hash(path)
        if found is None:
            raise DamagedError(f"{path} is missing; {remedy}")
        if found != sums.get(name):
            raise DamagedError(f"{path} is damaged: it does not match its sha256; {remedy}")
