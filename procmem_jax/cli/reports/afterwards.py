"""What comes after the results are stored: it may fail without taking them along."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

from procmem_jax.cli.reports.progress import warn


@contextlib.contextmanager
def stored_anyway(what: str) -> Iterator[None]:
    """Turns any failure of the body into a warning: `what` failed, but what was computed is stored."""
    try:
        yield
    except Exception as error:
        why = " ".join(str(error).split()) or type(error).__name__
        warn(f"{what} could not be made ({why}); the results are stored")


def figure_or_warning(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `draw`, which draws a figure, as a function whose failure is a warning; it then returns None."""

    @functools.wraps(draw)
    def draw_or_warn(*arguments: Any, **options: Any) -> Any:
        with stored_anyway("the figure"):
            return draw(*arguments, **options)
        return None

    return draw_or_warn
