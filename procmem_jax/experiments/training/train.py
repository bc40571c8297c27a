"""Training: many agents for many episodes, in lanes and chunks that leave no trace in the results."""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.procedural import EpisodeMetrics
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.experiments.storage.checkpoints import restore_state
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.training.lanes import (
    CHUNK_TICKS,
    IDLE,
    Harvest,
    Lanes,
    LaneState,
    Rows,
    default_lanes,
    lane_width,
    usable_devices,
)
from procmem_jax.experiments.training.memory_need import check_memory
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import check_count


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a training run is, told after every chunk.

    Attributes:
        phase: "compiling" or "running".
        finished_episodes: of all agents together.
        total_episodes: of all agents together.
    """

    phase: str
    finished_episodes: int
    total_episodes: int


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """What training gives; NumPy arrays.

    Attributes:
        metrics: `[A, E]` in each field.
        libraries: the final libraries, `[A, N, ...]`.
        compile_seconds: building the programs.
        run_seconds: all ticks and transfers, without compilation.
    """

    metrics: EpisodeMetrics
    libraries: SkillLibrary
    compile_seconds: float
    run_seconds: float

    @property
    def agent_steps_per_second(self) -> float:
        """Primitive steps of all agents per second of `run_seconds`."""
        return float(self.metrics.steps.sum(dtype=np.int64)) / self.run_seconds


def train(
    key: jax.Array,
    config: Config,
    params: Params,
    num_agents: int,
    num_episodes: int,
    *,
    first_agent: int = 0,
    libraries: SkillLibrary | None = None,
    lanes: int | None = None,
    chunk_ticks: int = CHUNK_TICKS,
    devices: Sequence[jax.Device] | None = None,
    saver: Saver | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_episode: Callable[[int, EpisodeMetrics], None] | None = None,
) -> TrainResult:
    """Returns the metrics and final libraries of agents `first_agent` to `first_agent + num_agents - 1`.

    An agent's results depend on the key, its own number, the config and the params, bit for bit on nothing else: not
    on `num_agents`, `lanes`, `chunk_ticks`, the devices or a resumption. Memory grows with `lanes` and with A x E
    numbers per metric, not with the number of steps.

    Args:
        key: the run key, one typed threefry2x32 key such as `run_key(seed)`; not consumed: all calls on one key share
            their random numbers, agent by agent and episode by episode, whatever the config.
        config: static settings.
        params: concrete numbers, one record for all agents.
        num_agents: A, at least 1.
        num_episodes: E, at least 1.
        first_agent: the global number of the first agent; A more numbers must fit below 2**32.
        libraries: the skills that the agents start with, `[A, N, ...]`; by default none.
        lanes: agents that run at once, on all devices together; by default what suits the devices.
        chunk_ticks: steps between two looks at the progress, rounded up to whole blocks of ticks.
        devices: those that share the lanes; by default all of this process. With those of several processes
            (`jax.devices()`), all of them must make the same call.
        saver: where checkpoints are written, and found by a run that goes on; by default there are none.
        on_progress: called before compilation and after every chunk.
        on_episode: called with an episode's number and metrics `[A]` once all agents have finished it.

    Raises:
        TypeError: `key` is of another kind.
        ValueError: a size, number or setting is out of bounds, or the run needs more memory than there is.
        OSError: a checkpoint cannot be written or read.
    """
    devices = list(devices or jax.local_devices())
    lanes = default_lanes(devices) if lanes is None else lanes
    check_run(config, params, num_agents, num_episodes, first_agent=first_agent, lanes=lanes)
    check_count("chunk_ticks", chunk_ticks, 1, 2**31 - 1)
    if libraries is not None:
        _check_libraries(config, libraries, num_agents)
    if on_progress is not None:
        on_progress(Progress("compiling", 0, num_agents * num_episodes))
    rows = Rows(first_agent + np.arange(num_agents, dtype=np.int64), params, libraries=libraries)
    stored = saver.load() if saver is not None else None
    width = lane_width(num_agents, lanes, devices) if stored is None else stored[1]["width"]
    work = Lanes(key, config, rows, num_episodes, width, usable_devices(devices, width))
    collected = _Collector(config, num_agents, num_episodes, on_progress, on_episode)
    started = time.perf_counter()
    if stored is None:
        state, before = work.begin(), 0.0
    else:
        state = work.restore(collected.restore(work.like(), *stored))
        before = stored[1]["run_seconds"]
    while not work.is_done(state):
        state = work.advance(state, chunk_ticks)
        state, harvest = work.harvest(state)
        collected.chunk_done(work, state, harvest)
        if saver is not None:
            seconds = before + time.perf_counter() - started
            saver.save_if_due(functools.partial(collected.snapshot, state, seconds))
    run_seconds = before + time.perf_counter() - started
    return TrainResult(collected.metrics, collected.libraries, work.compile_seconds, run_seconds)


def check_run(
    config: Config,
    params: Params,
    num_agents: int,
    num_episodes: int,
    *,
    first_agent: int = 0,
    lanes: int | None = None,
) -> None:
    """Raises what `train` would raise for these arguments, without running anything.

    Raises:
        TypeError: a count is not a whole number.
        ValueError: a size, number or setting is out of bounds, or the run needs more memory than there is.
    """
    lanes = default_lanes() if lanes is None else lanes
    for name, count in (("num_agents", num_agents), ("num_episodes", num_episodes), ("lanes", lanes)):
        check_count(name, count, 1, 2**31 - 1)
    check_count("first_agent", first_agent, 0, 2**32 - num_agents)
    if config.agent.explorer == "tape":
        raise ValueError("explorer='tape' needs recorded tapes, which train has not; use replay_cases")
    check_params(config, params)
    check_memory(config, num_agents, num_episodes, lane_width(num_agents, lanes))


def _check_libraries(config: Config, libraries: SkillLibrary, num_agents: int) -> None:
    if not config.agent.use_skills:
        raise ValueError("use_skills=False leaves no place for libraries; switch the memory on")
    wanted = jax.eval_shape(lambda: skill_library.empty(config.library))
    for field in dataclasses.fields(wanted):
        given, shape = getattr(libraries, field.name), getattr(wanted, field.name)
        if given.shape != (num_agents, *shape.shape) or given.dtype != shape.dtype:
            raise ValueError(
                f"libraries.{field.name} is {given.dtype}{list(given.shape)}, the run's are {shape.dtype}"
                f"{[num_agents, *shape.shape]}; give libraries of the same agents and LibraryConfig"
            )


class _Collector:
    """Gathers finished agents on the host and reports progress.

    Attributes:
        metrics: `[A, E]` in each field.
        libraries: `[A, N, ...]`, empty where an agent is not finished or has no memory.
    """

    def __init__(self, config: Config, num_agents: int, num_episodes: int, on_progress, on_episode):
        def column(dtype):
            return np.zeros((num_agents, num_episodes), dtype)

        counts = [column(np.int32) for _ in range(3)]
        self.metrics = EpisodeMetrics(column(np.float32), column(np.int32), column(np.bool_), *counts)
        blank = jax.device_get(skill_library.empty(config.library))
        self.libraries = jax.tree.map(lambda leaf: np.repeat(leaf[None], num_agents, axis=0), blank)
        self._on_progress, self._on_episode = on_progress, on_episode
        self._reported = 0
        self._done = np.zeros(num_agents, np.bool_)

    def chunk_done(self, work: Lanes, state: LaneState, harvest: Harvest | None) -> None:
        """Takes over what was harvested after a chunk of ticks, and reports how far the agents have come."""
        if harvest is not None:
            self._copy(self.metrics, harvest.metrics, harvest.rows)
            if harvest.libraries is not None:
                self._copy(self.libraries, harvest.libraries, harvest.rows)
            self._done[harvest.rows] = True
        num_agents, num_episodes = self.metrics.steps.shape
        finished = work.finished_episodes(state)
        working = state.rows != IDLE
        if self._on_progress is not None:
            count = int(self._done.sum()) * num_episodes + int(finished[working].sum())
            self._on_progress(Progress("running", count, num_agents * num_episodes))
        fewest = int(finished.min()) if int(state.next_row) == num_agents else 0
        if self._on_episode is not None and fewest > self._reported:
            lanes = np.flatnonzero(working)
            self._copy(self.metrics, work.metrics(state, lanes), state.rows[lanes])
            for episode in range(self._reported, fewest):
                self._on_episode(episode, jax.tree.map(lambda column, e=episode: column[:, e], self.metrics))
            self._reported = fewest

    def snapshot(self, state: LaneState, run_seconds: float) -> tuple[dict, dict]:
        """Returns (arrays, content) of a checkpoint."""
        arrays = {"lanes": state, "metrics": self.metrics, "libraries": self.libraries, "done": self._done}
        return arrays, {"run_seconds": run_seconds, "reported": self._reported, "width": len(state.rows)}

    def restore(self, like: LaneState, arrays: dict, content: dict) -> LaneState:
        """Returns the lanes of a checkpoint, and takes over the rest of it."""
        shapes = {"lanes": like, "metrics": self.metrics, "libraries": self.libraries, "done": self._done}
        stored = restore_state(shapes, arrays)
        self.metrics, self.libraries, self._done = stored["metrics"], stored["libraries"], stored["done"]
        self._reported = content["reported"]
        return stored["lanes"]

    @staticmethod
    def _copy(target: Any, source: Any, rows: np.ndarray) -> None:
        def copy(column: np.ndarray, values: np.ndarray) -> None:
            column[rows] = values

        jax.tree.map(copy, target, source)
