"""A lock on a folder: one process at a time."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

LOCK_FILE = ".lock"
# Windows locks bytes, and nobody may read a locked one: this one lies behind the holder's name.
_LOCKED_BYTE = 1 << 20


@contextlib.contextmanager
def folder_lock(folder: pathlib.Path) -> Iterator[None]:
    """Holds `folder` while the body runs; whoever asks for it meanwhile, in this process or another, is refused.

    The operating system holds the lock (`flock`, on Windows `msvcrt.locking`), and lets go when the holder ends,
    killed or not; a forked child that outlives a killed parent holds on. The file `.lock` in the folder only names the
    holder: its presence means nothing. It is removed at the end. On a network file system the lock is as good as
    that system's `flock`, which may see neither other machines nor a second lock in the same process.

    Args:
        folder: made if it does not exist.

    Raises:
        ValueError: the folder is in use; the text names the holder.
        OSError: the folder cannot be made or written, or its file system has no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK_FILE
    descriptor = _open_locked(path)
    try:
        _write_holder(descriptor)
        yield
    finally:
        _release(path, descriptor)


def _open_locked(path: pathlib.Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _try_lock(path, descriptor):
                holder = _read_holder(descriptor)
                raise ValueError(f"out={path.parent} is in use by {holder}; wait for it, or choose another folder")
            # A holder that ended meanwhile has removed this file: the next to come would lock a new one of its name.
            if _is_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(path: pathlib.Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _try_lock(path: pathlib.Path, descriptor: int) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        text = f"{path}: cannot be locked ({error.strerror}); choose a folder on another file system"
        raise OSError(error.errno, text) from error
    return True


def _release(path: pathlib.Path, descriptor: int) -> None:
    # Windows removes no open file: there it stays. Elsewhere it goes first, so that a forked child that still has it
    # open holds the lock of a file that nobody will ask for.
    with contextlib.suppress(OSError):
        if _is_at(path, descriptor):
            path.unlink()
    os.close(descriptor)


def _write_holder(descriptor: int) -> None:
    # A full disk is no reason to refuse the lock, which is held already.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())


def _read_holder(descriptor: int) -> str:
    """Returns "process 123 on host" if the holder has written it by now."""
    try:
        os.lseek(descriptor, 0, os.SEEK_SET)
        text = os.read(descriptor, 1000).decode()
    except (OSError, UnicodeDecodeError):
        text = ""
    return " ".join(text.split()) or "another process"
