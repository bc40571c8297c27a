"""One episode of one agent of a finished run, lived once more with every step recorded, and held against its record."""

import dataclasses
import pathlib
from collections.abc import Callable

import jax
import numpy as np

from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import ENDS, EpisodeMetrics
from procmem_jax.experiments.replays.frames import Frame, frames_of_episode
from procmem_jax.experiments.replays.lives import Life, record_episode
from procmem_jax.experiments.runs.evaluate import read_experiment
from procmem_jax.experiments.runs.libraries import load_warm_start
from procmem_jax.experiments.runs.stored import CONFIG_FILE, EPISODES_FILE
from procmem_jax.experiments.runs.stored_episodes import first_difference, read_agent_episodes
from procmem_jax.experiments.storage.files import expecting_fields
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.training.driver import Progress
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import check_count
from procmem_jax.streams import run_key


@dataclasses.dataclass(frozen=True)
class Replay:
    """One episode, step by step.

    Attributes:
        task, preset: of the run.
        config, params: of the run.
        agent, episode: their numbers.
        frames: one more than steps.
    """

    task: str
    preset: str
    config: Config
    params: Params
    agent: int
    episode: int
    frames: list[Frame]


def replay_episode(
    folder: pathlib.Path,
    agent: int,
    episode: int = -1,
    *,
    warm_start: str | pathlib.Path | None = None,
    check_config: Callable[[Config], None] = lambda config: None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Replay:
    """Returns an episode of a finished run as it was, after living the agent's life again up to it.

    Every episode on the way must meet its stored row, bit for bit. Memory grows with the steps of the one episode and
    the number of episodes, not with the steps of the life.

    Args:
        folder: of the run.
        agent: its number, from 0.
        episode: its number, from 0; negative numbers count from the end.
        warm_start: the file that the run was started with, if it was; the run keeps only its sha256.
        check_config: called before anything is run; raises for what cannot be shown.
        on_progress: called before and while the agent lives.

    Raises:
        TypeError: a number is not a whole number.
        ValueError: the folder holds no finished run, there is no such agent or episode, the warm start is missing or
            another one, or the replay does not meet the record.
    """
    stored, config, params = read_experiment(folder, [EPISODES_FILE])
    with expecting_fields(folder / CONFIG_FILE):
        num_agents, num_episodes, key = stored["agents"], stored["episodes"], run_key(stored["seed"])
        check_count("agents", num_agents, 1, 2**31 - 1)
        check_count("episodes", num_episodes, 1, 2**31 - 1)
    check_count("agent", agent, 0, num_agents - 1)
    check_count("episode", episode, -num_episodes, num_episodes - 1)
    episode %= num_episodes
    check_config(config)
    library = _given_library(folder, stored, config, agent, warm_start)
    record = read_agent_episodes(folder / EPISODES_FILE, agent, num_episodes)
    life = Life(key, config, params, agent, num_episodes, library)
    follower = _Follower(folder, stored.get("versions", {}), agent, episode, record, on_progress)
    records = record_episode(life, episode, int(record.steps[:episode].sum(dtype=np.int64)), follower.look)
    success = None if record.success is None else bool(record.success[episode])
    frames = frames_of_episode(records, config, success, ENDS[life.metrics.end[episode]])
    return Replay(stored["task"], stored["preset"], config, params, agent, episode, frames)


def _given_library(
    folder: pathlib.Path, stored: dict, config: Config, agent: int, warm_start: str | pathlib.Path | None
) -> SkillLibrary | None:
    """Returns the library `[1, N, ...]` that the agent started with, None if it started without one."""
    sha256 = stored.get("warm_start")
    if sha256 is None:
        if warm_start is not None:
            raise ValueError(f"warm_start={warm_start}: the run in {folder} was started without one; leave it out")
        return None
    if warm_start is None:
        raise ValueError(
            f"{folder} was started with libraries of which it keeps the sha256 only ({sha256}); give their file with "
            "--warm-start"
        )
    given = load_warm_start(warm_start, config, stored["agents"])
    if given.sha256 != sha256:
        raise ValueError(
            f"warm_start={warm_start} holds libraries of sha256 {given.sha256}, the run in {folder} was started with "
            f"{sha256}; give the file that it was started with"
        )
    return jax.tree.map(lambda array: array[agent : agent + 1], given.libraries)


class _Follower:
    """Holds a life against its record, episode by episode."""

    def __init__(self, folder, made_with: dict, agent: int, episode: int, record: EpisodeMetrics, on_progress):
        self._folder, self._made_with, self._agent = folder, made_with, agent
        self._record, self._last, self._seen = record, episode + 1, 0
        self._on_progress = on_progress or (lambda progress: None)
        self._on_progress(Progress("compiling", 0, self._last))

    def look(self, life: Life) -> None:
        """Raises a ValueError if an episode that has ended since the last look does not meet its row."""
        finished = min(life.finished, self._last)
        if finished > self._seen:
            difference = first_difference(self._record, life.metrics, self._seen, finished)
            if difference is not None:
                raise ValueError(self._complaint(difference))
        self._seen = finished
        self._on_progress(Progress("running", finished, self._last))

    def _complaint(self, difference: str) -> str:
        here = versions()
        others = [f"{name} {self._made_with.get(name)}, here {here[name]}" for name in here
                  if self._made_with.get(name) != here[name]]  # fmt: skip
        if others:
            why = f"it was made with {'; '.join(others)}: replay it with those versions, on the same kind of processor"
        else:
            why = f"replay it on the kind of processor that it was made on, or see whether {CONFIG_FILE} or "
            why += f"{EPISODES_FILE} was changed"
        return f"{self._folder}: the replay of agent {self._agent} does not meet its record ({difference}); {why}"
