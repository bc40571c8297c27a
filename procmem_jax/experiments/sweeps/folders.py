"""Sweeps in folders: many settings times many seeds, whole or in shards, and never lost.

OUT/config.json          what was asked for; when all is there, also the sha256 of every other file
OUT/parts/               Parquet files of a fixed number of rows, one row per run, and one per episode unless left out
OUT/summary.parquet      a row per setting
OUT/summary.json         what ran, how long, and the sha256 of every part
OUT/checkpoints/         while it runs
OUT/shards/i-of-n/       the same for one shard, without the summary table (see `sweep_merge`)
"""

import functools
import pathlib
from collections.abc import Callable, Sequence

import jax
import pyarrow as pa

from procmem_jax.experiments.defaults import CHECKPOINT_SECONDS
from procmem_jax.experiments.processes import end_if_asked, entered_by_first, from_first
from procmem_jax.experiments.runs.stored import (
    CHECKPOINTS_FOLDER,
    CONFIG_FILE,
    PARTS_FOLDER,
    SHARDS_FOLDER,
    SUMMARY_FILE,
    SWEEP,
    TABLE_FILE,
    check_folder,
    finished_config,
    kind_of,
    make_way,
    read_config,
    versioned,
)
from procmem_jax.experiments.storage.checksums import file_hash, hash_files, write_vouching
from procmem_jax.experiments.storage.files import make_folder, remove_asides, sync_folder, write_json, write_whole
from procmem_jax.experiments.storage.locks import folder_lock
from procmem_jax.experiments.storage.parquet import write_table
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.sweeps.spec import Shard, SweepSpec
from procmem_jax.experiments.sweeps.summary import summarize_sweep
from procmem_jax.experiments.sweeps.sweep import lanes_of_sweep, tables_of_part
from procmem_jax.experiments.sweeps.tables import read_runs
from procmem_jax.experiments.training.driver import Driver, Kept, Progress, rows_per_part
from procmem_jax.experiments.training.parts import Part
from procmem_jax.streams import run_key


def run_sweep(
    spec: SweepSpec,
    folder: pathlib.Path,
    *,
    shard: Shard | None = None,
    lanes: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    anew: bool = False,
    checkpoint_every: float = CHECKPOINT_SECONDS,
    on_progress: Callable[[Progress], None] | None = None,
    on_warning: Callable[[str], None] = lambda text: None,
) -> pathlib.Path:
    """Returns the folder in which the results of the sweep, or of one shard of it, now lie.

    An unfinished sweep goes on from its last checkpoint, to the very results that it would have had undisturbed; a
    finished one is left as it is. In a program of several processes all make the same call, and the first one writes.

    Args:
        spec: the sweep.
        folder: OUT; made if it does not exist.
        shard: runs this share of the rows only, in a folder of its own in OUT.
        lanes: runs at once, on all devices together; by default what suits them, less if memory is short.
        devices: by default all, of all processes.
        anew: starts from the beginning whatever the folder holds of this sweep.
        checkpoint_every: seconds between two checkpoints.
        on_progress: called before each compilation and after every chunk of ticks.
        on_warning: called with a line about a checkpoint that cannot be used.

    Raises:
        TypeError, ValueError: the sweep is impossible, or the folder holds something else.
        OSError: the folder cannot be written.
        Interrupted: a signal asked the command to end; a checkpoint or all results are stored.
    """
    finished = from_first(lambda: find_finished(spec, folder, shard, anew=anew))
    if finished is not None:
        return finished
    out = folder if shard is None else folder / SHARDS_FOLDER / shard.name
    first, last = spec.bounds(shard)
    devices = list(devices or jax.devices())
    lanes = from_first(lambda: lanes_of_sweep(spec, lanes, devices, last - first))
    saver = Saver(out / CHECKPOINTS_FOLDER, spec.identity(), every=checkpoint_every, on_warning=on_warning)
    with entered_by_first(folder_lock(out)):
        from_first(lambda: _begin_folder(spec, out))
        if anew:
            saver.clear()
        settings = [(setting.config, setting.params) for setting in spec.settings]
        bounds = {"first_row": first, "last_row": last}
        where = {"lanes": lanes, "devices": devices, "saver": saver, "on_progress": on_progress}
        kept = Kept(rows_per_part(spec.num_episodes))
        work = Driver(run_key(spec.seed), settings, spec.num_seeds, spec.num_episodes, kept, **bounds, **where)
        for part in work.parts(_stored(saver, out, on_warning)):
            work.notes.update(from_first(lambda part=part: _write_part(spec, out, part)))
        from_first(lambda: _finish(spec, out, work.notes, shard, _timing(work)))
        saver.clear()
    end_if_asked(f"all runs are done, their results are in {out}")
    return out


def _begin_folder(spec: SweepSpec, out: pathlib.Path) -> None:
    remove_asides(out)
    parts = [f"{PARTS_FOLDER}/{path.name}" for path in (out / PARTS_FOLDER).glob("*")]
    make_way(out, (CONFIG_FILE, SUMMARY_FILE, TABLE_FILE, *parts))
    write_vouching(out / CONFIG_FILE, versioned(spec.identity()), {})
    make_folder(out / PARTS_FOLDER)
    (out / SUMMARY_FILE).unlink(missing_ok=True)


def find_finished(
    spec: SweepSpec, folder: pathlib.Path, shard: Shard | None = None, *, anew: bool = False
) -> pathlib.Path | None:
    """Returns the folder that holds the finished results of the sweep, or of one shard of it; None if there is none.

    All its files are looked at, and what a killed process left there is removed.

    Args:
        spec: the sweep.
        folder: OUT.
        shard: the share of the rows.
        anew: pays no heed to what is finished.

    Raises:
        DamagedError: one of the files is missing or damaged.
        TypeError, ValueError: the sweep is impossible, or the folder holds something else.
    """
    spec.check()
    if shard is None:
        out = folder
        check_folder(out, spec, anew=anew)
    else:
        out = folder / SHARDS_FOLDER / shard.name
        _check_shard(spec, folder, shard, anew)
    return None if anew or finished_config(out) is None else out


def _check_shard(spec: SweepSpec, folder: pathlib.Path, shard: Shard, anew: bool) -> None:
    """Raises unless the shard has runs, and `folder` holds nothing, this sweep or shards of it."""
    first, last = spec.bounds(shard)
    if first == last:
        raise ValueError(f"shard={shard.index}/{shard.count} has none of the {spec.num_rows} runs; use fewer shards")
    if (folder / CONFIG_FILE).exists() or not (folder / SHARDS_FOLDER).exists():
        check_folder(folder, spec)
    for other in sorted((folder / SHARDS_FOLDER).glob("*-of-*")):
        check_folder(other, spec, anew=anew and other.name == shard.name)


def _stored(saver: Saver, out: pathlib.Path, on_warning: Callable[[str], None]) -> tuple[dict, dict] | None:
    """Returns the checkpoint to go on from, if the parts that it counts on are as they were written."""
    stored = saver.load()
    if stored is None:
        return None
    written = stored[1]["notes"].items()
    changed = from_first(lambda: [name for name, sha256 in written if file_hash(out / PARTS_FOLDER / name) != sha256])
    if changed:
        on_warning(f"{out / PARTS_FOLDER / changed[0]} is not as it was written; starting anew")
        return None
    return stored


def _write_part(spec: SweepSpec, out: pathlib.Path, part: Part) -> dict[str, str]:
    """Writes the tables of a part, and returns their sha256 by file name."""
    return _write_tables(out, part.number, *tables_of_part(spec, part))


def _write_tables(out: pathlib.Path, number: int, episodes: pa.Table | None, runs: pa.Table) -> dict[str, str]:
    written = {}
    for kind, table in (("episodes", episodes), ("runs", runs)):
        if table is not None:
            name = f"{kind}-{number:05d}.parquet"
            write_whole(out / PARTS_FOLDER / name, functools.partial(write_table, table))
            written[name] = file_hash(out / PARTS_FOLDER / name)
    return written


def _timing(work: Driver) -> dict:
    return {
        "agent_steps": work.num_steps,
        "run_seconds": work.run_seconds,
        "compile_seconds": work.compile_seconds,
        "agent_steps_per_second": work.num_steps / max(work.run_seconds, 1e-9),
    }


def _finish(spec: SweepSpec, out: pathlib.Path, written: dict[str, str], shard: Shard | None, timing: dict) -> None:
    """Writes the summary of a sweep whose parts are all there; of a shard only what the merge needs."""
    if shard is None:
        table = summarize_sweep(read_runs(out / PARTS_FOLDER))
        write_whole(out / TABLE_FILE, functools.partial(write_table, table))
    known = {"runs": spec.num_rows, "settings": len(spec.settings), "parts": dict(sorted(written.items())), **timing}
    write_json(out / SUMMARY_FILE, known)
    seal(out, spec.identity(), written, (TABLE_FILE, SUMMARY_FILE) if shard is None else (SUMMARY_FILE,))


def seal(out: pathlib.Path, identity: dict, parts: dict[str, str], names: Sequence[str]) -> None:
    """Writes the config of a finished sweep or shard, with the sums of its parts and of the files `names`."""
    sync_folder(out)
    sums = {f"{PARTS_FOLDER}/{name}": parts[name] for name in sorted(parts)}
    write_vouching(out / CONFIG_FILE, versioned(identity), sums | hash_files(out, names))


def is_sweep(folder: pathlib.Path) -> bool:
    """Whether a folder is that of a sweep, finished or not."""
    return (folder / CONFIG_FILE).exists() and kind_of(read_config(folder)) == SWEEP
