"""Runs that are stopped in the middle."""

import itertools
import signal
from collections.abc import Callable

from procmem_jax.experiments.training.train import Progress


class Stop(Exception):
    """The run is stopped here."""


def stopper(chunks: int | None) -> Callable[[Progress], None]:
    """An `on_progress` that stops a run after some chunks of ticks, never for None."""
    count = itertools.count()

    def on_progress(progress: Progress) -> None:
        if progress.phase == "running" and next(count) == chunks:
            raise Stop

    return on_progress


def signaller(chunks: int) -> Callable[[Progress], None]:
    """An `on_progress` that sends this process a SIGTERM after some chunks of ticks."""
    count = itertools.count()

    def on_progress(progress: Progress) -> None:
        if progress.phase == "running" and next(count) == chunks:
            signal.raise_signal(signal.SIGTERM)

    return on_progress
