"""Files that carry the skills of one agent, or of many, from one run to another."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.libraries.json import json_text, libraries_of_entries, library_entries
from procmem_jax.experiments.libraries.npz import read_npz
from procmem_jax.experiments.libraries.rules import check_origin
from procmem_jax.experiments.libraries.saved import SavedLibraries, libraries_of_arrays
from procmem_jax.experiments.storage.files import make_folder, read_json, write_whole
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.memory.eviction import EVICTION_RULES
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import function_text

KIND = "procmem_jax skill libraries"
# 1 lacks the percept, and when skills were learned; 2 the width of actions, which is one byte; 3 what deaths taught.
FORMAT = 4
SUFFIXES = (".json", ".npz")


def export_libraries(
    path: str | pathlib.Path,
    libraries: SkillLibrary,
    config: LibraryConfig,
    *,
    embedding: str,
    predicate_names: Sequence[str] = GridWorld.predicate_names,
    action_names: Sequence[str] = GridWorld.action_names,
    agents: Sequence[int] | None = None,
    percept: str | None = None,
    overwrite: bool = False,
) -> None:
    """Writes libraries to a file that `import_libraries` reads, whole or not at all.

    Args:
        path: ending in .json (for people) or .npz (for many agents).
        libraries: `[A, N, ...]`, NumPy or JAX arrays.
        config: their settings.
        embedding: the name of the rule that made the embeddings (see `embedding_rule`).
        predicate_names, action_names: what the numbers mean; by default in the grid world.
        agents: the number of each of them; by default 0 to A - 1.
        percept: the name of what made the percepts (an environment's `percept_name`).
        overwrite: replace an existing file.

    Raises:
        TypeError, ValueError: the arguments do not fit together, the suffix is unknown, or the file exists.
        OSError: the file cannot be written.
    """
    numbers = range(np.shape(libraries.skill_ids)[0]) if agents is None else agents
    names = (tuple(predicate_names), tuple(action_names), tuple(int(number) for number in numbers))
    saved = SavedLibraries(libraries, config, embedding, *names, versions(), percept)
    check_origin(saved.libraries, saved.config, saved.agents)
    write_saved(pathlib.Path(path), saved, overwrite=overwrite)


def write_saved(
    path: pathlib.Path, saved: SavedLibraries, *, overwrite: bool = False, worth: np.ndarray | None = None
) -> None:
    """Writes `saved` to `path`; as `export_libraries`, whose errors it raises.

    An npz file of a run also holds the `worth` of its libraries, if there is any; nothing but `eval` reads it.
    """
    _check_suffix(path)
    if path.exists() and not (overwrite and path.is_file()):
        raise ValueError(f"{path} exists; choose another name" + (" or --force" if path.is_file() else ""))
    make_folder(path.parent)
    libraries = saved.libraries
    head = {
        "kind": KIND,
        "format": _format_of(saved.config),
        "versions": dict(saved.versions),
        "config": {**_plain(saved.config), "eviction": function_text(saved.config.eviction, EVICTION_RULES)},
        "embedding": saved.embedding,
        "percept": saved.percept,
        "predicate_names": list(saved.predicate_names),
        "action_names": list(saved.action_names),
        "agents": list(saved.agents),
    }
    if path.suffix == ".json":
        entries = library_entries(libraries, saved.agents, saved.predicate_names, saved.action_names)
        text = json_text({**head, "libraries": entries})
        write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))
        return

    beside = {} if worth is None else {"worth": worth}

    def write(aside: pathlib.Path) -> None:
        with open(aside, "wb") as file:
            np.savez(file, header=np.array(json.dumps(head)), **libraries.known(), **beside)

    write_whole(path, write)


def import_libraries(path: str | pathlib.Path) -> SavedLibraries:
    """Returns what `export_libraries` has written.

    Raises:
        ValueError: the suffix is unknown, or the file is damaged, of another kind or of a later version, or holds what
            no library can hold; the message names the skill and the field.
    """
    saved = read_saved(pathlib.Path(path))
    try:
        check_origin(saved.libraries, saved.config, saved.agents)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; export it again") from None
    return saved


def read_saved(path: pathlib.Path) -> SavedLibraries:
    """Returns libraries as a memory of any kind may have left them; as `import_libraries`, whose errors it raises."""
    _check_suffix(path)
    head, arrays = (read_json(path), {}) if path.suffix == ".json" else read_npz(path)
    number = head.get("format")
    if head.get("kind") != KIND or type(number) is not int:
        raise ValueError(f"{path}: holds no exported libraries; make such a file with `procmem library export`")
    if not 1 <= number <= FORMAT:
        newest = f"{FORMAT}, the newest that procmem_jax {versions()['procmem_jax']} reads"
        told = f"is above {newest}; use a newer procmem_jax" if number > FORMAT else f"is not one of 1 to {newest}"
        raise ValueError(f"{path}: format={number} {told}")
    try:
        return _saved_from(head, arrays)
    except (LookupError, ArithmeticError, MemoryError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is damaged ({type(error).__name__}: {error}); export it again") from None


def _format_of(config: LibraryConfig) -> int:
    """Returns the least format that can tell of such libraries: what is as before, older versions can read."""
    return 4 if config.keeps_reach else 3 if config.wide_actions else 2


def _plain(config: LibraryConfig) -> dict[str, Any]:
    plain = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    newer = ("wide_actions", "keeps_reach", "worth_size")
    return {name: value for name, value in plain.items() if value or name not in newer}


def _saved_from(head: Mapping, arrays: Mapping[str, np.ndarray]) -> SavedLibraries:
    settings = dict(head["config"])
    # Nothing that is done with stored libraries needs the rule, which may be a function that is not here.
    if settings.get("eviction") not in EVICTION_RULES:
        settings.pop("eviction", None)
    config = LibraryConfig(**settings)
    agents = head["agents"]
    names = (tuple(head["predicate_names"]), tuple(head["action_names"]))
    if arrays:
        libraries = libraries_of_arrays(arrays)
    else:
        entries = head["libraries"]
        if [entry["agent"] for entry in entries] != agents:
            raise ValueError("agents are not those of the libraries")
        libraries = libraries_of_entries(entries, config, *names)
    return SavedLibraries(
        libraries, config, head["embedding"], *names, tuple(agents), dict(head["versions"]), head.get("percept")
    )


def _check_suffix(path: pathlib.Path) -> None:
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: suffix {path.suffix!r} is unknown; choose from {', '.join(SUFFIXES)}")
