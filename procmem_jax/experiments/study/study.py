"""The study: every arm of a suite, paired, its statistics, tables and figures in one folder.

Each arm on each task is a run in a folder of its own, so that an interrupted study goes on where it stopped, and any
part of it can be plotted, evaluated or repeated alone.
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

from procmem_jax.envs.grid.layouts import NUM_SHIFTING
from procmem_jax.experiments.runs.folders import run_training, stored_summary
from procmem_jax.experiments.runs.results import EPISODE_SCHEMA
from procmem_jax.experiments.runs.stored import AGAIN, EPISODES_FILE, SUMMARY_FILE, check_folder
from procmem_jax.experiments.storage.checksums import (
    OWN_SUM,
    SUMS,
    check_sums,
    hash_files,
    read_vouching,
    write_vouching,
)
from procmem_jax.experiments.storage.files import DamagedError, read_json, write_json, write_whole
from procmem_jax.experiments.storage.parquet import read_table, table_writer
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.study.arms import Cell, Suite, list_cells
from procmem_jax.experiments.study.report import Episodes, forgetting_row, study_row, study_tables
from procmem_jax.experiments.training.driver import Progress

IDENTITY_FILE = "study_config.json"
ROWS_FILE = "study.json"
TABLE_FILE = "study.md"
STUDY_EPISODES_FILE = "study.parquet"
RUNS_FOLDER = "runs"
_NAMES = pa.dictionary(pa.int16(), pa.string())
STUDY_SCHEMA = pa.schema([("task", _NAMES), ("arm", _NAMES), *EPISODE_SCHEMA])


@dataclasses.dataclass(frozen=True)
class Study:
    """What is to be run.

    Attributes:
        name: of the suite.
        suite: its tasks and arms.
        num_agents: A, of each arm.
        seed: of all runs.
    """

    name: str
    suite: Suite
    num_agents: int
    seed: int

    def identity(self) -> dict:
        """Returns what the folder of the study is known by, ready for JSON."""
        cells = [f"{cell.task.name}: {cell.arm.name}, {cell.num_episodes} episodes" for cell in list_cells(self.suite)]
        return {"study": self.name, "agents": self.num_agents, "seed": self.seed, "cells": cells}


def run_study(
    study: Study,
    folder: pathlib.Path,
    *,
    draw_figures: Callable[[pathlib.Path], object],
    on_start: Callable[[Cell], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_done: Callable[[Cell, dict], None] | None = None,
) -> str:
    """Returns the tables of the study as Markdown, and leaves all its files in `folder`.

    Args:
        study: what is to be run; finished runs of the same study in the folder are taken as they are.
        folder: made if it does not exist.
        draw_figures: called last with the folder.
        on_start: called with each cell before it is run or its stored run taken.
        on_progress: as for `train`, for each cell.
        on_done: called with each cell and the summary of its run.

    Raises:
        TypeError, ValueError: a run is impossible, or the folder holds something else.
        OSError: the folder cannot be written.
    """
    cells = list_cells(study.suite)
    specs = [cell.spec(study.num_agents, study.seed) for cell in cells]
    check_study_folder(folder, study)
    for cell, spec in zip(cells, specs, strict=True):
        spec.check()
        with _told_for_study(run_folder(folder, cell)):
            check_folder(run_folder(folder, cell), spec)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / IDENTITY_FILE, study.identity())
    for cell, spec in zip(cells, specs, strict=True):
        if on_start is not None:
            on_start(cell)
        with _told_for_study(run_folder(folder, cell)):
            summary = stored_summary(run_folder(folder, cell), spec)
        if summary is None:
            summary = run_training(spec, run_folder(folder, cell), draw_figure=_no_figure, on_progress=on_progress)
        if on_done is not None:
            on_done(cell, summary)
    tables = _report(study, folder, cells)
    draw_figures(folder)
    return tables


@contextlib.contextmanager
def _told_for_study(run: pathlib.Path) -> Iterator[None]:
    """Has the error about a damaged run say the way out of a study, which has no --force."""
    try:
        yield
    except DamagedError as error:
        why = str(error).removesuffix(f"; {AGAIN}")
        raise DamagedError(f"{why}; remove {run}, and the study runs it again") from None


def is_study(folder: pathlib.Path) -> bool:
    """Whether a folder is that of a study, finished or not."""
    return (folder / IDENTITY_FILE).exists()


def read_study(folder: pathlib.Path, names: Iterable[str] = ()) -> dict:
    """Returns the numbers of the finished study in `folder`, its files `names` being whole.

    Those of earlier versions hold no sums: nothing is known about their bits.

    Raises:
        DamagedError: a file is missing or not as it was written.
        ValueError: the folder holds no finished study.
    """
    if not (folder / ROWS_FILE).exists():
        raise ValueError(f"{folder} holds no finished study ({ROWS_FILE} is missing); give the folder of one")
    numbers = read_vouching(folder / ROWS_FILE)
    if SUMS in numbers:
        check_sums(folder, numbers[SUMS], names, "run the study again into the same folder")
    return {name: value for name, value in numbers.items() if name not in (SUMS, OWN_SUM)}


def run_folder(folder: pathlib.Path, cell: Cell) -> pathlib.Path:
    """Returns the folder of the run of a cell, of a study in `folder`."""
    return folder / RUNS_FOLDER / cell.folder_name


def check_study_folder(folder: pathlib.Path, study: Study) -> None:
    """Raises unless `folder` is absent, empty, or that of `study`, finished or not.

    Raises:
        ValueError: the folder holds something else; the message says what.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"out={folder} is not a folder; choose another")
    if not (folder / IDENTITY_FILE).exists():
        if any(folder.iterdir()):
            raise ValueError(f"out={folder} holds files that are not of a study; choose another or an empty folder")
        return
    stored, wanted = read_json(folder / IDENTITY_FILE), study.identity()
    differing = [name for name in wanted if stored.get(name) != wanted[name]]
    if differing:
        shown = [f"{name}: there {stored.get(name)}, here {wanted[name]}" for name in differing if name != "cells"]
        why = "; ".join(shown) or "other arms, tasks or episodes"
        raise ValueError(f"out={folder} holds another study ({why}); choose another folder")


def read_run(folder: pathlib.Path, num_agents: int) -> Episodes:
    """Returns the episodes `[A, E]` of the run in `folder`.

    Raises:
        ValueError: the file cannot be read.
    """
    path = folder / EPISODES_FILE
    try:
        table = read_table(path, columns=["steps", "success", "optimal_steps", "skills"])
        return Episodes(*(column.to_numpy().reshape(num_agents, -1) for column in table.columns))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None


def _no_figure(folder: pathlib.Path, path: pathlib.Path) -> None:
    """The study draws its own; `procmem plot` draws that of a run."""


def _report(study: Study, folder: pathlib.Path, cells: list[Cell]) -> str:
    rows, transfer = [], []
    for task in study.suite.tasks:
        of_task = [cell for cell in cells if cell.task == task]
        episodes = {cell.arm.name: read_run(run_folder(folder, cell), study.num_agents) for cell in of_task}
        for cell in of_task:
            row = study_row(cell.arm.name, episodes)
            summary = read_json(run_folder(folder, cell) / SUMMARY_FILE)
            row |= {name: summary[name] for name in ("run_seconds", "compile_seconds")}
            rows.append({"task": task.name, **row, "command": cell.command(study.num_agents, study.seed)})
        shift_every = dict(task.settings).get("shift_every")
        if shift_every is not None:
            transfer += [
                {"task": task.name, **forgetting_row(name, own, shift_every)}
                for name, own in episodes.items()
                if own.success.shape[1] >= 2 * NUM_SHIFTING * shift_every
            ]
    identity = {name: value for name, value in study.identity().items() if name != "cells"}
    tables = study_tables(identity, rows, transfer)
    write_whole(folder / TABLE_FILE, lambda aside: aside.write_text(tables, encoding="utf-8"))
    write_whole(folder / STUDY_EPISODES_FILE, lambda aside: _write_episodes(aside, folder, cells))
    numbers = {**identity, "versions": versions(), "rows": rows, "transfer": transfer}
    write_vouching(folder / ROWS_FILE, numbers, hash_files(folder, [TABLE_FILE, STUDY_EPISODES_FILE]))
    return tables


def _write_episodes(path: pathlib.Path, folder: pathlib.Path, cells: list[Cell]) -> None:
    """Writes all episodes, in the columns of `STUDY_SCHEMA`, one row group or more per cell."""
    tasks, arms = (
        list(dict.fromkeys(names)) for names in zip(*((c.task.name, c.arm.name) for c in cells), strict=True)
    )
    with table_writer(path, STUDY_SCHEMA) as writer:
        for cell in cells:
            table = read_table(run_folder(folder, cell) / EPISODES_FILE)
            for index, (name, known, value) in enumerate(
                (("task", tasks, cell.task.name), ("arm", arms, cell.arm.name))
            ):
                codes = np.full(len(table), known.index(value), np.int16)
                table = table.add_column(index, name, pa.DictionaryArray.from_arrays(codes, known).cast(_NAMES))
            writer.write_table(table)
