"""A lock on a folder: one process at a time."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

import filelock

from procmem_jax.experiments.storage.files import make_folder

LOCK_FILE = ".lock"
# Seconds: long enough to come after a holder that is just leaving, which takes its file with it.
_PATIENCE = 0.1
_POLL = 0.01
# Windows locks the first byte, and nobody else may read it: the holder's name begins behind it.
_NAME_BEGINS = 1


@contextlib.contextmanager
def folder_lock(folder: pathlib.Path) -> Iterator[None]:
    """Holds `folder` while the body runs; whoever asks for it meanwhile, in this process or another, is refused.

    The operating system holds the lock, and lets go when the holder ends, killed or not; forked children do not have
    it. The file `.lock` in the folder only names the holder: its presence means nothing. It is removed at the end. On
    a network file system the lock is as good as that system's `flock`, which may see neither other machines nor a
    second lock in the same process.

    Args:
        folder: made if it does not exist.

    Raises:
        ValueError: the folder is in use; the text names the holder.
        OSError: the folder cannot be made or written, or its file system has no locks.
    """
    make_folder(folder)
    path = folder / LOCK_FILE
    descriptors: list[int] = []
    lock = filelock.FileLock(
        path,
        timeout=_PATIENCE,
        poll_interval=_POLL,
        thread_local=False,
        fallback_to_soft=False,
        on_acquired=descriptors.append,
    )
    _acquire(lock, path)
    try:
        _write_holder(descriptors[0])
        yield
    finally:
        _remove(path, descriptors[0])
        lock.release()


def _acquire(lock: filelock.BaseFileLock, path: pathlib.Path) -> None:
    try:
        lock.acquire()
    except filelock.Timeout:
        holder = _read_holder(path)
        text = f"out={path.parent} is in use by {holder}; wait for it, or choose another folder"
        raise ValueError(text) from None
    except OSError as error:
        if error.filename is not None:  # a file that cannot be opened; what follows is about locks
            text = f"{path}: cannot be made ({error.strerror}); make room, or choose another folder"
            raise OSError(error.errno, text) from error
        text = f"{path}: cannot be locked ({error.strerror}); choose a folder on another file system"
        raise OSError(error.errno, text) from error


def _remove(path: pathlib.Path, descriptor: int) -> None:
    """Removes the lock's file while it is still held: who opened it before finds it gone and makes one anew."""
    if os.name == "nt":  # there open files stay, and filelock removes this one after the release
        return
    # Not the file of another holder, whose folder took the name of ours; and not in a forked child, which has no
    # descriptor.
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            path.unlink()


def _write_holder(descriptor: int) -> None:
    # A full disk is no reason to refuse the lock, which is held already.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{' ' * _NAME_BEGINS}process {os.getpid()} on {socket.gethostname()}\n".encode())


def _read_holder(path: pathlib.Path) -> str:
    """Returns "process 123 on host" if the holder has written it by now."""
    try:
        with open(path, "rb", buffering=0) as file:
            file.seek(_NAME_BEGINS)
            text = file.read(1000).decode()
    except (OSError, UnicodeDecodeError):
        text = ""
    return " ".join(text.split()) or "another process"
