"""The rows of a sweep on their way through the lanes: which run together, what is gathered, when a part is whole.

Row g * S + k is agent k in setting g. Settings that differ in traced numbers only share a compiled program and its
lanes; results are gathered into parts of a fixed number of rows, the same however they were run.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.procedural import EpisodeMetrics
from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments.storage.checkpoints import restore_state
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.training.lanes import CHUNK_TICKS, IDLE, Lanes, LaneState, Rows, lane_width, usable_devices
from procmem_jax.experiments.training.train import Progress
from procmem_jax.records import as_arrays

_PART_EPISODES = 1 << 20
_PART_ROWS = 1 << 16


@dataclasses.dataclass(frozen=True)
class Part:
    """Rows that are done.

    Attributes:
        number: of the part, from 0.
        rows: `[R]` int64, ascending.
        metrics: `[R, E]` in each field.
    """

    number: int
    rows: np.ndarray
    metrics: EpisodeMetrics


@dataclasses.dataclass(frozen=True)
class Group:
    """Rows that run in one compiled program.

    Attributes:
        config: static settings of them all.
        params: one record, or `[G]` in each field.
        ids: `[R]` int64, the sweep's row numbers.
        settings: `[R]` int32, which of the G; None for one record.
    """

    config: Config
    params: Params
    ids: np.ndarray
    settings: np.ndarray | None


def rows_per_part(num_episodes: int) -> int:
    """Returns how many rows a part holds."""
    return max(1, min(_PART_ROWS, _PART_EPISODES // num_episodes))


def make_groups(
    settings: Sequence[tuple[Config, Params]], num_seeds: int, first_row: int, last_row: int
) -> list[Group]:
    """Returns the rows from `first_row` to `last_row` - 1 by program, in the order in which their configs appear."""
    members: dict[Config, list[int]] = {}
    for index in range(first_row // num_seeds, -(-last_row // num_seeds)):
        members.setdefault(settings[index][0], []).append(index)
    groups = []
    for config, indices in members.items():
        ids = np.concatenate([np.arange(index * num_seeds, (index + 1) * num_seeds) for index in indices])
        kept = (ids >= first_row) & (ids < last_row)
        own = np.repeat(np.arange(len(indices), dtype=np.int32), num_seeds)[kept]
        records = [settings[index][1] for index in indices]
        if len(records) == 1:
            groups.append(Group(config, records[0], ids[kept], None))
        else:
            stacked = jax.tree.map(
                lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *map(as_arrays, records)
            )
            groups.append(Group(config, stacked, ids[kept], own))
    return groups


class Gathering:
    """The rows of parts that are not whole yet."""

    def __init__(self, num_episodes: int, first_row: int, last_row: int):
        self._size = rows_per_part(num_episodes)
        self._num_episodes, self._first, self._last = num_episodes, first_row, last_row
        self._open: dict[int, tuple[EpisodeMetrics, np.ndarray]] = {}

    def add(self, rows: np.ndarray, metrics: EpisodeMetrics) -> list[Part]:
        """Takes over rows that are done, and returns the parts that they complete."""
        whole = []
        for number in np.unique(rows // self._size).tolist():
            mine = rows // self._size == number
            bounds = self._bounds(number)
            count = bounds[1] - bounds[0]
            self._open.setdefault(number, (_no_metrics(count, self._num_episodes), np.zeros(count, np.bool_)))
            gathered, done = self._open[number]
            places = rows[mine] - bounds[0]
            _put_rows(gathered, places, jax.tree.map(lambda column, mine=mine: column[mine], metrics))
            done[places] = True
            if done.all():
                del self._open[number]
                whole.append(Part(number, np.arange(*bounds), gathered))
        return whole

    def snapshot(self) -> dict[str, Any]:
        """Returns the gathered rows as arrays, `rows` `[M]` and `metrics` `[M, E]`."""
        ids, columns = [np.zeros(0, np.int64)], [_no_metrics(0, self._num_episodes)]
        for number, (gathered, done) in sorted(self._open.items()):
            ids.append(self._bounds(number)[0] + np.flatnonzero(done))
            columns.append(jax.tree.map(lambda column, d=done: column[d], gathered))
        return {"rows": np.concatenate(ids), "metrics": jax.tree.map(lambda *parts: np.concatenate(parts), *columns)}

    def _bounds(self, number: int) -> tuple[int, int]:
        return max(number * self._size, self._first), min((number + 1) * self._size, self._last)


def _no_metrics(num_rows: int, num_episodes: int) -> EpisodeMetrics:
    def column(dtype):
        return np.zeros((num_rows, num_episodes), dtype)

    return EpisodeMetrics(column(np.float32), column(np.int32), column(np.bool_), *(column(np.int32) for _ in range(3)))


def _put_rows(target: EpisodeMetrics, places: np.ndarray, source: EpisodeMetrics) -> None:
    def put(column: np.ndarray, values: np.ndarray) -> None:
        column[places] = values

    jax.tree.map(put, target, source)


class SweepWork:
    """Rows of a sweep, run group by group.

    Attributes:
        compile_seconds, run_seconds: so far, of all parts of an interrupted sweep together.
        num_steps: primitive steps of the rows that are done.
        written: what a checkpoint is to remember of the parts that were handed out; the caller's to fill.
    """

    def __init__(
        self,
        key: jax.Array,
        settings: Sequence[tuple[Config, Params]],
        num_seeds: int,
        num_episodes: int,
        *,
        first_row: int = 0,
        last_row: int | None = None,
        lanes: int,
        devices: Sequence[jax.Device],
        saver: Saver | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ):
        last_row = len(settings) * num_seeds if last_row is None else last_row
        self._key, self._num_seeds, self._num_episodes = key, num_seeds, num_episodes
        self._lanes, self._devices, self._saver, self._on_progress = lanes, devices, saver, on_progress
        self._groups = make_groups(settings, num_seeds, first_row, last_row)
        self._gathering = Gathering(num_episodes, first_row, last_row)
        self._total = (last_row - first_row) * num_episodes
        self._done_before = 0
        self.compile_seconds = self.run_seconds = 0.0
        self.num_steps = 0
        self.written: dict[str, str] = {}

    def parts(self, stored: tuple[dict, dict] | None = None) -> Iterator[Part]:
        """Yields the parts as they become whole; a checkpoint is taken only after the caller has come back for more.

        Args:
            stored: (arrays, content) of a checkpoint to go on from.
        """
        first = 0
        if stored is not None:
            first = self._recall(*stored)
        for index, group in enumerate(self._groups):
            if index >= first:
                yield from self._run_group(index, group, stored if index == first else None)
            self._done_before += len(group.ids) * self._num_episodes

    def _recall(self, arrays: dict, content: dict) -> int:
        """Takes over what a checkpoint says of the whole sweep, and returns the group that was running."""
        rows = content["gathered"]
        like = {"rows": np.zeros(rows, np.int64), "metrics": _no_metrics(rows, self._num_episodes)}
        mine = {name: array for name, array in arrays.items() if not name.startswith("['lanes']")}
        stored = restore_state(like, mine)
        self._gathering.add(stored["rows"], stored["metrics"])
        self.written.update(content["written"])
        self.run_seconds, self.num_steps = content["run_seconds"], content["num_steps"]
        return content["group"]

    def _run_group(self, index: int, group: Group, stored: tuple[dict, dict] | None) -> Iterator[Part]:
        self._tell("compiling", 0)
        rows = Rows(group.ids % self._num_seeds, group.params, group.settings)
        width = lane_width(len(group.ids), self._lanes, self._devices) if stored is None else stored[1]["width"]
        shape = self._num_episodes, width, usable_devices(self._devices, width)
        work = Lanes(self._key, group.config, rows, *shape, keep_libraries=False)
        self.compile_seconds += work.compile_seconds
        started = time.perf_counter()
        if stored is None:
            state = work.begin()
        else:
            mine = {name: array for name, array in stored[0].items() if name.startswith("['lanes']")}
            state = work.restore(restore_state({"lanes": work.like()}, mine)["lanes"])
        while not work.is_done(state):
            state = work.advance(state, CHUNK_TICKS)
            state, harvest = work.harvest(state)
            if harvest is not None:
                self.num_steps += int(harvest.metrics.steps.sum(dtype=np.int64))
                yield from self._gathering.add(group.ids[harvest.rows], harvest.metrics)
            now = time.perf_counter()
            self.run_seconds, started = self.run_seconds + now - started, now
            begun = state.rows[state.rows != IDLE]
            self._tell("running", (int(state.next_row) - len(begun)) * self._num_episodes + _finished(work, state))
            if self._saver is not None:
                self._saver.save_if_due(lambda state=state: self._snapshot(index, state))

    def _snapshot(self, index: int, state: LaneState) -> tuple[dict, dict]:
        gathered = self._gathering.snapshot()
        content = {
            "group": index,
            "width": len(state.rows),
            "gathered": len(gathered["rows"]),
            "run_seconds": self.run_seconds,
            "num_steps": self.num_steps,
            "written": self.written,
        }
        return {"lanes": state, **gathered}, content

    def _tell(self, phase: str, finished: int) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(phase, self._done_before + finished, self._total))


def _finished(work: Lanes, state: LaneState) -> int:
    return int(work.finished_episodes(state)[state.rows != IDLE].sum())
