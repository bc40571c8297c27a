"""Training: many agents for many episodes, in batches and chunks that leave no trace in the results."""

import dataclasses
import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import AgentInputs, AgentState, EpisodeMetrics, ProceduralAgent
from procmem_jax.agents.rules import Rule
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.experiments.memory_need import check_memory
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import as_arrays, check_count
from procmem_jax.streams import Streams, open_streams

LANES = 1024  # agents of a batch; more were not faster on a CPU
CHUNK_TICKS = 256
_LANE_MULTIPLE = 16  # elementwise functions may differ in the last bit between a vector loop and its remainder


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
    lanes: int = LANES,
    chunk_ticks: int = CHUNK_TICKS,
    on_progress: Callable[[Progress], None] | None = None,
    on_episode: Callable[[int, EpisodeMetrics], None] | None = None,
) -> TrainResult:
    """Returns the metrics and final libraries of agents `first_agent` to `first_agent + num_agents - 1`.

    An agent's results depend on the key, its own number, the config and the params, bit for bit on nothing else: not
    on `num_agents`, `lanes` or `chunk_ticks`. Memory grows with `lanes` and with A x E numbers per metric, not with
    the number of steps.

    Args:
        key: the run key, one typed threefry2x32 key such as `run_key(seed)`; not consumed: all calls on one key share
            their random numbers, agent by agent and episode by episode, whatever the config.
        config: static settings.
        params: concrete numbers, one record for all agents.
        num_agents: A, at least 1.
        num_episodes: E, at least 1.
        first_agent: the global number of the first agent; A more numbers must fit below 2**32.
        libraries: the skills that the agents start with, `[A, N, ...]`; by default none.
        lanes: agents that run at once.
        chunk_ticks: steps between two looks at the progress, rounded up to whole blocks of ticks.
        on_progress: called before compilation and after every chunk.
        on_episode: called with an episode's number and metrics `[A]` once all agents have finished it.

    Raises:
        TypeError: `key` is of another kind.
        ValueError: a size, number or setting is out of bounds, or the run needs more memory than there is.
    """
    check_run(config, params, num_agents, num_episodes, first_agent=first_agent, lanes=lanes)
    check_count("chunk_ticks", chunk_ticks, 1, 2**31 - 1)
    width = _batch_width(num_agents, lanes)
    if libraries is not None:
        _check_libraries(config, libraries, num_agents)
    streams, arrays = open_streams(key), as_arrays(params)
    total = num_agents * num_episodes
    if on_progress is not None:
        on_progress(Progress("compiling", 0, total))
    programs = _compile(config, width, num_episodes)
    collected = _Collector(num_agents, num_episodes, on_progress, on_episode)
    agent = ProceduralAgent(config)
    rule = agent.rule
    num_blocks = jnp.asarray(-(-chunk_ticks // agent.block_ticks), jnp.int32)
    started = time.perf_counter()
    for offset in range(0, num_agents, width):
        numbers = first_agent + offset + np.arange(width, dtype=np.int64)
        inputs = programs.make_inputs(jnp.asarray(numbers % 2**32, jnp.uint32))
        state = programs.begin(arrays, streams, inputs)
        if libraries is not None:
            state = _with_libraries(state, rule, libraries, offset)
        fewest = 0
        while fewest < num_episodes:
            state = programs.run(arrays, streams, inputs, state, num_blocks)
            fewest, finished = (int(count) for count in programs.progress(state))
            collected.chunk_done(offset, state, fewest, finished)
        collected.batch_done(offset, state, rule)
    run_seconds = time.perf_counter() - started
    libraries = collected.libraries(config)
    return TrainResult(collected.metrics, libraries, programs.seconds, run_seconds)


def check_run(
    config: Config,
    params: Params,
    num_agents: int,
    num_episodes: int,
    *,
    first_agent: int = 0,
    lanes: int = LANES,
) -> None:
    """Raises what `train` would raise for these arguments, without running anything.

    Raises:
        TypeError: a count is not a whole number.
        ValueError: a size, number or setting is out of bounds, or the run needs more memory than there is.
    """
    for name, count in (("num_agents", num_agents), ("num_episodes", num_episodes), ("lanes", lanes)):
        check_count(name, count, 1, 2**31 - 1)
    check_count("first_agent", first_agent, 0, 2**32 - num_agents)
    if config.agent.explorer == "tape":
        raise ValueError("explorer='tape' needs recorded tapes, which train has not; use replay_cases")
    check_params(config, params)
    check_memory(config, num_agents, num_episodes, _batch_width(num_agents, lanes))


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


def _with_libraries(state: AgentState, rule: Rule, libraries: SkillLibrary, offset: int) -> AgentState:
    """Returns the batch that begins at `offset` with its given libraries; lanes beyond the last agent keep theirs."""

    def place(own: jax.Array, given: np.ndarray) -> jax.Array:
        mine = np.asarray(own).copy()
        part = np.asarray(given[offset : offset + mine.shape[0]])
        mine[: part.shape[0]] = part
        return jnp.asarray(mine)

    started = jax.tree.map(place, jax.vmap(rule.library)(state.memory), libraries)
    return dataclasses.replace(state, memory=jax.vmap(rule.with_library)(state.memory, started))


def _batch_width(num_agents: int, lanes: int) -> int:
    return -(-min(lanes, num_agents) // _LANE_MULTIPLE) * _LANE_MULTIPLE


@dataclasses.dataclass(frozen=True)
class _Programs:
    """The compiled programs of one shape, and the seconds that building them took (0 when they were at hand)."""

    make_inputs: Callable[[jax.Array], AgentInputs]
    begin: Callable[[Params, Streams, AgentInputs], AgentState]
    run: Callable[..., AgentState]
    progress: Callable[[AgentState], tuple[jax.Array, jax.Array]]
    seconds: float


def _compile(config: Config, width: int, num_episodes: int) -> _Programs:
    misses = _build.cache_info().misses
    programs = _build(config, width, num_episodes, jax.devices()[0])
    fresh = _build.cache_info().misses > misses
    return programs if fresh else dataclasses.replace(programs, seconds=0.0)


@functools.lru_cache(maxsize=32)
def _build(config: Config, width: int, num_episodes: int, device: jax.Device) -> _Programs:
    """Returns the programs compiled ahead of time, so that compilation and running are timed apart."""
    del device  # part of the cache's key: a program belongs to the device it was compiled for
    started = time.perf_counter()
    agent = ProceduralAgent(config)
    word = jax.ShapeDtypeStruct((2,), jnp.uint32)
    params, streams = jax.eval_shape(lambda: as_arrays(Params.defaults())), Streams(word, word)
    numbers = jax.ShapeDtypeStruct((width,), jnp.uint32)
    make_inputs = jax.jit(lambda numbers: jax.vmap(lambda n: agent.make_inputs(n, num_episodes))(numbers))
    inputs = jax.eval_shape(make_inputs, numbers)
    begin = rollout.begin_agents.lower(agent, params, streams, inputs, num_recorded=num_episodes)
    state = begin.out_info
    count = jax.ShapeDtypeStruct((), jnp.int32)
    run = rollout.run_ticks.lower(agent, params, streams, inputs, state, count)
    programs = (make_inputs.lower(numbers), begin, run, rollout.progress.lower(state))
    compiled = [lowered.compile() for lowered in programs]
    return _Programs(*compiled, seconds=time.perf_counter() - started)


class _Collector:
    """Gathers finished batches on the host and reports progress."""

    def __init__(self, num_agents: int, num_episodes: int, on_progress, on_episode):
        def column(dtype):
            return np.zeros((num_agents, num_episodes), dtype)

        counts = [column(np.int32) for _ in range(3)]
        self.metrics = EpisodeMetrics(column(np.float32), column(np.int32), column(np.bool_), *counts)
        self._num_agents, self._num_episodes = num_agents, num_episodes
        self._on_progress, self._on_episode = on_progress, on_episode
        self._reported = 0
        self._library_parts: list[SkillLibrary] = []

    def chunk_done(self, offset: int, state: AgentState, fewest: int, finished: int) -> None:
        """Reports how far the batch of agents that begins at `offset` has come."""
        width = state.episode.shape[0]
        lanes_used = min(width, self._num_agents - offset)
        if self._on_progress is not None:
            done = offset * self._num_episodes + finished * lanes_used // width
            self._on_progress(Progress("running", done, self._num_agents * self._num_episodes))
        is_last_batch = offset + lanes_used == self._num_agents
        if self._on_episode is not None and is_last_batch and fewest > self._reported:
            self._copy_metrics(offset, state)
            for episode in range(self._reported, fewest):
                self._on_episode(episode, jax.tree.map(lambda column, e=episode: column[:, e], self.metrics))
            self._reported = fewest

    def batch_done(self, offset: int, state: AgentState, rule: Rule | None) -> None:
        """Takes over the results of a finished batch."""
        self._copy_metrics(offset, state)
        if rule is not None:
            kept = min(state.episode.shape[0], self._num_agents - offset)
            library = jax.device_get(jax.vmap(rule.library)(state.memory))
            self._library_parts.append(jax.tree.map(lambda leaf: leaf[:kept], library))

    def libraries(self, config: Config) -> SkillLibrary:
        """Returns the final libraries of all agents; empty ones if the memory was off."""
        if not self._library_parts:
            blank = jax.device_get(skill_library.empty(config.library))
            return jax.tree.map(lambda leaf: np.broadcast_to(leaf, (self._num_agents, *leaf.shape)), blank)
        return jax.tree.map(lambda *parts: np.concatenate(parts), *self._library_parts)

    def _copy_metrics(self, offset: int, state: AgentState) -> None:
        def copy(target: np.ndarray, source: jax.Array) -> None:
            rows = target[offset : offset + source.shape[0]]
            rows[:] = np.asarray(source)[: rows.shape[0]]

        jax.tree.map(copy, self.metrics, state.metrics)
