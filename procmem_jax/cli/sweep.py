"""The subcommands `procmem sweep` and `procmem merge`."""

import dataclasses
import pathlib
from typing import Annotated, Any

import jax
import tyro

from procmem_jax.cli import reports
from procmem_jax.experiments.overrides import parse_assignments
from procmem_jax.experiments.presets import DEFAULT_PRESET
from procmem_jax.experiments.storage.saving import DEFAULT_SECONDS
from procmem_jax.experiments.sweeps.config_files import read_sweep_file
from procmem_jax.experiments.sweeps.folders import PARTS_FOLDER, TABLE_FILE, find_finished, run_sweep
from procmem_jax.experiments.sweeps.grid import parse_grid, parse_ranges
from procmem_jax.experiments.sweeps.merge import merge_shards
from procmem_jax.experiments.sweeps.plan import plan_lines, plan_sweep
from procmem_jax.experiments.sweeps.spec import Shard, SweepSpec, parse_shard
from procmem_jax.experiments.sweeps.summary import best_settings, read_summary
from procmem_jax.experiments.sweeps.sweep import make_sweep
from procmem_jax.experiments.sweeps.tables import read_runs
from procmem_jax.experiments.training.processes import from_first, is_first, join_processes
from procmem_jax.experiments.training.runtime import use_all_cores, use_compilation_cache
from procmem_jax.figures.sweep import plot_sweep

_Assignments = Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE")]
_Grid = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=V1,V2,...")]
_Random = Annotated[tuple[str, ...], tyro.conf.arg(metavar="N NAME=LOW:HIGH[:log]")]
_Out = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="OUT", help="the folder that all shards were given")]
_DEFAULTS = {
    "task": "random-5",
    "preset": DEFAULT_PRESET,
    "explorer": None,
    "seeds": 64,
    "episodes": 100,
    "seed": 0,
    "every": 1,
    "out": None,
}


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Run many settings times many seeds, in few compiled programs.

    Settings that are listed (--grid) are combined with each other, and with the points that are drawn (--random).
    An option takes the place of what --config says under its name. The command given again goes on where it stopped.

    Attributes:
        task: the world (see `procmem tasks`); by default random-5.
        preset: the kind of agent (see `procmem presets`); by default default.
        grid: values of a setting, as in capacity=16,64,256; several may be named.
        random: a number of points, then where settings are drawn from, as in 50 distance_cost=0.02:0.5:log.
        seeds: agents 0 to SEEDS - 1 of the run --seed, in every setting; by default 64.
        episodes: of each run; by default 100.
        seed: 0 to 4294967295; of layouts, draws and points; by default 0.
        out: folder of the results; by default runs/sweep-TASK-PRESET-SEED.
        explorer: scripted, random or epsilon:P; by default scripted with preset tutorial, else random.
        settings: values that are the same in all runs.
        config: TOML file that says the same as options.
        every: keep of every so many episodes the last; by default 1, all.
        summary_only: keep a row per run only, no episodes.
        batch: runs at once; by default what suits the machine.
        shard: run this share only, 1/4 to 4/4, into a folder of its own in OUT (then `procmem merge OUT`).
        dry_run: say what would be run and what it would take, and write nothing.
        force: run again even if the folder holds this sweep.
        checkpoint_every: seconds between two checkpoints.
        compilation_cache: folder that keeps compiled programs from one command to the next; by default none.
        distributed: be one of several processes that run one global program; the first writes. On a cluster they find
            each other (SLURM, Open MPI, Kubernetes), elsewhere the next three options say how.
        coordinator: HOST:PORT of the first process.
        num_processes: of the program.
        process_id: of this process, from 0.
        quiet: no progress on stderr.
    """

    task: str | None = None
    preset: str | None = None
    grid: _Grid = ()
    random: _Random = ()
    seeds: int | None = None
    episodes: int | None = None
    seed: int | None = None
    out: str | None = None
    explorer: str | None = None
    settings: _Assignments = ()
    config: str | None = None
    every: int | None = None
    summary_only: bool = False
    batch: int | None = None
    shard: str | None = None
    dry_run: bool = False
    force: bool = False
    checkpoint_every: float = DEFAULT_SECONDS
    compilation_cache: str | None = None
    distributed: bool = False
    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    quiet: bool = False

    def run(self) -> None:
        """Runs what is not there yet, and tells what came of it."""
        use_all_cores()
        join_processes(self.distributed, self.coordinator, self.num_processes, self.process_id)
        shard = None if self.shard is None else parse_shard(self.shard)
        options = self._options()
        spec = _make_spec(options)
        folder = pathlib.Path(options["out"] or f"runs/sweep-{spec.task}-{spec.preset}-{spec.seed}")
        if self.dry_run:
            if self.distributed:
                raise ValueError("--dry-run plans for one process; leave out --distributed")
            lines = plan_lines(plan_sweep(spec, self.batch, jax.local_devices()))
            print("\n".join(lines) + f"\nResults would lie in {folder}")
            return
        done = None if self.force else from_first(lambda: find_finished(spec, folder, shard))
        is_new = done is None
        if is_new:
            done = self._run_sweep(spec, folder, shard)
        if not is_first():
            return
        if not is_new:
            print(f"{done} holds this sweep, finished; its stored result (--force runs it again):")
        if shard is None:
            _tell_results(done)
        else:
            print(f"Shard {self.shard} in {done}; when all are done: procmem merge {folder}")

    def _run_sweep(self, spec: SweepSpec, folder: pathlib.Path, shard: Shard | None) -> pathlib.Path:
        use_compilation_cache(self.compilation_cache)
        first, last = (0, spec.num_rows) if shard is None else shard.bounds(spec.num_rows)
        with reports.ProgressBar((last - first) * spec.num_episodes, show=not self.quiet) as bar:
            return run_sweep(
                spec,
                folder,
                shard=shard,
                lanes=self.batch,
                anew=self.force,
                checkpoint_every=self.checkpoint_every,
                on_progress=bar.on_progress,
                on_warning=reports.warn,
            )

    def _options(self) -> dict[str, Any]:
        """Returns the options by name: what was given, else what the file says, else the defaults."""
        stored = {} if self.config is None else read_sweep_file(pathlib.Path(self.config))
        given = {name: getattr(self, name) for name in _DEFAULTS if getattr(self, name) is not None}
        if self.settings:
            given["set"] = parse_assignments(self.settings)
        if self.grid:
            given["grid"] = parse_grid(self.grid)
        if self.random:
            given["random"] = _parse_random(self.random)
        if self.summary_only:
            given["summary_only"] = True
        return {**_DEFAULTS, "set": {}, "grid": {}, "random": (0, []), "summary_only": False, **stored, **given}


def _parse_random(arguments: tuple[str, ...]) -> tuple[int, list[str]]:
    count, *ranges = arguments
    if not count.isdecimal() or int(count) < 1:
        raise ValueError(f"--random begins with {count!r}; begin with the number of points, as in 50 NAME=LOW:HIGH")
    return int(count), ranges


def _make_spec(options: dict[str, Any]) -> SweepSpec:
    count, ranges = options["random"]
    return make_sweep(
        options["task"],
        options["preset"],
        grid=options["grid"],
        ranges=parse_ranges(ranges),
        num_random=count,
        num_seeds=options["seeds"],
        num_episodes=options["episodes"],
        seed=options["seed"],
        explorer=options["explorer"],
        overrides=options["set"],
        every=options["every"],
        summary_only=options["summary_only"],
    )


def _tell_results(folder: pathlib.Path) -> None:
    summary = read_summary(folder / TABLE_FILE)
    print(best_settings(summary, read_runs(folder / PARTS_FOLDER)))
    print(f"\nResults in {folder}, figure {plot_sweep(folder)}")


@dataclasses.dataclass(frozen=True)
class Merge:
    """Make one sweep of its shards.

    Attributes:
        out: the folder that all shards were given.
    """

    out: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="OUT", help="the folder that all shards were given")
    ]

    def run(self) -> None:
        """Merges and tells what came of it."""
        _tell_results(merge_shards(pathlib.Path(self.out)))
