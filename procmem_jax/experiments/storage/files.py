"""Files that are whole or absent."""

import contextlib
import errno
import json
import os
import pathlib
from collections.abc import Callable, Iterator


def write_whole(path: pathlib.Path, write: Callable[[pathlib.Path], None]) -> None:
    """Has `write` make a file beside `path`, then moves it there in one step; a failed one leaves nothing behind."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(aside)
        sync_file(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


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


def write_json(path: pathlib.Path, content: dict) -> None:
    """Writes `content` as readable JSON; NaN is refused."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def read_json(path: pathlib.Path) -> dict:
    """Returns the object in a JSON file.

    Raises:
        ValueError: the file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds a {type(content).__name__}, not an object")
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
