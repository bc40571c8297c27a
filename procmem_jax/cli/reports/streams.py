"""Standard output and error while a command works: what cannot be written or printed there never stops the work."""

import codecs
import contextlib
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator
from typing import IO, Any

_PLAIN = {"↑": "^", "↓": "v", "←": "<", "→": ">", "↶": "(", "↷": ")", "–": "-", "∞": "inf"}
_NARROWEST = 20  # characters of a column of text


class Unfailing:
    """A stream of text whose first failure is kept in `error`, and not raised; what comes after it is dropped."""

    def __init__(self, stream: IO[str]):
        self._stream = stream
        self._shared: IO[str] | None = None
        self.error: Exception | None = None

    def write(self, text: str) -> int:
        """Writes as long as that works."""
        self._attempt(self._stream.write, text)
        return len(text)

    def flush(self) -> None:
        """Flushes as long as that works."""
        self._attempt(self._stream.flush)

    def part_from_libraries(self) -> None:
        """Drops, from now on, what is written to this stream's descriptor, but not through it: by C++, for example."""
        if self._shared is None and self._stream is sys.__stdout__:
            self.flush()
            shared = self._stream
            own = os.dup(shared.fileno())
            buffering = 1 if shared.line_buffering else -1
            self._stream = open(own, "w", buffering, encoding=shared.encoding, errors=shared.errors)
            self._shared = shared
            _drop_rest(shared)

    def join_libraries(self) -> None:
        """Takes back `part_from_libraries`, if it was called."""
        if self._shared is not None:
            self.flush()
            os.dup2(self._stream.fileno(), self._shared.fileno())
            with contextlib.suppress(OSError):
                self._stream.close()
            self._stream, self._shared = self._shared, None

    def _attempt(self, act: Any, *arguments: str) -> None:
        try:
            if self.error is None:
                act(*arguments)
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def silence_libraries() -> None:
    """Leaves standard output to Python: gloo tells of every connection there, and has no setting that silences it."""
    if isinstance(sys.stdout, Unfailing):
        sys.stdout.part_from_libraries()


def wrapped(head: str, text: str) -> str:
    """Returns `text` behind `head`, on a terminal (or with COLUMNS set) in lines as wide as that, else in one line."""
    if not os.environ.get("COLUMNS") and not sys.stdout.isatty():
        return head + text
    width = max(shutil.get_terminal_size().columns, len(head) + _NARROWEST)
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head))


@contextlib.contextmanager
def unfailing_streams() -> Iterator[tuple[Unfailing, Unfailing]]:
    """Yields standard output and error as the body has them: characters that they lack are replaced by ASCII ones."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # where a stream was closed, sys has None
        streams = [Unfailing(stream or nowhere) for stream in (sys.stdout, sys.stderr)]
        for stream in streams:
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="procmem-plain")
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            try:
                yield streams[0], streams[1]
            finally:
                for stream in streams:
                    stream.flush()
                    stream.join_libraries()
                    if stream.error is not None:  # the interpreter would complain once more when it ends
                        _drop_rest(stream)


def _drop_rest(stream: Unfailing) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _plain(error: UnicodeError) -> tuple[str, int]:
    """Returns what stands for the characters that cannot be encoded, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character) or _without_marks(character) for character in characters), error.end


def _without_marks(character: str) -> str:
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


codecs.register_error("procmem-plain", _plain)
