"""Lanes: runs side by side in one compiled program; a lane whose run is done takes the next one.

Runs are rows of a table: which agent, in which setting. The lanes are as many as a device runs well at once, whatever
the number of rows. A row's result depends on its agent, its setting and the key, bit for bit on nothing else.

What was rejected: a narrower program for the last agents, built once idle lanes have cost as much as building it. With
2,048 agents of `doorkey-8` for 60 episodes (one core of an Intel Xeon) the command took 31 s with it and 26 s without;
with 8,192 of `random-5`, 512 of gymnax's and 128 of XLand's FourRooms the run was over before it paid.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import AgentState, EpisodeMetrics
from procmem_jax.experiments.processes import rows_to_host, spans_processes, to_host
from procmem_jax.experiments.training.lane_programs import build_programs, room_for
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import as_arrays, shapes_of, state_record
from procmem_jax.streams import open_streams

# Of a core: as many agents as its cache holds, within bounds. More share the cost of launching a tick's kernels; fewer
# leave less time in which lanes stand idle, waiting for the last agents (.readme/speed.md).
_FEWEST_CPU_LANES, _MOST_CPU_LANES, _CPU_BYTES = 128, 512, 3 * 2**20
GPU_LANES = 2**17  # on an H200 half of them reach 77% of the rate in ticks, twice as many 105% (.readme/speed.md)
CHUNK_TICKS = 256
IDLE = -1
LANE_MULTIPLE = 16  # elementwise functions may differ in the last bit between a vector loop and its remainder
_FEWEST_LANES = 128  # of a device: fewer are not worth another
# Lanes are refilled once such a part of them is done: on a CPU in one process a refill takes 4 ms, and a 32nd instead
# of an eighth makes whole runs of `doorkey-8` 1.06 times as fast, of `random-5` 1.02 times; looking twice as often does
# not.
_REFILL_PART, _NEAR_REFILL_PART = 8, 32


@dataclasses.dataclass(frozen=True)
class Rows:
    """What is to be run.

    Attributes:
        numbers: `[R]` int64, the global agent number of each row; those of a group one after the other.
        params: one record for all rows, or `[G]` NumPy arrays in each field.
        settings: `[R]` int32, which of the G a row has; None if there is one record for all.
        libraries: `[R, N, ...]`, the skills to start with; None for none.
    """

    numbers: np.ndarray
    params: Params
    settings: np.ndarray | None = None
    libraries: SkillLibrary | None = None


@state_record
class LaneState:
    """The lanes in the middle of their work: all that is needed to go on.

    Attributes:
        agents: `[W, ...]`.
        rows: `[W]` int64 on the host, the row that a lane works on, -1 for none.
        next_row: `()` int64 on the host, the first row that no lane has begun.
    """

    agents: AgentState
    rows: np.ndarray
    next_row: np.ndarray


@dataclasses.dataclass(frozen=True)
class FinishedRows:
    """Rows that are done; NumPy arrays.

    Attributes:
        rows: `[F]` int64.
        metrics: `[F, E]` in each field.
        libraries: `[F, N, ...]`, None if the agents have no skills or they are not kept.
    """

    rows: np.ndarray
    metrics: EpisodeMetrics
    libraries: SkillLibrary | None


def default_lanes(agent_bytes: int, devices: Sequence[jax.Device] | None = None) -> int:
    """Returns how many agents run at once on all devices together, if they fit into memory (see `fitting_lanes`).

    Args:
        agent_bytes: of an agent's state.
        devices: by default those of the process; on a CPU there is one for each core that is used.
    """
    devices = devices or jax.local_devices()
    if devices[0].platform != "cpu":
        return len(devices) * GPU_LANES
    lanes = min(max(_CPU_BYTES // agent_bytes, _FEWEST_CPU_LANES), _MOST_CPU_LANES)
    return len(devices) * (lanes // LANE_MULTIPLE * LANE_MULTIPLE)


def lane_width(num_rows: int, lanes: int, devices: Sequence[jax.Device] = ()) -> int:
    """Returns the number of lanes W: no more than asked for or needed, but a whole number of vectors.

    Devices of several processes get a vector each at the least, for all of them must take part.
    """
    multiple = LANE_MULTIPLE * (len(devices) if spans_processes(devices) else 1)
    return -(-min(lanes, num_rows) // multiple) * multiple


def usable_devices(devices: Sequence[jax.Device], width: int) -> list[jax.Device]:
    """Returns as many of `devices` as can share `width` lanes, with enough lanes for each; all, if of many processes.

    Raises:
        ValueError: devices of several processes cannot share `width` lanes.
    """
    if spans_processes(devices):
        if width % (len(devices) * LANE_MULTIPLE):
            raise ValueError(f"{width} lanes cannot be shared by {len(devices)} devices; go on with as many as before")
        return list(devices)
    shares = range(1, min(len(devices), width // _FEWEST_LANES) + 1)
    return list(devices[: max((n for n in shares if width % (n * LANE_MULTIPLE) == 0), default=1)])


class Lanes:
    """A compiled program and the rows it works through.

    Attributes:
        compile_seconds: building the programs; 0 when they were at hand.
        num_rows: R.
    """

    def __init__(
        self,
        key: jax.Array,
        config: Config,
        rows: Rows,
        num_episodes: int,
        width: int,
        devices: Sequence[jax.Device] | None = None,
        *,
        keep_libraries: bool = True,
    ):
        """Compiles what is not compiled yet.

        Args:
            key: the run key.
            config: static settings.
            rows: what is to be run.
            num_episodes: E, of each row.
            width: W, see `lane_width`.
            devices: those that share the lanes; by default the first of the process.
            keep_libraries: whether the final libraries are harvested.
        """
        devices = tuple(devices or jax.local_devices()[:1])
        misses = build_programs.cache_info().misses
        batched = rows.settings is not None
        one = jax.tree.map(lambda leaf: np.asarray(leaf)[0], rows.params) if batched else as_arrays(rows.params)
        room = room_for(num_episodes)
        given = None if rows.libraries is None else shapes_of(jax.tree.map(lambda leaf: leaf[0], rows.libraries))
        self._programs = build_programs(config, shapes_of(one), width, room, batched, devices, given)
        self.compile_seconds = self._programs.seconds if build_programs.cache_info().misses > misses else 0.0
        self.num_rows = len(rows.numbers)
        self._rows, self._width, self._num_episodes = rows, width, num_episodes
        self._has_library = keep_libraries and ProceduralAgent(config).memory is not None
        self._block_ticks, self._group_size = ProceduralAgent(config).block_ticks, ProceduralAgent(config).group_size
        self._is_far = len(devices) == 1 and devices[0].platform != "cpu"
        is_at_hand = devices[0].platform == "cpu" and not spans_processes(devices)
        self._refilled_at = max(width // (_NEAR_REFILL_PART if is_at_hand else _REFILL_PART), 1)
        self._put = self._programs.placement.put
        self._streams = self._put(open_streams(key), is_split=False)
        if rows.settings is None:
            self._params = self._put(as_arrays(rows.params), is_split=False)

    def begin(self) -> LaneState:
        """Returns the lanes with the first rows in them."""
        nothing = np.full(self._width, IDLE, np.int64)
        return self._refill(LaneState(self._programs.blank(), nothing, np.zeros((), np.int64)))

    def restore(self, stored: LaneState) -> LaneState:
        """Returns lanes that were stored as NumPy arrays."""
        agents = self._put(stored.agents, is_split=True)
        return dataclasses.replace(stored, agents=self._take_up(stored.rows, np.zeros(self._width, np.bool_), agents))

    def like(self) -> LaneState:
        """Returns the shapes of the state, for restoring a stored one."""
        return LaneState(self._programs.agents, np.zeros(self._width, np.int64), np.zeros((), np.int64))

    def is_done(self, state: LaneState) -> bool:
        """Whether all rows have been harvested."""
        return int(state.next_row) == self.num_rows and bool(np.all(state.rows == IDLE))

    def advance(self, state: LaneState, num_ticks: int) -> LaneState:
        """Returns the lanes after `num_ticks` more ticks, rounded up to whole blocks; `state` is used up."""
        count = self._put(np.int32(-(-num_ticks // self._block_ticks)), is_split=False)
        agents = self._programs.run(self._params, self._streams, self._inputs, state.agents, count)
        return dataclasses.replace(state, agents=agents)

    def finished_episodes(self, state: LaneState) -> np.ndarray:
        """Returns how many episodes every lane has finished, `[W]` int32; E where it has no row."""
        return np.where(state.rows == IDLE, self._num_episodes, to_host(state.agents.episode))

    def collect_finished(self, state: LaneState) -> tuple[LaneState, FinishedRows | None]:
        """Returns (state, the rows that are done): with enough of them done, or none left to begin, new rows begin."""
        done = (state.rows != IDLE) & (self.finished_episodes(state) >= self._num_episodes)
        done = np.repeat(done.reshape(-1, self._group_size).all(axis=1), self._group_size)
        left = self.num_rows - int(state.next_row)
        working = int(np.sum(state.rows != IDLE))
        enough = min(self._refilled_at, left) if left else working
        if not done.any() or done.sum() < enough:
            return state, None
        taken = np.flatnonzero(done)
        finished = FinishedRows(state.rows[taken], self.metrics(state, taken), self._libraries(state, taken))
        state = dataclasses.replace(state, rows=np.where(done, IDLE, state.rows))
        return self._refill(state), finished

    def metrics(self, state: LaneState, lanes: np.ndarray) -> EpisodeMetrics:
        """Returns the metrics `[F, E]` of some lanes (`[F]` integers), as NumPy arrays."""
        rows = self._fetch(state.agents.metrics, lanes)
        return jax.tree.map(lambda column: column[:, : self._num_episodes], rows)

    def _libraries(self, state: LaneState, lanes: np.ndarray) -> SkillLibrary | None:
        if not self._has_library:
            return None
        return self._fetch(self._programs.library(state.agents.memory), lanes)

    def _fetch(self, tree: Any, lanes: np.ndarray) -> Any:
        """Returns some lanes (`[F]` integers) of arrays `[W, ...]`, as NumPy arrays."""
        if self._is_far:
            return fetch_rows(tree, lanes, self._refilled_at)
        return jax.tree.map(lambda leaf: rows_to_host(leaf, lanes), tree)

    def _refill(self, state: LaneState) -> LaneState:
        """Returns the lanes with the next rows in those that are idle."""
        idle = np.flatnonzero(state.rows == IDLE)
        first = int(state.next_row)
        fresh = np.arange(first, min(first + len(idle), self.num_rows))
        rows = state.rows.copy()
        rows[idle[: len(fresh)]] = fresh
        starts = np.zeros(self._width, np.bool_)
        starts[idle[: len(fresh)]] = True
        agents = self._take_up(rows, starts, state.agents)
        return LaneState(agents, rows, np.asarray(first + len(fresh), np.int64))

    def _take_up(self, rows: np.ndarray, starts: np.ndarray, agents: AgentState) -> AgentState:
        """Makes what the lanes need for these rows: their inputs, and their params where rows have their own.

        Returns `agents`, those at the start of their lives that `starts` (`[W]` bool); those given are used up.
        """
        near = np.maximum(rows, 0)
        if self._rows.settings is not None:
            settings = self._rows.settings[near]
            own = jax.tree.map(lambda column: np.asarray(column)[settings], self._rows.params)
            self._params = self._put(own, is_split=True)
        numbers = (self._rows.numbers[near] % 2**32).astype(np.uint32)
        episodes = np.where(rows == IDLE, 0, self._num_episodes).astype(np.int32)
        given = jax.tree.map(lambda leaf: np.asarray(leaf)[near], self._rows.libraries)
        own = self._put((numbers, episodes, starts), is_split=True)
        given = self._put(given, is_split=True)
        self._inputs, agents = self._programs.begin(self._params, self._streams, *own, agents, given)
        return agents


def fetch_rows(tree: Any, places: np.ndarray, multiple: int) -> Any:
    """Returns the rows at `places` (`[F]` integers) of a device's arrays `[W, ...]`, as NumPy arrays.

    They are gathered on the device, where the rest of the rows stays. Programs are shared by all F up to the same
    multiple of `multiple`.
    """
    padded = np.zeros(-(-len(places) // multiple) * multiple, np.int32)
    padded[: len(places)] = places
    return jax.tree.map(lambda leaf: leaf[: len(places)], jax.device_get(_take(tree, padded)))


@jax.jit
def _take(tree: Any, places: jax.Array) -> Any:
    return jax.tree.map(lambda leaf: leaf[places], tree)
