"""Progress on stderr, and warnings."""

import sys
import time
from typing import Self

from tqdm import tqdm

from procmem_jax.experiments.processes import is_first
from procmem_jax.experiments.training.driver import Progress

_LOG_SECONDS = 10.0  # between two lines in a log, more in a long run
_LOG_SHARE = 0.05  # of the time that has passed


class ProgressBar:
    """What is compiled, then how many episodes are finished: a bar on a terminal, lines now and then in a log."""

    def __init__(self, num_episodes: int, *, show: bool = True):
        """Shows nothing yet; nothing at all unless `show`."""
        self._show = show and is_first()
        self._bar = tqdm(
            total=num_episodes,
            unit=" episodes",
            unit_scale=True,
            file=sys.stderr,
            disable=None if self._show else True,  # None: only on a terminal
            leave=False,
        )
        self._logs = self._show and self._bar.disable
        self._before: int | None = None  # episodes that a checkpoint brought: they took no time
        self._seconds, self._since, self._next = 0.0, 0.0, _LOG_SECONDS  # running so far, until when, next line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self._bar.close()

    def on_progress(self, progress: Progress) -> None:
        """Shows how far the run is; what compiling takes is no measure of the time that is left."""
        self.show(progress, progress.finished_episodes)

    def show(self, progress: Progress, finished: int, head: str = "") -> None:
        """Shows `finished` of all episodes, in the phase that `progress` tells, after a few words on where that is."""
        now = time.monotonic()
        what = f"{head}{progress.phase}{progress.detail and f', {progress.detail}'}"
        self._bar.set_description(what, refresh=False)
        if progress.phase == "compiling":
            self._say(what)
            self._since = 0.0
        else:
            self._run(finished, now)
        self._bar.refresh()

    def _run(self, finished: int, now: float) -> None:
        if not self._since:  # the first chunk after a compilation, whose own time is not known
            self._since = now
            if not self._bar.disable:
                self._bar.unpause()
        self._seconds, self._since = self._seconds + now - self._since, now
        if self._before is None:
            self._before = self._bar.initial = self._bar.n = finished
        if not self._bar.disable:
            self._bar.update(finished - self._bar.n)
        if self._seconds >= self._next:
            self._next = self._seconds + max(_LOG_SECONDS, _LOG_SHARE * self._seconds)
            self._say(self._line(finished))

    def _line(self, finished: int) -> str:
        done, left = finished - self._before, self._bar.total - finished
        text = f"{finished:,} of {self._bar.total:,} episodes ({finished / self._bar.total:.0%})"
        return f"{text}, about {duration(self._seconds * left / done)} left" if done else text

    def _say(self, text: str) -> None:
        if self._logs:
            print(f"procmem: {text}", file=sys.stderr, flush=True)

    def print(self, line: str) -> None:
        """Prints a line to stdout without disturbing the bar; of several processes only the first does."""
        if is_first():
            self._bar.clear()
            print(line, flush=True)


def duration(seconds: float) -> str:
    """Returns a time in the largest unit of which there are two."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def warn(text: str) -> None:
    """Prints a warning of one line to stderr; of several processes only the first does."""
    if is_first():
        print(f"procmem: warning: {text}", file=sys.stderr)
