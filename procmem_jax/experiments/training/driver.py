"""Rows of settings times agents on their way through the lanes: a training is one setting, a sweep many.

Row g * S + k is agent k in setting g. Settings that differ in traced numbers only share a compiled program and its
lanes; results are gathered into parts of a fixed number of rows, the same however they were run.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments import signals
from procmem_jax.experiments.processes import from_first, spans_processes
from procmem_jax.experiments.storage.checkpoints import restore_state
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.training.lanes import (
    CHUNK_TICKS,
    IDLE,
    Lanes,
    LaneState,
    Rows,
    lane_width,
    usable_devices,
)
from procmem_jax.experiments.training.parts import Part, PartBuffer
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import as_arrays

_PART_EPISODES = 1 << 20
_PART_ROWS = 1 << 16
_COMPILE_SECONDS = 6.0  # of a program with a memory on two cores, to begin with
_CHUNK_SECONDS = 2.0  # the longest: a signal waits for the end of a chunk


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a run is, told after every chunk.

    Attributes:
        phase: "compiling" or "running".
        finished_episodes: of all rows together.
        total_episodes: of all rows together.
        detail: of a compilation: about how long it takes, and what is compiled.
    """

    phase: str
    finished_episodes: int
    total_episodes: int
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """Rows that run in one compiled program.

    Attributes:
        config: static settings of them all.
        params: one record, or `[G]` in each field.
        ids: `[R]` int64, the row numbers.
        settings: `[R]` int32, which of the G; None for one record.
    """

    config: Config
    params: Params
    ids: np.ndarray
    settings: np.ndarray | None


def rows_per_part(num_episodes: int) -> int:
    """Returns how many rows a part of a sweep holds."""
    return max(1, min(_PART_ROWS, _PART_EPISODES // num_episodes))


def make_groups(
    settings: Sequence[tuple[Config, Params]], num_agents: int, first_row: int, last_row: int
) -> list[Group]:
    """Returns the rows from `first_row` to `last_row` - 1 by program, in the order in which their configs appear."""
    members: dict[Config, list[int]] = {}
    for index in range(first_row // num_agents, -(-last_row // num_agents)):
        members.setdefault(settings[index][0], []).append(index)
    groups = []
    for config, indices in members.items():
        bounds = [(max(i * num_agents, first_row), min((i + 1) * num_agents, last_row)) for i in indices]
        ids = np.concatenate([np.arange(*ends) for ends in bounds])
        own = np.repeat(np.arange(len(indices), dtype=np.int32), [end - start for start, end in bounds])
        records = [settings[index][1] for index in indices]
        if len(records) == 1:
            groups.append(Group(config, records[0], ids, None))
        else:
            stacked = jax.tree.map(
                lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *map(as_arrays, records)
            )
            groups.append(Group(config, stacked, ids, own))
    return groups


@dataclasses.dataclass(frozen=True)
class Kept:
    """What a driver does with rows beside their metrics.

    Attributes:
        rows_per_part: rows of a part.
        libraries: whether the final libraries are kept; all settings must have libraries of one size.
        first_agent: the global number of agent 0 of every setting.
        initial_libraries: `[R, N, ...]`, the skills that rows start with; None for none.
    """

    rows_per_part: int
    libraries: bool = False
    first_agent: int = 0
    initial_libraries: SkillLibrary | None = None


class Driver:
    """Rows, run group by group.

    Attributes:
        compile_seconds, run_seconds: so far, of all parts of an interrupted run together.
        num_steps: primitive steps of the rows that are done.
        notes: what a checkpoint is to remember beside its own; the caller's to fill, ready for JSON.
        buffer: the rows that are done, and not handed out.
    """

    def __init__(
        self,
        key: jax.Array,
        settings: Sequence[tuple[Config, Params]],
        num_agents: int,
        num_episodes: int,
        kept: Kept,
        *,
        first_row: int = 0,
        last_row: int | None = None,
        lanes: int,
        devices: Sequence[jax.Device],
        chunk_ticks: int | None = None,
        saver: Saver | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_chunk: Callable[[Lanes, LaneState], None] | None = None,
    ):
        """Prepares; nothing is compiled yet.

        Args:
            key: the run key.
            settings: (config, params) of each.
            num_agents: S, of each setting.
            num_episodes: E, of each row.
            kept: what is done with the rows.
            first_row, last_row: the rows to run, by default all.
            lanes: rows at once.
            devices: that share the lanes.
            chunk_ticks: most steps between two looks at the progress; by default `CHUNK_TICKS`.
            saver: where checkpoints go.
            on_progress: called before each compilation and after every chunk.
            on_chunk: called after every chunk, once the rows that are done have been gathered.
        """
        last_row = len(settings) * num_agents if last_row is None else last_row
        self._key, self._num_agents, self._num_episodes, self._kept = key, num_agents, num_episodes, kept
        self._lanes, self._devices, self._saver = lanes, devices, saver
        self._chunk_ticks = CHUNK_TICKS if chunk_ticks is None else chunk_ticks
        self._on_progress, self._on_chunk = on_progress, on_chunk
        self._groups = make_groups(settings, num_agents, first_row, last_row)
        library = settings[0][0].library if kept.libraries else None
        has_success = settings[0][0].environment.has_success
        self.buffer = PartBuffer(
            num_episodes, first_row, last_row, kept.rows_per_part, library, has_success=has_success
        )
        self._total = (last_row - first_row) * num_episodes
        self._done_before = 0
        self.compile_seconds = self.run_seconds = 0.0
        self._num_compiled = 0
        self.num_steps = 0
        self.notes: dict[str, Any] = {}

    def parts(self, stored: tuple[dict, dict] | None = None) -> Iterator[Part]:
        """Yields the parts as they become whole; a checkpoint is taken only after the caller has come back for more.

        Args:
            stored: (arrays, content) of a checkpoint to go on from.
        """
        first = 0
        if stored is not None:
            first = self._recall(*stored)
            stored = None if stored[1]["width"] is None else stored
        for index, group in enumerate(self._groups):
            if index >= first:
                yield from self._run_group(index, group, stored if index == first else None)
            self._done_before += len(group.ids) * self._num_episodes

    def _recall(self, arrays: dict, content: dict) -> int:
        """Takes over what a checkpoint says of the whole run, and returns the group that was running."""
        count = content["gathered"]
        like = {"rows": np.zeros(count, np.int64), **self.buffer.no_rows(count)}
        mine = {name: array for name, array in arrays.items() if not name.startswith("['lanes']")}
        stored = restore_state(like, mine)
        self.buffer.add(stored["rows"], stored["metrics"], stored.get("libraries"))
        self.notes.update(content["notes"])
        self.run_seconds, self.num_steps = content["run_seconds"], content["num_steps"]
        return content["group"]

    def _run_group(self, index: int, group: Group, stored: tuple[dict, dict] | None) -> Iterator[Part]:
        if signals.is_held() and self._saver is not None:
            self._saver.save_and_release(lambda: self._snapshot(index, None))
        self._tell("compiling", 0, self._describe(index, group))
        work = self._make_lanes(group, stored)
        self.compile_seconds += work.compile_seconds
        self._num_compiled += work.compile_seconds > 0
        started = time.perf_counter()
        state = self._begin_or_restore(work, stored)
        ticks = min(self._chunk_ticks, CHUNK_TICKS)
        while not work.is_done(state):
            state = self._advance(work, state, ticks)
            state, finished = work.collect_finished(state)
            if finished is not None:
                self.num_steps += int(finished.metrics.steps.sum(dtype=np.int64))
                yield from self.buffer.add(group.ids[finished.rows], finished.metrics, finished.libraries)
            now = time.perf_counter()
            seconds, started = now - started, now
            self.run_seconds += seconds
            ticks = self._next_ticks(ticks, seconds)
            self._after_chunk(index, work, state)

    def _advance(self, work: Lanes, state: LaneState, ticks: int) -> LaneState:
        """Returns the lanes `ticks` further, or less if all of them are done before."""
        left = ticks
        while left > 0:
            state = work.advance(state, min(left, CHUNK_TICKS))
            left -= CHUNK_TICKS
            if left > 0 and bool((work.finished_episodes(state) >= self._num_episodes).all()):
                break
        return state

    def _make_lanes(self, group: Group, stored: tuple[dict, dict] | None) -> Lanes:
        agents = self._kept.first_agent + group.ids % self._num_agents
        rows = Rows(agents, group.params, group.settings, self._kept.initial_libraries)
        width = lane_width(len(group.ids), self._lanes, self._devices) if stored is None else stored[1]["width"]
        shape = self._num_episodes, width, usable_devices(self._devices, width)
        return Lanes(self._key, group.config, rows, *shape, keep_libraries=self._kept.libraries)

    @staticmethod
    def _begin_or_restore(work: Lanes, stored: tuple[dict, dict] | None) -> LaneState:
        if stored is None:
            return work.begin()
        mine = {name: array for name, array in stored[0].items() if name.startswith("['lanes']")}
        return work.restore(restore_state({"lanes": work.like()}, mine)["lanes"])

    def _next_ticks(self, ticks: int, seconds: float) -> int:
        """Returns the ticks of the next chunk, after one of `ticks` that took so long: more where that was short."""
        if spans_processes(self._devices):
            seconds = from_first(lambda: seconds)
        if seconds > _CHUNK_SECONDS:
            return max(1, int(ticks * _CHUNK_SECONDS / seconds))
        return min(self._chunk_ticks, 2 * ticks) if 2 * seconds < _CHUNK_SECONDS else ticks

    def _after_chunk(self, index: int, work: Lanes, state: LaneState) -> None:
        if self._saver is not None:
            signals.hold()
        begun = state.rows[state.rows != IDLE]
        working = int(work.finished_episodes(state)[state.rows != IDLE].sum())
        self._tell("running", (int(state.next_row) - len(begun)) * self._num_episodes + working)
        if self._on_chunk is not None:
            self._on_chunk(work, state)
        is_over = index == len(self._groups) - 1 and work.is_done(state)
        if self._saver is not None and not is_over:
            self._saver.save_if_due(lambda: self._snapshot(index, state))

    def _snapshot(self, index: int, state: LaneState | None) -> tuple[dict, dict]:
        """Returns (arrays, content) of a checkpoint in group `index`, before it begins if there is no state."""
        gathered = self.buffer.snapshot()
        content = {
            "group": index,
            "width": None if state is None else len(state.rows),
            "gathered": len(gathered["rows"]),
            "run_seconds": self.run_seconds,
            "num_steps": self.num_steps,
            "notes": self.notes,
        }
        return {**({} if state is None else {"lanes": state}), **gathered}, content

    def _describe(self, index: int, group: Group) -> str:
        """Returns about how long the program of a group takes to compile, and what it is."""
        memory = type(group.config.memory).__name__ if group.config.use_skills else "no memory"
        guess = _COMPILE_SECONDS if group.config.use_skills else _COMPILE_SECONDS / 4
        seconds = self.compile_seconds / self._num_compiled if self._num_compiled else guess
        number = f"program {index + 1} of {len(self._groups)}: " if len(self._groups) > 1 else ""
        return f"about {seconds:.0f} s ({number}{memory}, {min(self._lanes, len(group.ids)):,} agents at once)"

    def _tell(self, phase: str, finished: int, detail: str = "") -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(phase, self._done_before + finished, self._total, detail))
