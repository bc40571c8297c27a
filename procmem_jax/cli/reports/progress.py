"""Progress on stderr, and warnings."""

import sys
from typing import Self

from tqdm import tqdm

from procmem_jax.experiments.processes import is_first
from procmem_jax.experiments.training.train import Progress


class ProgressBar:
    """A bar of finished episodes on stderr, if that is a terminal, while `train` runs."""

    def __init__(self, num_episodes: int, *, show: bool = True):
        self._bar = tqdm(
            total=num_episodes,
            unit=" episodes",
            unit_scale=True,
            file=sys.stderr,
            disable=None if show and is_first() else True,  # None: only on a terminal
            leave=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self._bar.close()

    def on_progress(self, progress: Progress) -> None:
        """Moves the bar."""
        self._bar.set_description(progress.phase, refresh=False)
        self._bar.update(progress.finished_episodes - self._bar.n)
        self._bar.refresh()

    def print(self, line: str) -> None:
        """Prints a line to stdout without disturbing the bar; of several processes only the first does."""
        if is_first():
            self._bar.clear()
            print(line, flush=True)


def warn(text: str) -> None:
    """Prints a warning of one line to stderr; of several processes only the first does."""
    if is_first():
        print(f"procmem: warning: {text}", file=sys.stderr)
