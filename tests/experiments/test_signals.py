"""Signals while a command works: when they act at once, and when they only ask."""

import pickle
import signal
import threading

import pytest

from procmem_jax.experiments import signals
from procmem_jax.experiments.signals import Interrupted

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def handlers():
    """Python's own handlers, as a program begins with them; they must be there again at the end."""
    before = {number: signal.getsignal(number) for number in BOTH}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", BOTH)
def test_held_signals_only_ask(handlers, number):
    with signals.watched():
        signals.hold()
        signals.hold()
        assert signals.asked() is None
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTERM)
        assert signals.asked() == number
    assert signals.asked() is None


def test_before_and_after_they_act(handlers):
    with signals.watched():
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signals.hold()
        assert signals.is_held() and signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        signals.release()
        assert not signals.is_held() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_ctrl_c_that_python_drops_is_remembered(handlers, monkeypatch):
    complaints = []
    monkeypatch.setattr("sys.unraisablehook", lambda dropped: complaints.append(dropped.exc_type))

    class Deaf:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    class Broken:
        def __del__(self):
            raise ValueError

    with signals.watched():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with signals.watched():
        del_it = Broken()
        del del_it
        del_it = Deaf()
        del del_it
        assert signals.asked() == signal.SIGINT
    assert complaints == [ValueError]


@pytest.mark.parametrize("number", BOTH)
def test_what_is_ignored_stays_ignored(handlers, number):
    """As SIGINT is in a job that a shell's script runs in the background."""
    handler = signal.signal(number, signal.SIG_IGN)
    with signals.watched():
        signals.hold()
        signal.raise_signal(number)
        assert signals.asked() is None and signal.getsignal(number) is signal.SIG_IGN
    signal.signal(number, handler)


def test_nobody_watches_in_a_users_process_nor_in_a_thread(handlers):
    def work():
        with signals.watched():
            found.append(signals.is_held())
            signals.hold()
            found.append(signals.is_held())

    found = []
    signals.hold()
    signals.release()
    assert not signals.is_held() and signals.asked() is None
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False, False]


def test_it_gets_to_other_processes_whole():
    stop = pickle.loads(pickle.dumps(Interrupted(15, "all is there")))
    assert (stop.number, stop.left) == (15, "all is there") and not isinstance(stop, Exception)
