"""What lies in a folder: its runs, sweeps and studies, each in a row."""

import datetime
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from procmem_jax.experiments.runs.stored import CONFIG_FILE, SUMMARY_FILE, is_finished, read_config
from procmem_jax.experiments.statistics.headline import LAST
from procmem_jax.experiments.storage.files import read_json
from procmem_jax.experiments.study.study import IDENTITY_FILE, ROWS_FILE, is_study
from procmem_jax.reports.words import run_words

_SCORES = ("success", "episode_return", "steps")
_DEPTH = 4  # folders below the one that is listed


def list_results(folder: pathlib.Path) -> list[dict[str, Any]]:
    """Returns a row for each run, sweep and study in or below `folder`, the earliest first, ready for JSON.

    Each has `folder`, `kind`, `what` (in words), `when` (it was begun, local time, ISO 8601), `done`, and of a run
    that is done `success`, `episode_return` and `steps`, means over agents and its last episodes; or None. What cannot
    be read is told in `what`, with the kind "unreadable".

    Raises:
        ValueError: there is no such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; give the one that holds run folders, such as runs")
    rows = [_row(found) for found in _find(folder, _DEPTH)]
    return sorted(rows, key=lambda row: (row["when"], row["folder"]))


def _find(folder: pathlib.Path, depth: int) -> Iterator[pathlib.Path]:
    """Yields the folders with results; what lies within such a folder is part of it."""
    if (folder / CONFIG_FILE).exists() or is_study(folder):
        yield folder
    elif depth:
        with os.scandir(folder) as entries:
            below = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        for name in below:
            yield from _find(folder / name, depth - 1)


def _row(folder: pathlib.Path) -> dict[str, Any]:
    of_study = is_study(folder)
    begun = folder / (IDENTITY_FILE if of_study else CONFIG_FILE)
    when = datetime.datetime.fromtimestamp(begun.stat().st_mtime).isoformat(sep=" ", timespec="minutes")
    done = (folder / (ROWS_FILE if of_study else SUMMARY_FILE)).exists()
    row = {"folder": str(folder), "kind": "study", "what": "", "when": when, "done": done}
    scores: dict[str, float | None] = dict.fromkeys(_SCORES)
    try:
        stored = read_json(begun) if of_study else read_config(folder)
        row |= {**_words(stored, of_study), "done": done and (of_study or is_finished(folder, stored))}
        if row["done"] and row["kind"] == "run":
            scores = _scores(read_json(folder / SUMMARY_FILE)["episodes"])
    except (KeyError, TypeError, ValueError) as error:
        row |= {"kind": "unreadable", "what": str(error), "done": False}
    return {**row, **scores}


def _words(stored: dict, of_study: bool) -> dict[str, str]:
    if of_study:
        what = f"{stored['study']}: {stored['agents']} agents of each arm, seed {stored['seed']}"
        return {"kind": "study", "what": what}
    if stored.get("kind") == "sweep":
        what = f"{stored['task']}, preset {stored['preset']}: {len(stored['settings']):,} settings x "
        return {"kind": "sweep", "what": f"{what}{stored['seeds']:,} seeds, seed {stored['seed']}"}
    return {"kind": "run", "what": run_words(stored)}


def _scores(episodes: dict) -> dict[str, float | None]:
    """Returns means over the last episodes of the means over agents, which the summary holds; None where it has not."""
    found = {name: np.asarray(episodes[name]["mean"][-LAST:], float).mean() for name in _SCORES if name in episodes}
    return {name: float(found[name]) if np.isfinite(found.get(name, np.nan)) else None for name in _SCORES}
