"""How far a study is: a bar on stderr, and a line on stdout for each arm that is done."""

import numpy as np

from procmem_jax.cli.reports.progress import ProgressBar
from procmem_jax.experiments.study.arms import Cell, Suite, list_cells
from procmem_jax.experiments.study.report import LAST
from procmem_jax.experiments.training.driver import Progress


class StudyProgress(ProgressBar):
    """The callbacks of `run_study`."""

    def __init__(self, suite: Suite, num_agents: int, *, show: bool = True):
        super().__init__(num_agents * sum(cell.num_episodes for cell in list_cells(suite)), show=show)
        self._num_agents = num_agents
        self._num_before = 0  # episodes of the cells that are done
        self._cell: Cell | None = None

    def on_start(self, cell: Cell) -> None:
        """Names the cell."""
        self._cell = cell

    def on_progress(self, progress: Progress) -> None:
        """Shows how far the study is."""
        head = f"{self._cell.task.name}, {self._cell.arm.name}: "
        self.show(progress, self._num_before + progress.finished_episodes, head)

    def on_done(self, cell: Cell, summary: dict) -> None:
        """Prints the cell's line."""
        self._num_before += self._num_agents * cell.num_episodes
        success = 100 * float(np.mean(summary["episodes"]["success"]["mean"][-LAST:]))
        seconds = summary["compile_seconds"] + summary["run_seconds"]
        line = f"{cell.task.name:<20} {cell.arm.name:<24} {cell.num_episodes:>5} episodes, success at the end"
        self.print(f"{line} {success:5.1f}%, {seconds:6.1f} s")
