"""Imports that take long: a sign of life meanwhile, and those that can wait done beside other work."""

import contextlib
import importlib
import sys
import threading
from collections.abc import Iterator

_TEXT = "procmem: loading jax"
_FOR_FIGURES = (
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "matplotlib.ticker",
    "pandas",  # which pyarrow imports by itself where it is installed
)


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


def load_for_figures_meanwhile() -> None:
    """Begins to import what the files and the figure of a run need, while the caller compiles its programs."""
    threading.Thread(target=_import_all, args=(_FOR_FIGURES,)).start()


def _import_all(names: tuple[str, ...]) -> None:
    for name in names:
        with contextlib.suppress(Exception):  # whoever needs it says so; a program at its end imports nothing
            importlib.import_module(name)
