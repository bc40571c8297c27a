"""The libraries of finished runs, with what one must know to use them elsewhere."""

import pathlib

from procmem_jax.agents.settings import Config
from procmem_jax.experiments.libraries.files import SUFFIXES, import_libraries, read_saved
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import WarmStart, embedding_rule, make_warm_start
from procmem_jax.experiments.runs.evaluate import read_experiment
from procmem_jax.experiments.runs.folders import NO_SKILLS
from procmem_jax.experiments.runs.results import read_libraries
from procmem_jax.experiments.runs.stored import CONFIG_FILE, LIBRARIES_FILE, open_finished
from procmem_jax.experiments.storage.files import expecting_fields
from procmem_jax.memory.library import EMPTY


class NoLibrariesError(ValueError):
    """A run has no libraries, and no damage is to blame: its memory was off or has no skills."""


def libraries_of_run(folder: pathlib.Path) -> SavedLibraries:
    """Returns the final libraries of the finished run in `folder`; imports nothing that the folder names.

    Raises:
        NoLibrariesError: its memory was off or has no skills.
        ValueError: the folder holds no finished run, or one of its files is damaged.
    """
    stored = open_finished(folder, [LIBRARIES_FILE])
    if stored["format"] == 1:
        return _of_format_1(folder)
    saved = read_saved(folder / LIBRARIES_FILE)
    if saved.embedding == NO_SKILLS:
        raise NoLibrariesError(
            f"{folder}: its memory was off or has no skills, and so there are no libraries; use another run"
        )
    with expecting_fields(folder / CONFIG_FILE):
        agents, capacity = stored["agents"], stored["settings"].get("capacity", saved.config.capacity)
    with expecting_fields(folder / LIBRARIES_FILE):
        if (agents, capacity) != (len(saved.agents), saved.config.capacity):
            raise ValueError(
                f"{len(saved.agents)} libraries of {saved.config.capacity} slots, not {agents} of {capacity}"
            )
    return saved


def _of_format_1(folder: pathlib.Path) -> SavedLibraries:
    """Returns the libraries of a run whose npz file does not say what they are."""
    stored, config, _ = read_experiment(folder)
    try:
        embedding = embedding_rule(config)
    except ValueError as error:
        raise NoLibrariesError(f"{folder}: {error}") from None
    libraries, environment = read_libraries(folder / LIBRARIES_FILE), config.environment
    with expecting_fields(folder / LIBRARIES_FILE):
        return SavedLibraries(
            libraries,
            config.library,
            embedding,
            environment.predicate_names,
            environment.action_names,
            tuple(range(stored["agents"])),
            dict(stored["versions"]),
        )


def libraries_at(path: pathlib.Path) -> SavedLibraries:
    """Returns the libraries of a run's folder or of an exported file.

    Raises:
        ValueError: there is neither, or it is damaged.
    """
    is_export = path.suffix in SUFFIXES and not path.is_dir()
    return import_libraries(path) if is_export else libraries_of_run(path)


def load_warm_start(path: str | pathlib.Path, config: Config, num_agents: int) -> WarmStart:
    """Returns the warm start from an exported file or a run's folder, as `make_warm_start`.

    Raises:
        ValueError: it cannot be read, or its libraries do not fit.
    """
    saved = libraries_at(pathlib.Path(path))
    try:
        return make_warm_start(saved, config, num_agents)
    except ValueError as error:
        raise ValueError(f"{path} does not fit this run: {error}") from None


def episode_of_skill(folder: pathlib.Path, agent: int, slot: int) -> int:
    """Returns the number of the episode in which an agent of a finished run learned the skill in a slot.

    Raises:
        ValueError: there is no such agent or skill, or the run does not know when it was learned.
    """
    saved = libraries_of_run(folder).of_agent(agent)
    capacity = saved.libraries.skill_ids.shape[1]
    if not 0 <= slot < capacity or saved.libraries.skill_ids[0, slot] == EMPTY:
        raise ValueError(f"skill={slot}: agent {agent} has no skill there; see `procmem library show {folder}`")
    episode = int(saved.libraries.learned_episode[0, slot])
    if episode < 0:
        raise ValueError(f"skill={slot}: the run does not know when it was learned; give --episode")
    return episode
