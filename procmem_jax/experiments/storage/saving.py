"""Saving a long run from time to time, and going on from there."""

import pathlib
import shutil
import time
from collections.abc import Callable
from typing import Any

from procmem_jax.experiments.defaults import CHECKPOINT_SECONDS
from procmem_jax.experiments.processes import asked_anywhere, end_if_asked, from_first
from procmem_jax.experiments.storage.checkpoints import flatten_state, load_checkpoint, save_checkpoint
from procmem_jax.experiments.storage.versions import versions

_LARGEST_SHARE = 0.04  # of the time; saving that takes longer is done less often


class Saver:
    """Writes checkpoints of one run into a folder, at most so often; of several processes only the first does.

    Attributes:
        every: seconds between two of them.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        identity: dict,
        *,
        every: float = CHECKPOINT_SECONDS,
        on_warning: Callable[[str], None] = lambda text: None,
    ):
        """Prepares; nothing is read or written yet.

        Args:
            folder: of the checkpoints alone; made when the first is written.
            identity: what the state belongs to, ready for JSON; a checkpoint of anything else is not used.
            every: seconds between two checkpoints, more where writing one takes long; 0 saves whenever it can.
            on_warning: called with a line about every checkpoint that is not used.

        Raises:
            ValueError: `every` is negative or not a number.
        """
        if not every >= 0:
            raise ValueError(f"checkpoint_every={every} is below 0 seconds; give at least 0")
        self.every = every
        self._folder, self._on_warning = folder, on_warning
        self._identity = {"run": identity, "key_implementation": "threefry2x32", "versions": versions()}
        self._damaged: tuple[pathlib.Path, ...] = ()
        self._next = time.monotonic() + every

    def load(self) -> tuple[dict, dict] | None:
        """Returns (arrays by name, content) of the newest whole checkpoint, None if there is none to go on from.

        Raises:
            OSError: a file cannot be read.
            ValueError: a checkpoint of another schema.
        """
        return from_first(self._load)

    def _load(self) -> tuple[dict, dict] | None:
        loaded = load_checkpoint(self._folder)
        for path, why in loaded.damaged.items():
            self._on_warning(f"{path} is damaged ({why}), the one before it is used")
        self._damaged = tuple(loaded.damaged)
        if loaded.checkpoint is None:
            return None
        stored = loaded.checkpoint.content
        if stored["identity"] != self._identity:
            self._on_warning(f"{loaded.checkpoint.path} was made by another version or run; starting anew")
            return None
        return loaded.checkpoint.arrays, stored["content"]

    def save_if_due(self, make: Callable[[], tuple[Any, dict]]) -> None:
        """Saves what `make` returns, (pytree of arrays, content ready for JSON), if it is time or a signal asks to end.

        Raises:
            OSError: the checkpoint cannot be written; earlier ones are as they were.
            Interrupted: it was a signal, and the checkpoint is written.
        """
        now = time.monotonic()
        if asked_anywhere() is not None:
            self.save_and_release(make)
        elif from_first(lambda: now >= self._next):
            self._save_now(make)

    def save_and_release(self, make: Callable[[], tuple[Any, dict]]) -> None:
        """Saves at once, as `save_if_due` would, and has signals act again: for what hears none, as compilation."""
        self._save_now(make)
        end_if_asked(f"a checkpoint is in {self._folder}; the same command again goes on from there")

    def _save_now(self, make: Callable[[], tuple[Any, dict]]) -> None:
        started = time.monotonic()
        tree, content = make()
        arrays, content = flatten_state(tree), {"identity": self._identity, "content": content}
        from_first(lambda: self._save(arrays, content))
        now = time.monotonic()
        self._next = now + (max(self.every, (now - started) / _LARGEST_SHARE) if self.every else 0.0)

    def _save(self, arrays: dict, content: dict) -> None:
        save_checkpoint(self._folder, arrays, content, damaged=self._damaged)
        self._damaged = ()

    def clear(self) -> None:
        """Removes all checkpoints: the run is done."""
        from_first(lambda: shutil.rmtree(self._folder, ignore_errors=True))
