"""Files that are whole or absent."""

import contextlib
import errno
import json
import math
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import Any

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# What `write_whole` names a file while it is made.
_ASIDE = re.compile(r"\..+\.(?:json|jsonl|npz|parquet|png|gif|pdf|svg|md|html)\.([0-9]+)")


class DamagedError(ValueError):
    """A file is not as it was written; the text names it, and says what to do."""


def write_whole(path: pathlib.Path, write: Callable[[pathlib.Path], None]) -> None:
    """Has `write` make a file beside `path`, then moves it there in one step; a failed one leaves nothing behind.

    Raises:
        OSError: the file cannot be written, the disk is full for example; what was there before is as it was.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with told_where(path):
            write(aside)
            sync_file(aside)
            os.replace(aside, path)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()


@contextlib.contextmanager
def told_where(path: pathlib.Path) -> Iterator[None]:
    """Has an OSError of the body name the file that cannot be written, what is intact and what to do."""
    try:
        yield
    except OSError as error:
        what_to_do = "make room, then" if error.errno in _NO_ROOM else "then, once it can be,"
        why = f"cannot be written ({error.strerror or error}); what was there before is intact"
        raise OSError(error.errno, f"{path} {why}: {what_to_do} give the command again") from error


def make_folder(path: pathlib.Path) -> None:
    """Makes a folder, and those above it, where there is none.

    Raises:
        OSError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        text = f"{path}: the folder cannot be made ({error.strerror or error}); choose another, or make room for it"
        raise OSError(error.errno, text) from error


def remove_asides(folder: pathlib.Path) -> None:
    """Removes what `write_whole` left in a folder, and in those within, when its process was killed."""
    for path in [*folder.glob(".*"), *folder.glob("*/.*")]:
        match = _ASIDE.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            with contextlib.suppress(OSError):
                path.unlink()


def is_aside(name: str) -> bool:
    """Whether a file of this name is one that `write_whole` has not finished."""
    return _ASIDE.fullmatch(name) is not None


def _is_alive(process: int) -> bool:
    """Whether another process of this number runs on this computer."""
    if os.name == "nt" or process == os.getpid():  # signals are no question on Windows, which keeps open files
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True


def sync_file(path: pathlib.Path) -> None:
    """Returns once the file's content is on the disk."""
    # Windows flushes only what is open for writing.
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def sync_folder(path: pathlib.Path) -> None:
    """Returns once the names in the folder are on the disk, at once where a system (Windows) has no way to ask."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # these two: a network file system that cannot
            raise
    finally:
        os.close(descriptor)


def json_text(content: dict) -> str:
    """Returns `content` as readable JSON; NaN is refused."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Returns `value` as JSON can hold it: arrays as lists, paths as text, NaN and infinite numbers as None."""
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # an array, or a number of NumPy's
        return plain(value.tolist())
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: pathlib.Path, content: dict) -> None:
    """Writes `content` as readable JSON, see `plain`."""
    text = json_text(plain(content))
    write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def read_json(path: pathlib.Path) -> dict:
    """Returns the object in a JSON file.

    Raises:
        DamagedError: the file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DamagedError(f"{path}: cannot be read as JSON ({error})") from None
    except RecursionError:
        raise DamagedError(f"{path}: cannot be read as JSON (nested too deep)") from None
    if not isinstance(content, dict):
        raise DamagedError(f"{path}: holds a {type(content).__name__}, not an object")
    return content


@contextlib.contextmanager
def expecting_fields(path: pathlib.Path) -> Iterator[None]:
    """Turns the lack of a field, or one of another kind, into a ValueError that names the file `path` it was read from.

    Raises:
        ValueError: the body raised a KeyError, TypeError, ValueError or IndexError.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: is not as a finished run leaves it ({why}); run it again with --force") from None
