"""The files of a run's folder: what was asked for, what came of it, its libraries."""

import dataclasses
import functools
import html
import pathlib
from typing import Any, Self

import numpy as np
import pyarrow as pa

from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.runs.evaluate import read_experiment
from procmem_jax.experiments.runs.libraries import libraries_of_run
from procmem_jax.experiments.runs.stored import CONFIG_FILE, EPISODES_FILE, SUMMARY_FILE, open_finished
from procmem_jax.experiments.runs.stored_episodes import read_columns
from procmem_jax.experiments.statistics.headline import Bounds, headline, headline_json, headline_lines
from procmem_jax.experiments.storage.files import expecting_fields, read_json
from procmem_jax.reports.words import run_words

_COLUMNS = (*(field.name for field in dataclasses.fields(EpisodeMetrics)), "optimal_steps", "env_steps")


@dataclasses.dataclass(frozen=True)
class RunFiles:
    """A finished run; its files are read when they are first asked for, and nothing that it names is imported before.

    Attributes:
        folder: of the run.
        stored: what `config.json` says.
    """

    folder: pathlib.Path
    stored: dict[str, Any] = dataclasses.field(repr=False)

    @classmethod
    def at(cls, folder: str | pathlib.Path) -> Self:
        """Returns the finished run in `folder`.

        Raises:
            ValueError: the folder holds no finished run, or its summary or episodes are damaged; the libraries are
                looked at when they are asked for.
        """
        folder = pathlib.Path(folder)
        stored = open_finished(folder, [SUMMARY_FILE, EPISODES_FILE])
        with expecting_fields(folder / CONFIG_FILE):
            run_words(stored)
        return cls(folder, stored)

    @property
    def config(self) -> Config:
        """Of the run; parts of a user's own are imported."""
        return self._experiment[1]

    @property
    def params(self) -> Params:
        """Of the run; parts of a user's own are imported."""
        return self._experiment[2]

    @property
    def metrics(self) -> EpisodeMetrics:
        """`[A, E]` NumPy arrays; None for what is unknown."""
        return EpisodeMetrics(**{name: self._columns[name] for name in _COLUMNS[:-2]})

    @property
    def optimal_steps(self) -> np.ndarray | None:
        """`[A, E]`, the fewest steps of each episode; None where they are unknown."""
        return self._columns["optimal_steps"]

    @property
    def env_steps(self) -> np.ndarray:
        """`[A, E]`, each agent's steps since it began, at the end of each episode."""
        return self._columns["env_steps"]

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` says."""
        return read_json(self.folder / SUMMARY_FILE)

    @functools.cached_property
    def libraries(self) -> SavedLibraries:
        """The final libraries; raises a ValueError if the memory was off."""
        return libraries_of_run(self.folder)

    @functools.cached_property
    def headline(self) -> dict[str, Bounds | int]:
        """See `statistics.headline`."""
        return headline(self.metrics, self.optimal_steps)

    def as_json(self) -> dict[str, Any]:
        """Returns the folder, what was run, and the headline, ready for JSON."""
        asked = {name: self.stored[name] for name in ("task", "preset", "agents", "episodes", "seed")}
        found = headline_json(self.headline)
        return {"folder": str(self.folder), **asked, "last_episodes": found.pop("episodes"), **found}

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in headline_lines(self.headline))
        return f"<b>{html.escape(str(self.folder))}</b>: {html.escape(run_words(self.stored))}<ul>{lines}</ul>"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r}: {run_words(self.stored)})"

    @functools.cached_property
    def _experiment(self) -> tuple[dict, Config, Params]:
        return read_experiment(self.folder)

    @functools.cached_property
    def _columns(self) -> dict[str, np.ndarray | None]:
        path = self.folder / EPISODES_FILE
        with expecting_fields(self.folder / CONFIG_FILE):
            shape = int(self.stored["agents"]), int(self.stored["episodes"])
        try:
            read = read_columns(path, _COLUMNS)
            return {name: None if column is None else column.reshape(shape) for name, column in read.items()}
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None
