"""A run opened in Python: its files, its figure and its page."""

import dataclasses
import pathlib

from procmem_jax.figures.training import plot_run
from procmem_jax.reports.page import Chosen, write_report
from procmem_jax.reports.runs import RunFiles


@dataclasses.dataclass(frozen=True, repr=False)
class Run(RunFiles):
    """A finished run; its files are read when they are first asked for."""

    def plot(self, path: str | pathlib.Path | None = None) -> pathlib.Path:
        """Returns the path of the figure that `procmem plot` draws, by default `training.png` in the folder."""
        return plot_run(self.folder, None if path is None else pathlib.Path(path))

    def report(
        self, path: str | pathlib.Path | None = None, *, agent: int = 0, episode: int = -1, replay: bool = True
    ) -> pathlib.Path:
        """Returns the path of the page that `procmem report` writes, by default `report.html` in the folder."""
        return write_report([self.folder], path, chosen=Chosen(agent, episode, replay))


def open_run(folder: str | pathlib.Path) -> Run:
    """Returns the finished run in `folder`, such as `procmem train` and `TrainResult.save` leave.

    Raises:
        ValueError: the folder holds no finished run; other files are checked when they are read.
    """
    return Run.at(folder)
