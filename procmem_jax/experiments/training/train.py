"""Training: many agents for many episodes, in lanes and chunks that leave no trace in the results."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.groups import check_groups
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Config, Params, check_params
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.training.driver import Driver, Kept, Progress
from procmem_jax.experiments.training.lanes import CHUNK_TICKS, IDLE, Lanes, LaneState, lane_width
from procmem_jax.experiments.training.memory_need import check_memory, usual_lanes
from procmem_jax.experiments.training.parts import put_rows
from procmem_jax.experiments.training.runtime import advise_all_cores, own_programs
from procmem_jax.experiments.training.trained import Origin, TrainResult
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import check_count


@own_programs()
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
    on `num_agents`, `lanes`, `chunk_ticks`, the devices or a resumption. With `group_size` above 1 they depend on the
    numbers of its group, agents 0 to `group_size` - 1 being the first. Memory grows with `lanes` and with A x E
    numbers per metric, not with the number of steps.

    Args:
        key: the run key, one typed threefry2x32 key such as `run_key(seed)`; not consumed: all calls on one key share
            their random numbers, agent by agent and episode by episode, whatever the config.
        config: static settings.
        params: concrete numbers, one record for all agents.
        num_agents: A, at least 1.
        num_episodes: E, at least 1.
        first_agent: the global number of the first agent; A more numbers must fit below 2**32.
        libraries: the skills that the agents start with, `[A, N, ...]`; by default none. Where the config says
            `learns=False` agents also go by what a memory such as `ProvenMemory` found the skills to be worth.
        lanes: agents that run at once, on all devices together; by default what suits the devices.
        chunk_ticks: steps between two looks at the progress, rounded up to whole blocks of ticks.
        devices: those that share the lanes; by default all of this process. With those of several processes
            (`jax.devices()`), all of them must make the same call.
        saver: where checkpoints are written, and found by a run that goes on; by default there are none.
        on_progress: called before compilation and after every chunk.
        on_episode: called with an episode's number and metrics `[A]` once all agents have finished it.

    Raises:
        TypeError: `key`, `config` or `params` is of another kind; or this is called inside `jit` or `vmap`.
        ValueError: a size, number or setting is out of bounds, or the run needs more memory than there is.
        OSError: a checkpoint cannot be written or read.
    """
    is_default = devices is None
    devices = list(devices or jax.local_devices())
    lanes = _checked_lanes(config, params, num_agents, num_episodes, first_agent, lanes, devices)
    check_count("chunk_ticks", chunk_ticks, 1, 2**31 - 1)
    if libraries is not None:
        libraries = _checked_libraries(config, libraries, num_agents)
    if is_default:
        advise_all_cores(devices, lane_width(num_agents, lanes), num_agents * num_episodes)
    kept = Kept(num_agents, libraries=True, first_agent=first_agent, initial_libraries=libraries)
    where = {"lanes": lanes, "devices": devices, "chunk_ticks": chunk_ticks, "saver": saver, "on_progress": on_progress}
    reporter = None if on_episode is None else _EpisodeReporter(on_episode)
    driver = Driver(key, [(config, params)], num_agents, num_episodes, kept, **where, on_chunk=reporter)
    if reporter is not None:
        reporter.follow(driver)
    [part] = driver.parts(saver.load() if saver is not None else None)
    origin = Origin(key, config, params, first_agent, libraries is not None)
    return TrainResult(part.metrics, part.libraries, driver.compile_seconds, driver.run_seconds, origin)


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
        TypeError: `config` or `params` is of another kind, or a count is not a whole number.
        ValueError: a size, number or setting is out of bounds, or the run needs more memory than there is.
    """
    _checked_lanes(config, params, num_agents, num_episodes, first_agent, lanes, jax.local_devices())


def _checked_lanes(
    config: Config,
    params: Params,
    num_agents: int,
    num_episodes: int,
    first_agent: int,
    lanes: int | None,
    devices: Sequence[jax.Device],
) -> int:
    """Returns how many agents run at once, by default as many as suit the devices, after all checks of `check_run`."""
    for name, value, kind in (("config", config, Config), ("params", params, Params)):
        if not isinstance(value, kind):
            raise TypeError(
                f"{name}={value!r} is a {type(value).__name__}; give a {kind.__name__}, as make_experiment does"
            )
    _check_scalars(params)
    counts = {"num_agents": num_agents, "num_episodes": num_episodes} | ({} if lanes is None else {"lanes": lanes})
    for name, count in counts.items():
        check_count(name, count, 1, 2**31 - 1)
    check_count("first_agent", first_agent, 0, 2**32 - num_agents)
    check_params(config, params)
    check_groups(config, {"num_agents": num_agents, "first_agent": first_agent})
    lanes = usual_lanes(config, params, num_agents, num_episodes, devices) if lanes is None else lanes
    check_memory(config, params, num_agents, num_episodes, lane_width(num_agents, lanes))
    return lanes


def _check_scalars(record: Any, path: str = "params") -> None:
    """Raises a ValueError for a number of ours that has a batch axis; what else is in the params may be any array."""
    for field in dataclasses.fields(record) if dataclasses.is_dataclass(record) else ():
        value, name = getattr(record, field.name), f"{path}.{field.name}"
        if "dtype" in field.metadata and np.shape(value) != ():
            raise ValueError(
                f"{name} has shape {list(np.shape(value))}; give one number for all agents, or make_sweep many settings"
            )
        _check_scalars(value, name)


def _checked_libraries(config: Config, libraries: SkillLibrary, num_agents: int) -> SkillLibrary:
    if not config.use_skills:
        raise ValueError("use_skills=False leaves no place for libraries; switch the memory on")
    size, kept = ProceduralAgent(config).group_size, config.library
    if config.learns:
        kept = dataclasses.replace(kept, worth_size=0)
    libraries = skill_library.with_worth(skill_library.with_reach(libraries, kept.keeps_reach), kept.worth_size)
    for name, shape in jax.eval_shape(lambda: skill_library.empty(kept)).known().items():
        given = getattr(libraries, name)
        if given.shape != (num_agents, *shape.shape) or given.dtype != shape.dtype:
            raise ValueError(
                f"libraries.{name} is {given.dtype}{list(given.shape)}, the run's are {shape.dtype}"
                f"{[num_agents, *shape.shape]}; give libraries of the same agents and LibraryConfig"
            )
        if np.any(np.asarray(given) != np.repeat(np.asarray(given)[::size], size, axis=0)):
            raise ValueError(f"libraries differ within a group of group_size={size}; give the same to all of a group")
    return libraries


class _EpisodeReporter:
    """Tells of every episode, in order, once all agents have finished it."""

    def __init__(self, on_episode: Callable[[int, EpisodeMetrics], None]):
        self._on_episode = on_episode

    def follow(self, driver: Driver) -> None:
        """Takes note of whose agents these are; must come before anything runs."""
        self._notes, self._gathered = driver.notes, driver.buffer.metrics_so_far(0)

    def __call__(self, work: Lanes, state: LaneState) -> None:
        """Looks, after a chunk of ticks, whether there is something to tell."""
        all_begun = int(state.next_row) == work.num_rows
        fewest = int(work.finished_episodes(state).min()) if all_begun else 0
        reported = self._notes.get("reported", 0)
        if fewest <= reported:
            return
        metrics = jax.tree.map(np.copy, self._gathered)
        lanes = np.flatnonzero(state.rows != IDLE)
        put_rows(metrics, state.rows[lanes], work.metrics(state, lanes))
        for episode in range(reported, fewest):
            self._on_episode(episode, jax.tree.map(lambda column, e=episode: column[:, e], metrics))
        self._notes["reported"] = fewest
