"""What other programs may follow while a run goes on: JSON lines always, TensorBoard and Weights & Biases if asked for.

All are written between two chunks of ticks, an episode at a time, once all agents have finished it.
"""

import dataclasses
import importlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any, Protocol

import jax
import numpy as np

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.storage.files import make_folder, plain, told_where, write_whole

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"
WANDB_FOLDER = "wandb"
_WANDB_RUN = "procmem-run"  # a file that holds the run's id there


class Tracker(Protocol):
    """Something that is told of every episode, in order; a run that goes on may begin anywhere."""

    def on_episode(self, episode: int, metrics: EpisodeMetrics) -> None:
        """Takes over the metrics `[A]` of an episode, numbered from 0."""

    def finish(self, metrics: EpisodeMetrics) -> None:
        """Takes over all metrics, `[A, E]`, once the run is done."""


def means_of(metrics: EpisodeMetrics) -> dict[str, float]:
    """Returns the mean over agents of every metric of one episode (`[A]` in each field) but `end`, by name."""
    columns = dataclasses.replace(metrics, end=None).known()
    with np.errstate(invalid="ignore"):  # rewards of a foreign world may be infinite
        return {name: float(np.mean(np.ascontiguousarray(each), dtype=np.float64)) for name, each in columns.items()}


def _package(name: str, option: str) -> Any:
    """Returns a package that not everybody has; raises a ValueError that says how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ValueError(f"{option} needs a package; install it with: pip install {name}") from None


def _episode_of(metrics: EpisodeMetrics, episode: int) -> EpisodeMetrics:
    return jax.tree.map(lambda column: column[:, episode], metrics)


class JsonLines:
    """A file with a line per episode: its number from 0, and means over agents."""

    def __init__(self, path: pathlib.Path, *, live: bool = True):
        """Prepares; nothing is written yet.

        Args:
            path: of the file.
            live: whether lines are added one by one; otherwise the file is left as it is until the run is done.
        """
        self._path, self._live, self._is_open = path, live, False

    def on_episode(self, episode: int, metrics: EpisodeMetrics) -> None:
        """Adds the episode's line; the first to come removes lines of this episode and later ones."""
        if not self._live:
            return
        if not self._is_open:
            # Whatever became of its bits: the file is written anew when the run is done.
            text = self._path.read_text(encoding="utf-8", errors="replace") if self._path.exists() else ""
            lines = text.splitlines(True)
            write_whole(self._path, lambda aside: aside.write_text("".join(lines[:episode]), encoding="utf-8"))
            self._is_open = True
        with told_where(self._path), open(self._path, "a", encoding="utf-8") as file:
            file.write(_line(episode, metrics))

    def finish(self, metrics: EpisodeMetrics) -> None:
        """Writes the whole file anew: a crash of the machine may have lost lines."""
        lines = [_line(episode, _episode_of(metrics, episode)) for episode in range(metrics.steps.shape[1])]
        write_whole(self._path, lambda aside: aside.write_text("".join(lines), encoding="utf-8"))


def _line(episode: int, metrics: EpisodeMetrics) -> str:
    return json.dumps(plain({"episode": episode, **means_of(metrics)}), allow_nan=False) + "\n"


class TensorBoard:
    """Events in a folder that TensorBoard reads: a scalar per metric, the mean over agents, at every episode."""

    def __init__(self, folder: pathlib.Path):
        """Prepares; nothing is written yet.

        Raises:
            ValueError: the package tensorboardX is missing.
        """
        self._folder, self._make, self._writer = folder, _package("tensorboardX", "--tensorboard").SummaryWriter, None

    def on_episode(self, episode: int, metrics: EpisodeMetrics) -> None:
        """Adds the episode's scalars; the first to come takes back what an interrupted run wrote of later ones."""
        if self._writer is None:
            if episode == 0:
                shutil.rmtree(self._folder, ignore_errors=True)
            self._writer = self._make(str(self._folder), purge_step=episode)
        for name, mean in means_of(metrics).items():
            self._writer.add_scalar(name, mean, episode)

    def finish(self, metrics: EpisodeMetrics) -> None:
        """Closes the files."""
        del metrics
        if self._writer is not None:
            self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases: the mean over agents of every metric at every episode.

    Where its files go, to which project and whether over the network is told as for any program, by variables such as
    WANDB_PROJECT (by default procmem) and WANDB_MODE=offline.
    """

    def __init__(self, folder: pathlib.Path, config: dict[str, Any], on_warning: Callable[[str], None]):
        """Prepares; nothing is written yet.

        Args:
            folder: of the run; the files of Weights & Biases go to its folder `wandb`.
            config: of the run, ready for JSON.
            on_warning: called with a line if episodes cannot be told any more.

        Raises:
            ValueError: the package wandb is missing.
        """
        self._folder, self._config, self._on_warning = folder, config, on_warning
        self._wandb, self._run, self._has_failed = _package("wandb", "--wandb"), None, False

    def on_episode(self, episode: int, metrics: EpisodeMetrics) -> None:
        """Logs the episode. A run that goes on is one run there too, which leaves out episodes that it knows.

        Raises:
            ValueError: Weights & Biases does not begin the run; nobody is logged in, for example.
        """
        if self._run is None:
            try:
                self._run = self._begin(goes_on=episode > 0)
            except Exception as error:
                why = " ".join(str(error).split())
                raise ValueError(f"--wandb: {why}; log in (`wandb login`) or set WANDB_MODE=offline") from None
        self._attempt(lambda: self._run.log(means_of(metrics), step=episode))

    def finish(self, metrics: EpisodeMetrics) -> None:
        """Ends the run."""
        del metrics
        if self._run is not None:
            self._attempt(self._run.finish)

    def _begin(self, goes_on: bool) -> Any:
        file = self._folder / WANDB_FOLDER / _WANDB_RUN
        known = file.read_text(encoding="utf-8").strip() if goes_on and file.exists() else None
        run = self._wandb.init(
            dir=str(self._folder.absolute()),
            project=os.environ.get("WANDB_PROJECT", "procmem"),
            name=os.environ.get("WANDB_NAME", self._folder.absolute().name),
            config=self._config,
            id=known,
            resume="allow" if known else None,
            settings={"console": "off"},  # what the command prints is not the run's log
        )
        make_folder(file.parent)
        write_whole(file, lambda aside: aside.write_text(run.id, encoding="utf-8"))
        return run

    def _attempt(self, act: Callable[[], Any]) -> None:
        """Calls `act` as long as that works: a run is not lost for those who watch it."""
        try:
            if not self._has_failed:
                act()
        except Exception as error:
            self._has_failed = True
            why = " ".join(str(error).split()) or type(error).__name__
            self._on_warning(f"Weights & Biases is told no more ({why}); {METRICS_FILE} holds all episodes")
