"""One sweep out of its shards."""

import functools
import pathlib
import re
import shutil
from collections.abc import Sequence

import pyarrow as pa

from procmem_jax.experiments.runs.stored import (
    CONFIG_FILE,
    PARTS_FOLDER,
    SHARDS_FOLDER,
    SUMMARY_FILE,
    TABLE_FILE,
    check_files,
    has_sums,
    identity_of,
    is_finished,
    make_way,
    read_config,
    versioned,
)
from procmem_jax.experiments.storage.checksums import file_hash, write_vouching
from procmem_jax.experiments.storage.files import (
    DamagedError,
    expecting_fields,
    read_json,
    remove_asides,
    write_json,
    write_whole,
)
from procmem_jax.experiments.storage.locks import folder_lock
from procmem_jax.experiments.storage.parquet import read_table, write_table
from procmem_jax.experiments.sweeps.folders import seal
from procmem_jax.experiments.sweeps.summary import summarize_sweep
from procmem_jax.experiments.sweeps.tables import read_runs

_SHARD_FOLDER = re.compile(r"([0-9]+)-of-([0-9]+)")


def merge_shards(folder: pathlib.Path) -> pathlib.Path:
    """Returns OUT, in which the parts and the summary of a whole sweep now lie, made of those of its shards.

    Raises:
        ValueError: a shard is missing, unfinished or damaged, or they are not of one sweep.
        OSError: the folder cannot be written.
    """
    shards = _find_shards(folder)
    config = identity_of(_config_of(shards[0]))
    summaries = [_checked_summary(shard, config) for shard in shards]
    if (folder / CONFIG_FILE).exists() and identity_of(_readable_config(folder, config)) != config:
        raise ValueError(f"{folder} holds a run of another config than its shards; give them a folder of their own")
    with folder_lock(folder):
        remove_asides(folder)
        make_way(folder, (CONFIG_FILE, SUMMARY_FILE, TABLE_FILE))
        write_vouching(folder / CONFIG_FILE, versioned(config), {})
        (folder / SUMMARY_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder / PARTS_FOLDER, ignore_errors=True)
        written = _join_parts(
            shards, folder / PARTS_FOLDER, sorted({name for one in summaries for name in one["parts"]})
        )
        table = summarize_sweep(read_runs(folder / PARTS_FOLDER))
        write_whole(folder / TABLE_FILE, functools.partial(write_table, table))
        names = ("agent_steps", "run_seconds", "compile_seconds")
        totals = {name: sum(summary[name] for summary in summaries) for name in names}
        rate = totals["agent_steps"] / max(totals["run_seconds"], 1e-9)
        same = {name: summaries[0][name] for name in ("runs", "settings")}
        write_json(folder / SUMMARY_FILE, {**same, "parts": written, **totals, "agent_steps_per_second": rate})
        seal(folder, config, written, (TABLE_FILE, SUMMARY_FILE))
    return folder


def _config_of(shard: pathlib.Path) -> dict:
    if not (shard / CONFIG_FILE).exists():
        raise ValueError(f"shard {shard.name} is not finished; give its command again, it goes on where it stopped")
    return read_config(shard)


def _readable_config(folder: pathlib.Path, config: dict) -> dict:
    """Returns what the folder's own config says, or, if it is damaged, `config`, by which it is replaced."""
    try:
        return read_config(folder)
    except DamagedError:
        return config


def _find_shards(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the folders of all shards, in their order."""
    found: dict[int, dict[int, pathlib.Path]] = {}
    for path in sorted((folder / SHARDS_FOLDER).glob("*-of-*")):
        match = _SHARD_FOLDER.fullmatch(path.name)
        if match:
            found.setdefault(int(match[2]), {})[int(match[1])] = path
    if len(found) != 1:
        what = (
            "no shards"
            if not found
            else f"shards of {len(found)} kinds, in {', '.join(map(str, sorted(found)))} pieces"
        )
        raise ValueError(f"{folder} holds {what}; run `procmem sweep --shard i/n` for i from 1 to n, with one n")
    [(count, shards)] = found.items()
    missing = [f"{index}/{count}" for index in range(1, count + 1) if index not in shards]
    if missing:
        raise ValueError(f"{folder} lacks shard {', '.join(missing)}; run `procmem sweep --shard {missing[0]}` first")
    return [shards[index] for index in range(1, count + 1)]


def _checked_summary(shard: pathlib.Path, config: dict) -> dict:
    """Returns the summary of a finished shard, its parts as they were written."""
    own = _config_of(shard)
    if not is_finished(shard, own):
        raise ValueError(f"shard {shard.name} is not finished; give its command again, it goes on where it stopped")
    if identity_of(own) != config:
        raise ValueError(f"shard {shard.name} is of another config than shard 1; give all shards the same options")
    check_files(shard, own)
    summary = read_json(shard / SUMMARY_FILE)
    with expecting_fields(shard / SUMMARY_FILE):
        for name, sha256 in summary["parts"].items():
            if not has_sums(own) and file_hash(shard / PARTS_FOLDER / name) != sha256:
                raise ValueError(f"{shard / PARTS_FOLDER / name} is missing or damaged")
    return summary


def _join_parts(shards: Sequence[pathlib.Path], target: pathlib.Path, names: Sequence[str]) -> dict[str, str]:
    """Writes the parts, and returns their sha256 by file name."""
    target.mkdir()
    written = {}
    for name in names:
        pieces = [shard / PARTS_FOLDER / name for shard in shards if (shard / PARTS_FOLDER / name).exists()]
        table = pa.concat_tables([read_table(piece) for piece in pieces]).combine_chunks()
        write_whole(target / name, functools.partial(write_table, table))
        written[name] = file_hash(target / name)
    return written
