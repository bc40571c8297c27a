"""A sign of life while jax and the like are imported: nothing here needs them."""

import contextlib
import sys
from collections.abc import Iterator

_TEXT = "procmem: loading jax"


@contextlib.contextmanager
def loading(*, show: bool = True) -> Iterator[None]:
    """Says on a terminal, while the body imports what takes a second or two, that it does."""
    show = show and sys.stderr.isatty()
    if show:
        print(_TEXT, end="\r", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if show:
            print(" " * len(_TEXT), end="\r", file=sys.stderr, flush=True)
