"""SIGINT and SIGTERM while a command works: a run that has begun keeps what it has before it ends.

Only commands watch; in a user's own process `train` and `sweep` leave all signals as they are. Until a run has
something to lose, and while it compiles (Python hears nothing then), a signal does what it does anywhere.
"""

import contextlib
import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal ended the work; like KeyboardInterrupt no error that anybody should mend.

    Attributes:
        number: of the signal.
        left: what there is now, for the line that the command ends with; empty where another process says it.
    """

    def __init__(self, number: int, left: str):
        super().__init__(number, left)
        self.number, self.left = number, left


@dataclasses.dataclass
class _Watch:
    """What a command knows of its signals: how they were handled before, whether they only ask, and which one did."""

    before: dict[int, Any]
    is_held: bool = False
    asked: int | None = None


_watch: _Watch | None = None


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Lets the runs of the body hold signals back; signals that are ignored stay so. For the main thread alone."""
    global _watch
    if _watch is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _NUMBERS}
    _watch = _Watch({number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN})
    complain = sys.unraisablehook
    sys.unraisablehook = lambda dropped: None if _was_noted(dropped.exc_value) else complain(dropped)
    try:
        if _watch.before.get(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _note)
        yield
    finally:
        sys.unraisablehook = complain
        for number, handler in _watch.before.items():
            _handle(number, handler)
        _watch = None


def hold() -> None:
    """From now on a signal only asks, and whoever works looks at `asked`; nothing where no command watches."""
    if _watch is not None and not _watch.is_held:
        _watch.is_held = True
        for number in _watch.before:
            signal.signal(number, _note)


def release() -> None:
    """From now on a signal acts at once again."""
    if is_held():
        _watch.is_held = False
        if signal.SIGTERM in _watch.before:
            _handle(signal.SIGTERM, _watch.before[signal.SIGTERM])


def is_held() -> bool:
    """Whether signals only ask."""
    return _watch is not None and _watch.is_held


def asked() -> int | None:
    """Returns the number of the signal that asked this process to end, None if there was none."""
    return None if _watch is None else _watch.asked


def _note(number: int, frame: Any) -> None:
    """Takes note, also of a Ctrl-C that acts at once: Python drops an exception that meets it in a destructor."""
    _watch.asked = _watch.asked or number
    if not _watch.is_held:
        raise KeyboardInterrupt


def _was_noted(error: BaseException | None) -> bool:
    """Whether `error` is a Ctrl-C that Python dropped and `asked` tells of."""
    return isinstance(error, KeyboardInterrupt) and asked() is not None


def _handle(number: int, handler: Any) -> None:
    signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: of another language
