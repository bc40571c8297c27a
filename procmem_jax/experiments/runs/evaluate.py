"""Evaluation: the libraries of a finished run, frozen, on layouts that none of them has seen."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable

import numpy as np

from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.descriptions import remake_experiment
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.runs import results
from procmem_jax.experiments.runs.stored import (
    CONFIG_FILE,
    EPISODES_FILE,
    LIBRARIES_FILE,
    SUMMARY_FILE,
    make_way,
    open_finished,
)
from procmem_jax.experiments.statistics.headline import Bounds, bounds_json, over_agents
from procmem_jax.experiments.storage.checksums import hash_files, write_vouching
from procmem_jax.experiments.storage.files import make_folder, write_whole
from procmem_jax.experiments.training.driver import Progress
from procmem_jax.experiments.training.train import train
from procmem_jax.records import check_count
from procmem_jax.streams import run_key


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How frozen libraries do; each an (estimate, low, high) with a 95% interval over agents.

    Attributes:
        success: share of successful episodes; None where there is no success.
        steps: primitive steps per episode.
        steps_over_optimal: steps over the fewest possible, mean over episodes; None where these are unknown.
        episode_return: rewards of an episode.
    """

    success: Bounds | None
    steps: Bounds
    steps_over_optimal: Bounds | None
    episode_return: Bounds

    def as_json(self) -> dict[str, dict[str, float] | None]:
        """Returns it ready for JSON."""
        return {name: None if bounds is None else bounds_json(bounds) for name, bounds in vars(self).items()}


def read_experiment(
    folder: pathlib.Path, names: Iterable[str] = (SUMMARY_FILE, LIBRARIES_FILE)
) -> tuple[dict, Config, Params]:
    """Returns (stored config, config, params) of the finished run in `folder`, whose files `names` are whole.

    Raises:
        ValueError: the folder holds no finished run, or one of its files cannot be read.
    """
    stored = open_finished(folder, names)
    try:
        config, params = remake_experiment(stored)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG_FILE}: is not the config of a run ({error})") from None
    return stored, config, params


def evaluate_run(
    folder: pathlib.Path,
    num_episodes: int,
    seed: int,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Evaluation, pathlib.Path]:
    """Returns (how the run's libraries do, folder of the files) over fresh episodes in which nothing is learned.

    The folder `eval-SEED-EPISODES` within the run's gets `episodes.parquet` and `summary.json`, which holds the sha256
    of both.

    Args:
        folder: of a finished run.
        num_episodes: of each agent.
        seed: of the fresh layouts; not the run's own.
        on_progress: as for `train`.

    Raises:
        ValueError: the folder holds no finished run, it has no libraries, or a number is out of bounds.
    """
    stored, config, params = read_experiment(folder)
    check_count("num_episodes", num_episodes, 1, 2**31 - 1)
    if seed == stored["seed"]:
        raise ValueError(f"seed={seed} is the run's own, its layouts are not fresh; give another")
    if config.use_skills and not config.memory.has_skills:
        raise ValueError(f"{folder}: {config.memory.title} has no skills, and so no libraries; use another run")
    config = dataclasses.replace(config, learns=False)
    out = folder / f"eval-{seed}-{num_episodes}"
    make_folder(out)
    make_way(out, (EPISODES_FILE, SUMMARY_FILE))
    libraries = results.read_libraries(folder / LIBRARIES_FILE) if config.use_skills else None
    key, num_agents = run_key(seed), stored["agents"]
    result = train(key, config, params, num_agents, num_episodes, libraries=libraries, on_progress=on_progress)
    optimal = optimal_steps(key, config, params, num_agents, num_episodes)
    write_whole(out / EPISODES_FILE, lambda path: results.write_episodes(path, result.metrics, optimal))
    summary = results.summarize(result, optimal, config.library)
    write_vouching(out / SUMMARY_FILE, summary, hash_files(out, [EPISODES_FILE]))
    return _evaluation(result.metrics, optimal), out


def _evaluation(metrics: EpisodeMetrics, optimal: np.ndarray | None) -> Evaluation:
    success = None if metrics.success is None else over_agents(metrics.success)
    ratio = None if optimal is None else over_agents(metrics.steps / optimal)
    return Evaluation(success, over_agents(metrics.steps), ratio, over_agents(metrics.episode_return))
