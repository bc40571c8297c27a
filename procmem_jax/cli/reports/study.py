"""How far a study is: a bar on stderr, and a line on stdout for each arm that is done."""

import sys
from typing import Self

import numpy as np
from tqdm import tqdm

from procmem_jax.experiments.study.arms import Cell, Suite, list_cells
from procmem_jax.experiments.study.report import LAST
from procmem_jax.experiments.training.driver import Progress


class StudyProgress:
    """The callbacks of `run_study`."""

    def __init__(self, suite: Suite, num_agents: int, *, show: bool = True):
        self._num_agents = num_agents
        self._bar = tqdm(
            total=num_agents * sum(cell.num_episodes for cell in list_cells(suite)),
            unit=" episodes",
            unit_scale=True,
            file=sys.stderr,
            disable=None if show else True,  # None: only on a terminal
            leave=False,
        )
        self._before = 0  # episodes of the cells that are done
        self._cell: Cell | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self._bar.close()

    def on_start(self, cell: Cell) -> None:
        """Names the cell."""
        self._cell = cell

    def on_progress(self, progress: Progress) -> None:
        """Moves the bar."""
        self._bar.set_description(f"{self._cell.task.name}, {self._cell.arm.name}, {progress.phase}", refresh=False)
        self._move(progress.finished_episodes)

    def on_done(self, cell: Cell, summary: dict) -> None:
        """Prints the cell's line."""
        self._move(self._num_agents * cell.num_episodes)
        self._before += self._num_agents * cell.num_episodes
        success = 100 * float(np.mean(summary["episodes"]["success"]["mean"][-LAST:]))
        seconds = summary["compile_seconds"] + summary["run_seconds"]
        self._bar.clear()
        line = f"{cell.task.name:<20} {cell.arm.name:<24} {cell.num_episodes:>5} episodes, success at the end"
        print(f"{line} {success:5.1f}%, {seconds:6.1f} s", flush=True)

    def _move(self, finished: int) -> None:
        self._bar.update(self._before + finished - self._bar.n)
        self._bar.refresh()
