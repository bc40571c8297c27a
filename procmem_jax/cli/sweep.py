"""The command `procmem sweep`."""

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from procmem_jax.cli.parsing.assignments import parse_assignments
from procmem_jax.cli.parsing.command_line import plain_path
from procmem_jax.cli.parsing.names import check_names, default_folder
from procmem_jax.cli.parsing.options import Assignments, Json, MaybeInt, MaybeText
from procmem_jax.cli.parsing.sweep_file import read_sweep_file
from procmem_jax.cli.parsing.sweep_texts import parse_grid, parse_points, parse_ranges, parse_shard
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.reports.loading import loading
from procmem_jax.cli.reports.streams import silence_libraries
from procmem_jax.experiments.defaults import CHECKPOINT_SECONDS
from procmem_jax.experiments.preset_names import DEFAULT_PRESET
from procmem_jax.experiments.sweeps.ranges import count_settings

if TYPE_CHECKING:
    from procmem_jax.experiments.sweeps.spec import Shard, SweepSpec

_Grid = Annotated[tuple, tyro.conf.arg(metavar="NAME=V1,V2,...")]
_Random = Annotated[tuple, tyro.conf.arg(metavar="N NAME=LOW:HIGH[:log]")]
_MANY_SETTINGS, _SETTING_SECONDS = 5_000, 0.005  # that are worth a word; to make one of them
_DEFAULTS = {
    "task": "random-5",
    "preset": DEFAULT_PRESET,
    "explorer": None,
    "memory": None,
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
        task: a name (see `procmem tasks`), or package.module:make_task; by default random-5.
        preset: the kind of agent (see `procmem presets`); by default default.
        grid: values of a setting, as in capacity=16,64,256; several may be named.
        random: a number of points, then where settings are drawn from, as in 50 distance_cost=0.02:0.5:log.
        seeds: agents 0 to SEEDS - 1 of the run --seed, in every setting; by default 64.
        episodes: of each run; by default 100.
        seed: 0 to 4294967295; of layouts, draws and points; by default 0.
        out: folder of the results; by default runs/sweep-TASK-PRESET-SEED, with - for : in a name.
        explorer: scripted, random, epsilon:P, persistent, adaptive, least-tried, nearest-untried, frontier or
            package.module:MyPolicy; by default scripted with preset tutorial, frontier with a task NAME@grid, adaptive
            in other worlds of other packages, else random.
        memory: a memory in the place of the preset's, as package.module:MyMemory.
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
        json: print an object instead.
        quiet: no progress on stderr.
    """

    task: MaybeText = None
    preset: MaybeText = None
    grid: _Grid = ()
    random: _Random = ()
    seeds: MaybeInt = None
    episodes: MaybeInt = None
    seed: MaybeInt = None
    out: MaybeText = None
    explorer: MaybeText = None
    memory: MaybeText = None
    settings: Assignments = ()
    config: MaybeText = None
    every: MaybeInt = None
    summary_only: bool = False
    batch: MaybeInt = None
    shard: MaybeText = None
    dry_run: bool = False
    force: bool = False
    checkpoint_every: float = CHECKPOINT_SECONDS
    compilation_cache: MaybeText = None
    distributed: bool = False
    coordinator: MaybeText = None
    num_processes: MaybeInt = None
    process_id: MaybeInt = None
    json: Json = False
    quiet: bool = False

    def run(self) -> None:
        """Runs what is not there yet, and tells what came of it."""
        stored = {} if self.config is None else read_sweep_file(pathlib.Path(self.config))
        stored |= {"out": plain_path(stored["out"])} if "out" in stored else {}
        given = {name: getattr(self, name) for name in _DEFAULTS if getattr(self, name) is not None}
        options = {**_DEFAULTS, **stored, **given}
        self._read_texts(options)
        _check_names(options)
        number = count_settings(options.get("grid", {}), options["random"][0])

        with loading(show=not self.quiet):
            from procmem_jax.cli.reports.origin import tell_origin
            from procmem_jax.experiments.processes import from_first, is_first, join_processes
            from procmem_jax.experiments.sweeps.folders import find_finished
            from procmem_jax.experiments.training.runtime import use_all_cores

        use_all_cores()
        if self.distributed:
            silence_libraries()
        join_processes(self.distributed, self.coordinator, self.num_processes, self.process_id)
        shard = None if self.shard is None else parse_shard(self.shard)
        spec = self._make_spec(options, number)
        folder = pathlib.Path(options["out"] or default_folder("sweep", spec.task, spec.preset, spec.seed))
        if self.dry_run:
            self._tell_plan(spec, folder)
            return
        done = None if self.force else from_first(lambda: find_finished(spec, folder, shard))
        is_new = done is None
        if is_new:
            done = self._run_sweep(spec, folder, shard)
        if not is_first():
            return
        if self.json:
            print_json({"shard": self.shard, **(sweep_json(done) if shard is None else {"folder": done})})
            return
        if not is_new:
            tell_origin(done)
            print(f"{done} holds this sweep, finished; its stored result (--force runs it again):")
        if shard is None:
            tell_results(done)
        else:
            print(f"Shard {self.shard} in {done}; when all are done: procmem merge {folder}")

    def _read_texts(self, options: dict[str, Any]) -> None:
        """Puts what the options say in texts into the place of what the file says under their names."""
        if self.settings:
            options["set"] = parse_assignments(self.settings)
        if self.grid:
            options["grid"] = parse_grid(self.grid)
        count, ranges = parse_points(self.random) if self.random else options.get("random", (0, []))
        options["random"] = count, parse_ranges(ranges)

    def _make_spec(self, options: dict[str, Any], number: int) -> "SweepSpec":
        from procmem_jax.cli.reports.progress import warn
        from procmem_jax.experiments.sweeps.sweep import make_sweep

        if number > _MANY_SETTINGS:
            warn(f"{number:,} settings: to make and check them takes about {number * _SETTING_SECONDS:.0f} s")
        count, ranges = options["random"]
        spec = make_sweep(
            options["task"],
            options["preset"],
            grid=options.get("grid", {}),
            ranges=ranges,
            num_random=count,
            num_seeds=options["seeds"],
            num_episodes=options["episodes"],
            seed=options["seed"],
            explorer=options["explorer"],
            memory=options["memory"],
            overrides=options.get("set", {}),
            every=options["every"],
            summary_only=self.summary_only or options.get("summary_only", False),
        )
        if len(spec.settings) < number:
            warn(f"the ranges hold fewer points than the {count} asked for: {len(spec.settings):,} settings are run")
        return spec

    def _tell_plan(self, spec: "SweepSpec", folder: pathlib.Path) -> None:
        import jax

        from procmem_jax.cli.reports.sweep import plan_lines
        from procmem_jax.experiments.sweeps.plan import plan_sweep

        if self.distributed:
            raise ValueError("--dry-run plans for one process; leave out --distributed")
        plan = plan_sweep(spec, self.batch, jax.local_devices())
        if self.json:
            print_json({"folder": folder, **dataclasses.asdict(plan)})
        else:
            print("\n".join(plan_lines(plan)) + f"\nResults would lie in {folder}")

    def _run_sweep(self, spec: "SweepSpec", folder: pathlib.Path, shard: "Shard | None") -> pathlib.Path:
        from procmem_jax.cli.reports.progress import ProgressBar, warn
        from procmem_jax.experiments.sweeps.folders import run_sweep
        from procmem_jax.experiments.training.runtime import use_compilation_cache

        use_compilation_cache(self.compilation_cache, warn)
        first, last = spec.bounds(shard)
        with ProgressBar((last - first) * spec.num_episodes, show=not self.quiet) as bar:
            return run_sweep(
                spec,
                folder,
                shard=shard,
                lanes=self.batch,
                anew=self.force,
                checkpoint_every=self.checkpoint_every,
                on_progress=bar.on_progress,
                on_warning=warn,
            )


def sweep_json(folder: pathlib.Path) -> dict[str, Any]:
    """Returns what came of a finished sweep, ready for JSON; the best setting comes first."""
    from procmem_jax.cli.reports.sweep import read_with_warning
    from procmem_jax.experiments.sweeps.folders import TABLE_FILE
    from procmem_jax.experiments.sweeps.summary import best_first, known_score

    summary = read_with_warning(folder / TABLE_FILE)
    return {"folder": folder, "ranked_by": known_score(summary), "settings": best_first(summary)}


def tell_results(folder: pathlib.Path) -> None:
    """Prints the best settings of a finished sweep, and draws its figure."""
    from procmem_jax.cli.reports.afterwards import figure_or_warning, stored_anyway
    from procmem_jax.cli.reports.sweep import best_settings, read_with_warning
    from procmem_jax.experiments.sweeps.folders import PARTS_FOLDER, TABLE_FILE
    from procmem_jax.experiments.sweeps.tables import read_runs
    from procmem_jax.figures.sweep import plot_sweep

    summary = read_with_warning(folder / TABLE_FILE)
    runs = read_runs(folder / PARTS_FOLDER)
    with stored_anyway("the table of the best settings"):
        print(best_settings(summary, runs))
    figure = figure_or_warning(plot_sweep)(folder)
    print(f"\nResults in {folder}" + (f", figure {figure}" if figure else ""))


def _check_names(options: dict[str, Any]) -> None:
    fixed, listed = options.get("set", {}), options.get("grid", {})
    values = [*fixed.values(), *(value for several in listed.values() for value in several)]
    parts = [options["explorer"], options["memory"], *values]
    check_names(options["task"], options["preset"], [*fixed, *listed, *options["random"][1]], parts)
