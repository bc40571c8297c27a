"""The libraries of finished runs, with what one must know to use them elsewhere."""

import pathlib

from procmem_jax.envs.protocol import make_world
from procmem_jax.experiments.libraries.files import SUFFIXES, import_libraries
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.warm_start import embedding_rule
from procmem_jax.experiments.runs.evaluate import read_experiment
from procmem_jax.experiments.runs.folders import LIBRARIES_FILE
from procmem_jax.experiments.runs.results import read_libraries
from procmem_jax.experiments.storage.files import expecting_fields


def libraries_of_run(folder: pathlib.Path) -> SavedLibraries:
    """Returns the final libraries of the finished run in `folder`.

    Raises:
        ValueError: the folder holds no finished run, its memory was off, or one of its files is damaged.
    """
    stored, config, _ = read_experiment(folder)
    try:
        embedding = embedding_rule(config)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    libraries, world = read_libraries(folder / LIBRARIES_FILE), make_world(config.world)
    with expecting_fields(folder / LIBRARIES_FILE):
        return SavedLibraries(
            libraries,
            config.library,
            embedding,
            world.predicate_names,
            world.action_names,
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
