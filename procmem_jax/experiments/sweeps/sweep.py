"""Sweeps from Python: many settings times many seeds, as tables."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pyarrow as pa

from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.presets import DEFAULT_PRESET, make_experiment
from procmem_jax.experiments.sweeps.grid import make_settings
from procmem_jax.experiments.sweeps.ranges import Range
from procmem_jax.experiments.sweeps.spec import SweepSpec
from procmem_jax.experiments.sweeps.tables import part_tables
from procmem_jax.experiments.training.driver import Driver, Kept, Progress, rows_per_part
from procmem_jax.experiments.training.memory_need import check_host_memory, fitting_lanes, suiting_lanes
from procmem_jax.experiments.training.parts import Part
from procmem_jax.experiments.training.runtime import own_programs
from procmem_jax.memory.protocol import Memory
from procmem_jax.records import check_count
from procmem_jax.streams import run_key

_EPISODE_BYTES = 250  # of one run in a part, while its table is made
_RUN_BYTES = 200  # of one run, while it waits for its lane and while the summary is made


def make_sweep(
    task: str,
    preset: str = DEFAULT_PRESET,
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    ranges: Mapping[str, Range] | None = None,
    num_random: int = 0,
    num_seeds: int = 64,
    num_episodes: int = 100,
    seed: int = 0,
    explorer: str | ExplorationPolicy | None = None,
    memory: str | Memory | None = None,
    overrides: Mapping[str, Any] | None = None,
    every: int = 1,
    summary_only: bool = False,
) -> SweepSpec:
    """Returns a checked sweep of a task and a preset; without a grid or ranges it has one setting.

    Args:
        task, preset, explorer, memory: as for `make_experiment`.
        grid: the values of each swept setting, by name; every combination is a setting of the sweep.
        ranges: where swept settings are drawn from, by name.
        num_random: points to draw from the ranges, each joined with every combination of the grid.
        num_seeds: S, agents 0 to S - 1 of the run `seed` in every setting.
        num_episodes: E, of each run.
        seed: of the run key and of the points drawn.
        overrides: settings that are the same in all runs, by name.
        every: of every so many episodes the last is kept, and the last of all.
        summary_only: keeps no episodes at all.

    Raises:
        TypeError, ValueError: a name is unknown, or a value of the wrong kind or out of bounds.
    """
    fixed = dict(overrides or {})
    twice = [name for name in (*(grid or {}), *(ranges or {})) if name in fixed]
    if twice:
        raise ValueError(f"{twice[0]} is swept and set to one value; give it in one of the two")
    check_count("seed", seed, 0, 2**32 - 1)

    def make(values):
        return make_experiment(task, preset, explorer=explorer, memory=memory, overrides={**fixed, **values})

    settings = make_settings(make, grid or {}, ranges or {}, num_random, seed)
    spec = SweepSpec(task, preset, settings, num_seeds, num_episodes, seed, every, summary_only)
    spec.check()
    return spec


def sweep(
    spec: SweepSpec,
    *,
    lanes: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> pa.Table:
    """Returns the runs of a sweep, a row each, by setting and agent; its columns are those of `run_schema`.

    The agents of each setting are, bit for bit, those of `train` with `run_key(spec.seed)` and that setting.

    Args: as those of `sweep_tables`, which keeps what does not fit into memory apart.
    """
    parts = sweep_tables(dataclasses.replace(spec, summary_only=True), **_where(lanes, devices, on_progress))
    return pa.concat_tables(runs for _, runs in parts).sort_by([("setting", "ascending"), ("agent", "ascending")])


def sweep_tables(
    spec: SweepSpec,
    *,
    lanes: int | None = None,
    devices: Sequence[jax.Device] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[tuple[pa.Table | None, pa.Table]]:
    """Yields (table of episodes, None with `summary_only`; table of runs) of parts of the sweep, as they are done.

    Args:
        spec: the sweep.
        lanes: runs at once, on all devices together; by default what suits them, less if memory is short.
        devices: by default all of this process.
        on_progress: called before each compilation and after every chunk of ticks.

    Raises:
        TypeError, ValueError: the sweep is impossible.
    """
    spec.check()
    devices = list(devices or jax.local_devices())
    where = _where(lanes_of_sweep(spec, lanes, devices), devices, on_progress)
    settings = [(setting.config, setting.params) for setting in spec.settings]
    kept = Kept(rows_per_part(spec.num_episodes))
    parts = Driver(run_key(spec.seed), settings, spec.num_seeds, spec.num_episodes, kept, **where).parts()
    while True:
        with own_programs():  # not while the caller is at work between two parts
            part = next(parts, None)
            tables = None if part is None else tables_of_part(spec, part)
        if tables is None:
            return
        yield tables


def _where(lanes, devices, on_progress) -> dict[str, Any]:
    return {"lanes": lanes, "devices": devices, "on_progress": on_progress}


def lanes_of_sweep(
    spec: SweepSpec, lanes: int | None, devices: Sequence[jax.Device], num_rows: int | None = None
) -> int:
    """Returns how many runs go at once: `lanes`, or what suits the devices, less if memory is short.

    Args:
        spec: the sweep.
        lanes: wanted, None for what suits the devices.
        devices: that share them.
        num_rows: runs of a shard, None for those of the whole sweep.

    Raises:
        ValueError: the runs do not fit into memory.
    """
    rows = spec.num_rows if num_rows is None else num_rows
    check_host_memory(
        f"{rows:,} runs", sweep_host_bytes(rows, spec.num_episodes), "use fewer settings or seeds, or shards"
    )
    numbers = {setting.config: setting.params for setting in spec.settings}
    wanted = lanes
    if lanes is None:  # one number for all: what suits the smallest agents, and costs the others little
        wanted = max(suiting_lanes(*experiment, spec.num_episodes, devices) for experiment in numbers.items())
    check_count("batch", wanted, 1, 2**31 - 1)
    return min(fitting_lanes(config, params, wanted, spec.num_episodes) for config, params in numbers.items())


def sweep_host_bytes(num_rows: int, num_episodes: int) -> int:
    """Returns the estimated bytes that the results of a sweep take in the computer's memory on their way to a file."""
    part = min(rows_per_part(num_episodes), num_rows) * num_episodes
    return part * _EPISODE_BYTES + num_rows * _RUN_BYTES


def tables_of_part(spec: SweepSpec, part: Part) -> tuple[pa.Table | None, pa.Table]:
    """Returns (table of episodes, None with `summary_only`; table of runs) of one part."""
    return part_tables(
        part.rows,
        part.metrics,
        optimal_of_rows(spec, int(part.rows[0]), int(part.rows[-1]) + 1),
        [setting.values for setting in spec.settings],
        spec.num_seeds,
        spec.seed,
        every=spec.every,
        summary_only=spec.summary_only,
    )


def optimal_of_rows(spec: SweepSpec, first: int, last: int) -> np.ndarray | None:
    """Returns the fewest steps of every episode of the rows `first` to `last` - 1, `[R, E]` int32; None if unknown."""
    key, found, known = run_key(spec.seed), [], {}
    for index in range(first // spec.num_seeds, -(-last // spec.num_seeds)):
        setting = spec.settings[index]
        start = max(first, index * spec.num_seeds) - index * spec.num_seeds
        count = min(last, (index + 1) * spec.num_seeds) - index * spec.num_seeds - start
        numbers = tuple(np.asarray(leaf).tolist() for leaf in jax.tree.leaves(setting.params.environment))
        same = (setting.config.environment, numbers, start, count)
        if same not in known:
            params, config = setting.params, setting.config
            known = {same: optimal_steps(key, config, params, count, spec.num_episodes, first_agent=start)}
        found.append(known[same])
    return None if found[0] is None else np.concatenate(found)
