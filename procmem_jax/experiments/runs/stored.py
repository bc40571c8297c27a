"""What a folder of a run or a sweep holds: whose it is, whether it is finished, and whether its files are whole.

`config.json` is always there: what was asked for and, once all results are written, the sha256 of every one of them
(see `storage.checksums`). So a folder is finished or not at one stroke, and a lost file is not taken for one that was
never made. Folders of earlier versions hold no sums: they are finished if they hold `summary.json`, and nothing is
known about their bits.
"""

import contextlib
import pathlib
import shutil
from collections.abc import Iterable
from typing import Any

from procmem_jax.experiments.storage.checksums import OWN_SUM, SUMS, check_sums, read_vouching
from procmem_jax.experiments.storage.files import DamagedError, is_aside, remove_asides
from procmem_jax.experiments.storage.locks import LOCK_FILE, folder_lock
from procmem_jax.experiments.storage.trackers import METRICS_FILE, TENSORBOARD_FOLDER, WANDB_FOLDER
from procmem_jax.experiments.storage.versions import versions

FORMAT = 2
RUN, SWEEP = "run", "sweep"
CONFIG_FILE = "config.json"
SUMMARY_FILE = "summary.json"
EPISODES_FILE = "episodes.parquet"
LIBRARIES_FILE = "libraries.npz"
FIGURE_FILE = "training.png"
CHECKPOINTS_FOLDER = "checkpoints"
PARTS_FOLDER = "parts"
SHARDS_FOLDER = "shards"
TABLE_FILE = "summary.parquet"

_COMMAND = {RUN: "procmem train", SWEEP: "procmem sweep"}
AGAIN = "run it again with --force"
_RESULTS = {
    RUN: {EPISODES_FILE, LIBRARIES_FILE, METRICS_FILE},
    SWEEP: {PARTS_FOLDER, TABLE_FILE, SHARDS_FOLDER},
}
_TRACKED = {TENSORBOARD_FOLDER, WANDB_FOLDER}
_COMMON = {CONFIG_FILE, SUMMARY_FILE, CHECKPOINTS_FOLDER, FIGURE_FILE, "sweep.png", "report.html", *_TRACKED}
_OLD_RESULTS = {RUN: (SUMMARY_FILE, EPISODES_FILE, LIBRARIES_FILE), SWEEP: (SUMMARY_FILE,)}


def kind_of(config: dict) -> str:
    """Returns "run" or "sweep"."""
    return SWEEP if config.get("kind") == SWEEP else RUN


def has_sums(config: dict) -> bool:
    """Whether a config holds the sums of its folder's files; those of earlier versions do not."""
    return SUMS in config


def is_finished(folder: pathlib.Path, config: dict) -> bool:
    """Whether all results were written to the folder that `config` was read from."""
    return bool(config[SUMS]) if has_sums(config) else (folder / SUMMARY_FILE).exists()


def read_config(folder: pathlib.Path) -> dict:
    """Returns what `config.json` holds.

    Raises:
        DamagedError: it cannot be read, or is not as it was written.
        ValueError: it is of a format that this version does not read.
    """
    path = folder / CONFIG_FILE
    config = _read(path)
    if "format" not in config:
        raise DamagedError(f"{path} is not the config of a run or sweep; if it was one, {AGAIN}")
    number = config["format"]
    if type(number) is not int or not 1 <= number <= FORMAT:
        made_with = config.get("versions")
        writer = made_with.get("procmem_jax") if isinstance(made_with, dict) else None
        theirs = f", written by procmem_jax {writer}," if isinstance(writer, str) else ""
        ours = f"procmem_jax {versions()['procmem_jax']} reads formats 1 to {FORMAT}"
        raise ValueError(
            f"{path} holds results of another format: format={number}{theirs} is unknown here, {ours}; use the "
            "version that wrote it, or choose another folder"
        )
    return config


def _read(path: pathlib.Path) -> dict:
    try:
        return read_vouching(path)
    except DamagedError as error:
        raise DamagedError(f"{error}; {AGAIN}") from None


def open_finished(folder: pathlib.Path, names: Iterable[str] = (), kind: str = RUN) -> dict:
    """Returns the config of the finished run or sweep in `folder`, whose files `names` are as they were written.

    What a killed process has left there is removed.

    Raises:
        DamagedError: one of the files is missing or damaged.
        ValueError: the folder holds no finished run or sweep.
    """
    missing = f"{folder} holds no finished {kind} ({{}} is missing); give the folder of one"
    if not (folder / CONFIG_FILE).exists():
        raise ValueError(missing.format(CONFIG_FILE))
    config = read_config(folder)
    if kind_of(config) != kind:
        raise ValueError(
            f"{folder} holds a {kind_of(config)}, not a {kind}; give the folder of a {kind} (of `{_COMMAND[kind]}`)"
        )
    if not is_finished(folder, config):
        raise ValueError(missing.format(SUMMARY_FILE) + f", or go on with `{_COMMAND[kind]}`")
    check_files(folder, config, names)
    remove_leftovers(folder)
    return config


def finished_config(folder: pathlib.Path) -> dict | None:
    """Returns the config of what is finished in `folder`, None if nothing is.

    All its files are looked at, and what a killed process left there is removed.

    Raises:
        DamagedError: one of the files is missing or damaged.
        ValueError: the config is of a format that this version does not read.
    """
    if not (folder / CONFIG_FILE).exists():
        return None
    config = read_config(folder)
    if not is_finished(folder, config):
        return None
    check_files(folder, config)
    remove_leftovers(folder)
    return config


def check_files(folder: pathlib.Path, config: dict, names: Iterable[str] | None = None) -> None:
    """Raises a DamagedError unless files of a finished run or sweep are as they were written; by default all.

    Of a folder without sums it is only known whether they are there.
    """
    if has_sums(config):
        check_sums(folder, config[SUMS], sorted(config[SUMS]) if names is None else names, AGAIN)
        return
    for name in _OLD_RESULTS[kind_of(config)] if names is None else names:
        if not (folder / name).is_file():
            raise DamagedError(
                f"{folder} holds no finished {kind_of(config)} ({name} is missing); give the folder of one, or {AGAIN}"
            )


def check_folder(folder: pathlib.Path, spec: Any, *, anew: bool = False) -> None:
    """Raises unless `folder` is absent, empty, or that of the run or sweep `spec`, finished or not.

    Args:
        folder: of the results.
        spec: a `RunSpec` or `SweepSpec`.
        anew: takes a folder whose config is lost or damaged, if everything else there is of such a run or sweep.

    Raises:
        DamagedError: its config is lost or damaged.
        ValueError: the folder holds something else, or a run of another config; the message says what differs.
    """
    if not _is_folder(folder):
        return
    wanted = {"warm_start": None, **spec.identity()}
    kind = kind_of(wanted)
    names = {path.name for path in folder.iterdir() if path.name != LOCK_FILE and not is_aside(path.name)}
    if CONFIG_FILE not in names:
        if len(names & _RESULTS[kind]) > 1 and _are_of(kind, folder, names):
            if not anew:
                raise DamagedError(f"{folder / CONFIG_FILE} is missing; {AGAIN}")
        elif names:
            raise ValueError(f"out={folder} holds files that are not of a {kind}; choose another or an empty folder")
        return
    try:
        stored = read_config(folder)
    except DamagedError as error:
        if not anew:
            raise
        if names & _RESULTS[kind] and _are_of(kind, folder, names):
            return
        raise ValueError(f"{error}, but what else is there is not of a {kind}; choose another folder") from None
    if kind_of(stored) != kind:
        raise ValueError(f"out={folder} holds a {kind_of(stored)}, not a {kind}; choose another folder")
    if stored["format"] != FORMAT:
        raise ValueError(
            f"out={folder} holds results of another format ({CONFIG_FILE} says {stored['format']}, this version "
            f"writes {FORMAT}): it can read older ones, not go on with them; choose another folder"
        )
    differing = _differences({key: stored.get(key) for key in wanted}, wanted)
    if differing:
        raise ValueError(f"out={folder} holds a {kind} of another config ({'; '.join(differing)}); choose another")


def _is_folder(folder: pathlib.Path) -> bool:
    """Returns whether there is a folder.

    Raises:
        ValueError: there is something else, or there can be none.
    """
    try:
        folder.stat()
    except FileNotFoundError:
        if folder.is_symlink():
            raise ValueError(f"out={folder} is a link that leads nowhere; choose another folder") from None
        return False
    except OSError as error:
        raise ValueError(f"out={folder} cannot be a folder ({error.strerror}); choose another") from None
    if not folder.is_dir():
        raise ValueError(f"out={folder} is not a folder; choose another")
    return True


def _are_of(kind: str, folder: pathlib.Path, names: Iterable[str]) -> bool:
    """Whether everything in a folder, of these names, is what commands write for a run or a sweep."""
    known = _COMMON | _RESULTS[kind]
    checkpoints = (folder / CHECKPOINTS_FOLDER).glob("*")
    return all(path.suffix == ".npz" for path in checkpoints) and all(
        name in known or name.startswith(("eval-", "replay-", "library-")) for name in names
    )


def _differences(stored: dict, wanted: dict) -> list[str]:
    found = []
    for key in wanted:
        here, there = wanted[key], stored.get(key)
        if isinstance(here, dict) and isinstance(there, dict):
            names = dict.fromkeys([*here, *there])
            found += _differences({n: there.get(n) for n in names}, {n: here.get(n) for n in names})
        elif here != there or type(here) is not type(there):
            found.append(f"{key}: there {_brief(there)}, here {_brief(here)}")
    return found


def _brief(value: Any) -> str:
    return f"{len(value)} others" if isinstance(value, list) else str(value)


def make_way(folder: pathlib.Path, names: Iterable[str]) -> None:
    """Removes empty folders where files are going to be written.

    Raises:
        ValueError: one of them is not empty.
    """
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            try:
                path.rmdir()
            except OSError:
                raise ValueError(f"{path} is a folder in the place of a file; move it away") from None


def remove_leftovers(folder: pathlib.Path) -> None:
    """Removes what a process that was killed left in the folder of a finished run or sweep, if nobody uses it."""
    checkpoints = folder / CHECKPOINTS_FOLDER
    left = (folder / LOCK_FILE).exists() or checkpoints.exists() or any(is_aside(p.name) for p in folder.glob(".*"))
    if not left and not any(is_aside(path.name) for path in folder.glob("*/.*")):
        return
    # In use, or not ours to write: then it stays.
    with contextlib.suppress(ValueError, OSError), folder_lock(folder):
        remove_asides(folder)
        if is_finished(folder, read_config(folder)):
            shutil.rmtree(checkpoints, ignore_errors=True)


def versioned(identity: dict) -> dict:
    """Returns what `identity_of` returns, and what it is made with."""
    return {**identity, "versions": versions()}


def identity_of(config: dict) -> dict:
    """Returns what a config says of the results: all but what they were made with, and their sums."""
    return {name: value for name, value in config.items() if name not in ("versions", SUMS, OWN_SUM)}
