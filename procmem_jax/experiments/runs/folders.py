"""Runs in folders: what was asked for, what came out, and never a half-written file."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence

import jax

from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments import signals
from procmem_jax.experiments.defaults import CHECKPOINT_SECONDS
from procmem_jax.experiments.descriptions import describe_experiment
from procmem_jax.experiments.libraries.files import write_saved
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import WarmStart
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.processes import end_if_asked, entered_by_first, from_first, is_first
from procmem_jax.experiments.runs import results
from procmem_jax.experiments.runs.stored import (
    CHECKPOINTS_FOLDER,
    CONFIG_FILE,
    EPISODES_FILE,
    FIGURE_FILE,
    FORMAT,
    LIBRARIES_FILE,
    SUMMARY_FILE,
    check_folder,
    finished_config,
    make_way,
    read_config,
    versioned,
)
from procmem_jax.experiments.storage.checksums import hash_files, write_vouching
from procmem_jax.experiments.storage.files import (
    DamagedError,
    read_json,
    remove_asides,
    sync_folder,
    write_json,
    write_whole,
)
from procmem_jax.experiments.storage.locks import folder_lock
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.storage.trackers import (
    METRICS_FILE,
    TENSORBOARD_FOLDER,
    JsonLines,
    TensorBoard,
    Tracker,
    WeightsAndBiases,
)
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.training.train import TrainResult, check_run, train
from procmem_jax.streams import run_key

RESULT_FILES = (EPISODES_FILE, LIBRARIES_FILE, METRICS_FILE, SUMMARY_FILE)
NO_SKILLS = "none"  # what stands for the embedding in a file of libraries that nothing can ever be in


@dataclasses.dataclass(frozen=True)
class RunSpec:
    """One training run: everything that its results depend on.

    Attributes:
        task, preset: their names.
        config, params: what they and the overrides made.
        num_agents, num_episodes: A and E.
        seed: of the run key.
        warm_start: the skills that the agents start with, None for none.
    """

    task: str
    preset: str
    config: Config
    params: Params
    num_agents: int
    num_episodes: int
    seed: int
    warm_start: WarmStart | None = None

    def identity(self) -> dict:
        """Returns what decides the results, ready for JSON: equal for equal runs."""
        started = {} if self.warm_start is None else {"warm_start": self.warm_start.sha256}
        return {
            "format": FORMAT,
            "task": self.task,
            "preset": self.preset,
            "agents": self.num_agents,
            "episodes": self.num_episodes,
            "seed": self.seed,
            **describe_experiment(self.config, self.params),
            **started,
        }

    def check(self) -> None:
        """Raises a TypeError or ValueError if the run is impossible."""
        run_key(self.seed)
        check_run(self.config, self.params, self.num_agents, self.num_episodes)


def stored_summary(folder: pathlib.Path, spec: RunSpec) -> dict | None:
    """Returns the summary of the finished run `spec` in `folder`, None if it has not been run or finished there.

    All its files are looked at, and what a killed process left there is removed.

    Raises:
        DamagedError: one of its files is missing or damaged.
        ValueError: as `check_folder`, or the summary cannot be read.
    """
    check_folder(folder, spec)
    return None if finished_config(folder) is None else read_json(folder / SUMMARY_FILE)


def run_training(
    spec: RunSpec,
    folder: pathlib.Path,
    *,
    draw_figure: Callable[[pathlib.Path, pathlib.Path], None],
    anew: bool = False,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    tensorboard: bool = False,
    wandb: bool = False,
    on_progress=None,
    on_episode=None,
    on_warning: Callable[[str], None] = lambda text: None,
) -> dict:
    """Returns the summary of the run `spec`, whose files it leaves in `folder`.

    The config is written first and, with the sums of all results, last: a folder whose config has no sums is an
    unfinished run. It goes on from its last checkpoint, to the very results that it would have had without the
    interruption. Files of an earlier run of the same config are replaced once the new results are complete. In a
    program of several processes all make the same call, and the first one writes.

    Args:
        spec: the run.
        folder: made if it does not exist; one process at a time may use it.
        draw_figure: called with the folder and the path of the figure to write.
        anew: pays no heed to checkpoints.
        checkpoint_every: seconds between two checkpoints.
        tensorboard: whether to write events for TensorBoard too.
        wandb: whether to tell Weights & Biases too.
        on_progress, on_episode: as for `train`.
        on_warning: called with a line about a checkpoint that cannot be used, or values that JSON cannot hold.

    Raises:
        TypeError, ValueError: the run is impossible, or the folder holds something else.
        OSError: the folder cannot be written.
        Interrupted: a signal asked the command to end; a checkpoint or all results are stored.
    """
    from_first(spec.check)
    from_first(lambda: check_folder(folder, spec, anew=anew))
    saver = Saver(folder / CHECKPOINTS_FOLDER, spec.identity(), every=checkpoint_every, on_warning=on_warning)
    trackers: list[Tracker] = [JsonLines(folder / METRICS_FILE, live=not (folder / SUMMARY_FILE).exists())]
    if tensorboard:
        trackers.append(TensorBoard(folder / TENSORBOARD_FOLDER))
    if wandb:
        trackers.append(WeightsAndBiases(folder, versioned(spec.identity()), on_warning))

    def tell(episode: int, metrics: EpisodeMetrics) -> None:
        if is_first():
            for tracker in trackers:
                tracker.on_episode(episode, metrics)
        if on_episode is not None:
            on_episode(episode, metrics)

    with entered_by_first(folder_lock(folder)):
        from_first(lambda: _begin_folder(spec, folder, anew))
        if anew:
            saver.clear()
        result = train(
            run_key(spec.seed),
            spec.config,
            spec.params,
            spec.num_agents,
            spec.num_episodes,
            libraries=spec.warm_start.libraries if spec.warm_start else None,
            devices=jax.devices(),
            saver=saver,
            on_progress=on_progress,
            on_episode=tell,
        )
        summary = from_first(lambda: _write_results(spec, folder, result, trackers, draw_figure))
        saver.clear()
    for line in results.told_infinite(result.metrics):
        on_warning(line)
    end_if_asked(f"the run is finished, its results are in {folder}")
    return summary


def write_run(spec: RunSpec, folder: pathlib.Path, result: TrainResult) -> None:
    """Leaves the files of a run that has been run, but for its figure; errors as for `run_training`."""
    with folder_lock(folder):
        _begin_folder(spec, folder, anew=False)
        lines = JsonLines(folder / METRICS_FILE, live=False)
        _write_results(spec, folder, result, [lines], lambda folder, path: None)


def _begin_folder(spec: RunSpec, folder: pathlib.Path, anew: bool) -> None:
    remove_asides(folder)
    make_way(folder, (CONFIG_FILE, *RESULT_FILES))
    try:
        if anew and (folder / CONFIG_FILE).exists():
            read_config(folder)
    except DamagedError:
        (folder / CONFIG_FILE).unlink()
    if not (folder / CONFIG_FILE).exists():
        write_vouching(folder / CONFIG_FILE, versioned(spec.identity()), {})


def _write_results(
    spec: RunSpec, folder: pathlib.Path, result: TrainResult, trackers: Sequence[Tracker], draw_figure
) -> dict:
    """Returns the summary; the config is written last, with the sums of all files."""
    optimal = optimal_steps(run_key(spec.seed), spec.config, spec.params, spec.num_agents, spec.num_episodes)
    summary = results.summarize(result, optimal, spec.config.library)
    (folder / SUMMARY_FILE).unlink(missing_ok=True)
    config = versioned(spec.identity())
    write_vouching(folder / CONFIG_FILE, config, {})
    episodes = functools.partial(results.write_episodes, metrics=result.metrics, optimal=optimal)
    write_whole(folder / EPISODES_FILE, episodes)
    saved = _saved_libraries(spec, result)
    write_saved(folder / LIBRARIES_FILE, saved, overwrite=True, worth=result.libraries.worth)
    for tracker in trackers:
        tracker.finish(result.metrics)
    write_json(folder / SUMMARY_FILE, summary)
    sync_folder(folder)
    write_vouching(folder / CONFIG_FILE, config, hash_files(folder, RESULT_FILES))
    if signals.asked() is None:
        draw_figure(folder, folder / FIGURE_FILE)
    return summary


def _saved_libraries(spec: RunSpec, result: TrainResult) -> SavedLibraries:
    environment, memory = spec.config.environment, spec.config.memory
    return SavedLibraries(
        result.libraries,
        spec.config.library,
        memory.embedding_name(environment.context_size) if memory.has_skills and spec.config.use_skills else NO_SKILLS,
        environment.predicate_names,
        environment.action_names,
        tuple(range(spec.num_agents)),
        versions(),
        environment.percept_name,
    )
