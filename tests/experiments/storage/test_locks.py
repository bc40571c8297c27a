"""One process at a time in a folder."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from procmem_jax.experiments.storage import locks
from procmem_jax.experiments.storage.locks import folder_lock

HOLD = """
import pathlib, sys, time
from procmem_jax.experiments.storage.locks import folder_lock
with folder_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
HOLD_AND_FORK = """
import os, pathlib, sys
from procmem_jax.experiments.storage.locks import folder_lock
with folder_lock(pathlib.Path(sys.argv[1])):
    child = os.fork()
    if child:
        if sys.argv[2] == "end":
            os.waitpid(child, 0)
        print(child, flush=True)
    if child or sys.argv[2] == "stay":
        sys.stdin.read()
"""


def is_lock_of(folder, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(folder / locks.LOCK_FILE))
    except OSError:
        return False


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `tmp_path`."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_another_process_is_refused_until_the_holder_is_killed(tmp_path, holder):
    refused = (
        rf"^out=\S+{tmp_path.name} is in use by process {holder.pid} on \S+; wait for it, or choose another folder$"
    )
    for _ in range(2):
        with pytest.raises(ValueError, match=refused), folder_lock(tmp_path):
            pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with folder_lock(tmp_path):
        assert f"process {os.getpid()} on" in (tmp_path / locks.LOCK_FILE).read_text()


def test_the_same_process_is_refused_and_the_first_still_holds(tmp_path):
    with folder_lock(tmp_path):
        for _ in range(2):
            with pytest.raises(ValueError, match=f"in use by process {os.getpid()} on"), folder_lock(tmp_path):
                pass
    with folder_lock(tmp_path):
        pass


def test_another_thread_is_refused_until_the_first_is_done(tmp_path):
    refused = []

    def ask():
        try:
            with folder_lock(tmp_path):
                refused.append(False)
        except ValueError:
            refused.append(True)

    def ask_in_thread():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    with folder_lock(tmp_path):
        ask_in_thread()
    ask_in_thread()
    assert refused == [True, False]


def test_a_failure_inside_frees_the_folder_and_leaves_nothing(tmp_path):
    folder = tmp_path / "not" / "yet"
    with pytest.raises(KeyboardInterrupt), folder_lock(folder):
        raise KeyboardInterrupt
    assert list(folder.iterdir()) == []
    with folder_lock(folder):
        pass


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="open files are not listed on this system")
def test_no_file_stays_open(tmp_path):
    before = os.listdir("/dev/fd")
    with folder_lock(tmp_path), pytest.raises(ValueError), folder_lock(tmp_path):
        pass
    assert os.listdir("/dev/fd") == before


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="open files are not listed on this system")
def test_a_child_that_still_has_the_file_open_does_not_hold_what_was_released(tmp_path):
    """Forked children have the descriptor; here a duplicate stands for theirs, since JAX and fork do not mix."""
    with folder_lock(tmp_path):
        (held,) = [int(name) for name in os.listdir("/dev/fd") if is_lock_of(tmp_path, int(name))]
        inherited = os.dup(held)
    with folder_lock(tmp_path):
        pass
    os.close(inherited)


@pytest.fixture
def forked(tmp_path):
    """Starts another process that holds `tmp_path` and has forked a child; returns it and the child's number."""
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    with contextlib.ExitStack() as started:

        def start(child_does: str):
            command = [sys.executable, "-W", "ignore", "-c", HOLD_AND_FORK, str(tmp_path), child_does]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            parent = started.enter_context(subprocess.Popen(command, **pipes, text=True))
            return parent, int(parent.stdout.readline())

        yield start


def test_a_forked_child_does_not_hold_on_when_the_parent_is_killed(tmp_path, forked):
    parent, child = forked("stay")
    with pytest.raises(ValueError, match=f"in use by process {parent.pid} on"), folder_lock(tmp_path):
        pass
    parent.kill()
    parent.wait()
    with folder_lock(tmp_path):
        os.kill(child, 0)  # fails if there is no such process


def test_a_forked_child_that_ends_does_not_free_the_folder(tmp_path, forked):
    parent, _ = forked("end")
    with pytest.raises(ValueError, match=f"in use by process {parent.pid} on"), folder_lock(tmp_path):
        pass


def test_the_file_of_another_holder_stays(tmp_path):
    """A folder that was removed and made anew while it was held may have another holder."""
    with contextlib.ExitStack() as first:
        first.enter_context(folder_lock(tmp_path))
        (tmp_path / locks.LOCK_FILE).unlink()
        with folder_lock(tmp_path):
            first.close()
            with pytest.raises(ValueError, match="in use by process"), folder_lock(tmp_path):
                pass


def test_folders_do_not_share_a_lock(tmp_path):
    with folder_lock(tmp_path / "a"), folder_lock(tmp_path / "b"):
        pass


@pytest.mark.parametrize("left", [b"", b"process 1 on elsewhere\n", b"\xff\xfe"])
def test_the_file_of_a_dead_process_holds_nothing(tmp_path, left):
    (tmp_path / locks.LOCK_FILE).write_bytes(left)
    with folder_lock(tmp_path):
        pass


@pytest.mark.parametrize("unreadable", [b"", b"\xff\xfe"])
def test_an_unknown_holder_is_told_too(tmp_path, unreadable):
    with folder_lock(tmp_path):
        (tmp_path / locks.LOCK_FILE).write_bytes(unreadable)
        with pytest.raises(ValueError, match="is in use by another process; wait"), folder_lock(tmp_path):
            pass


@pytest.fixture
def fcntl():
    return pytest.importorskip("fcntl", reason="flock is not of this system")


def test_a_file_removed_between_opening_and_locking_is_made_anew(tmp_path, monkeypatch, fcntl):
    flock = fcntl.flock
    removed = []

    def remove_first(*args):
        if not removed:
            (tmp_path / locks.LOCK_FILE).unlink()
            removed.append(True)
        return flock(*args)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with folder_lock(tmp_path):
        assert removed and (tmp_path / locks.LOCK_FILE).exists()
        with pytest.raises(ValueError, match="in use"), folder_lock(tmp_path):
            pass


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, fcntl):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (
        pytest.raises(OSError, match=r"\.lock: cannot be locked \(No locks available\); choose a folder on another"),
        folder_lock(tmp_path),
    ):
        pass
