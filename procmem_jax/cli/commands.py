"""The subcommands of `procmem`: their options, and what they call and print."""

import dataclasses
import pathlib
import sys
from typing import Annotated

import tyro

from procmem_jax.cli import reports
from procmem_jax.cli.study_progress import StudyProgress
from procmem_jax.envs.foreign.peers import PEERS
from procmem_jax.envs.grid.tasks import TASK_FAMILIES
from procmem_jax.experiments.overrides import list_settings, parse_assignments
from procmem_jax.experiments.presets import DEFAULT_PRESET, PRESETS, make_experiment
from procmem_jax.experiments.runs.evaluate import evaluate_run, read_experiment
from procmem_jax.experiments.runs.folders import FIGURE_FILE, RunSpec, run_training, stored_summary
from procmem_jax.experiments.runs.libraries import load_warm_start
from procmem_jax.experiments.storage.saving import DEFAULT_SECONDS
from procmem_jax.experiments.study.arms import suite_by_name
from procmem_jax.experiments.study.study import REPORT_SEED, ROWS_FILE, TABLE_FILE, Study, run_study
from procmem_jax.experiments.sweeps.folders import is_sweep
from procmem_jax.experiments.training.processes import from_first, is_first, join_processes
from procmem_jax.experiments.training.runtime import use_all_cores, use_compilation_cache
from procmem_jax.figures.study import plot_study
from procmem_jax.figures.sweep import plot_sweep
from procmem_jax.figures.training import plot_run

_Assignments = Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE")]


@dataclasses.dataclass(frozen=True)
class Train:
    """Train many agents and store what they did and learned.

    Attributes:
        task: the world, such as random-8 or xland:MiniGrid-DoorKey-5x5 (see `procmem tasks`).
        preset: the kind of agent (see `procmem presets`).
        agents: agents, numbered from 0.
        episodes: episodes of each agent.
        seed: 0 to 4294967295; equal seeds give equal layouts and draws to equal agents in every setting.
        out: folder of the results; by default runs/TASK-PRESET-SEED.
        explorer: scripted, random or epsilon:P; by default scripted with preset tutorial, else random.
        skills: whether the memory is on.
        settings: other values for fields of config and params, such as capacity=64 (see `procmem presets NAME`).
        warm_start: file of libraries (see `procmem library export`) that the agents start with.
        force: run again even if the folder holds the finished run, and from the start if it holds a part of it.
        checkpoint_every: seconds between two checkpoints; an interrupted run goes on when the command is given again.
        compilation_cache: folder that keeps compiled programs from one command to the next; by default none.
        tensorboard: write events for TensorBoard into the folder too; metrics.jsonl is always there.
        distributed: be one of several processes that run one global program; the first writes. On a cluster they find
            each other (SLURM, Open MPI, Kubernetes), elsewhere the next three options say how.
        coordinator: HOST:PORT of the first process.
        num_processes: of the program.
        process_id: of this process, from 0.
        quiet: no progress on stderr.
    """

    task: str = "random-5"
    preset: str = DEFAULT_PRESET
    agents: int = 1024
    episodes: int = 100
    seed: int = 0
    out: str | None = None
    explorer: str | None = None
    skills: bool = True
    settings: _Assignments = ()
    warm_start: str | None = None
    force: bool = False
    checkpoint_every: float = DEFAULT_SECONDS
    compilation_cache: str | None = None
    tensorboard: bool = False
    distributed: bool = False
    coordinator: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    quiet: bool = False

    def run(self) -> None:
        """Trains, or tells the stored result of the same run."""
        use_all_cores()
        join_processes(self.distributed, self.coordinator, self.num_processes, self.process_id)
        use_compilation_cache(self.compilation_cache)
        config, params = make_experiment(
            self.task,
            self.preset,
            explorer=self.explorer,
            use_skills=self.skills,
            overrides=parse_assignments(self.settings),
        )
        spec = RunSpec(self.task, self.preset, config, params, self.agents, self.episodes, self.seed)
        from_first(spec.check)
        if self.warm_start is not None:
            spec = dataclasses.replace(spec, warm_start=load_warm_start(self.warm_start, config, self.agents))
        folder = pathlib.Path(self.out or f"runs/{self.task}-{self.preset}-{self.seed}")
        stored = None if self.force else from_first(lambda: stored_summary(folder, spec))
        summary = stored
        if stored is None:
            with reports.Reporter(spec, show_progress=not self.quiet) as reporter:
                summary = run_training(
                    spec,
                    folder,
                    draw_figure=plot_run,
                    anew=self.force,
                    checkpoint_every=self.checkpoint_every,
                    tensorboard=self.tensorboard,
                    on_warning=reports.warn,
                    on_progress=reporter.on_progress,
                    on_episode=reporter.on_episode,
                )
        if not is_first():
            return
        if stored is not None:
            print(f"{folder} holds this run, finished; its stored result (--force runs it again):")
            if not (folder / FIGURE_FILE).exists():
                plot_run(folder)
        print(reports.closing_report(spec, summary, folder))
        print(f"\nResults in {folder}, figure {folder / FIGURE_FILE}")


@dataclasses.dataclass(frozen=True)
class Plot:
    """Draw the figure of a finished run or sweep.

    Attributes:
        run: folder of the run.
        out: the PNG file; by default training.png or sweep.png in the folder.
    """

    run_folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="folder of a finished run")]
    out: str | None = None

    def run(self) -> None:
        """Draws and says where."""
        folder = pathlib.Path(self.run_folder)
        plot = plot_sweep if is_sweep(folder) else plot_run
        print(plot(folder, pathlib.Path(self.out) if self.out else None))


@dataclasses.dataclass(frozen=True)
class Eval:
    """Run the agents of a finished run, libraries frozen, on fresh layouts.

    Attributes:
        episodes: episodes of each agent.
        seed: of the fresh layouts; by default the run's seed + 1.
        quiet: no progress on stderr.
    """

    run_folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="folder of a finished run")]
    episodes: int = 50
    seed: int | None = None
    quiet: bool = False

    def run(self) -> None:
        """Evaluates and says how it went."""
        use_all_cores()
        folder = pathlib.Path(self.run_folder)
        stored, _, _ = read_experiment(folder)
        seed = (stored["seed"] + 1) % 2**32 if self.seed is None else self.seed
        with reports.ProgressBar(stored["agents"] * self.episodes, show=not self.quiet) as bar:
            evaluation, out = evaluate_run(folder, self.episodes, seed, on_progress=bar.on_progress)
        print(reports.evaluation_report(evaluation, stored["agents"], self.episodes))
        print(f"\nResults in {out}")


@dataclasses.dataclass(frozen=True)
class RunStudy:
    """Compare the default memory with none, with others and with itself less one mechanism, agent by agent.

    Attributes:
        suite: quick: five arms on two tasks, minutes; full: all arms on all tasks, hours.
        out: folder of the results; by default runs/study-SUITE-SEED. An interrupted study goes on where it stopped.
        agents: agents of each arm; by default 64 in quick, 128 in full.
        seed: of all arms; settings are tuned on seeds below 1000.
        quiet: no progress on stderr.
    """

    suite: str = "quick"
    out: str | None = None
    agents: int | None = None
    seed: int = REPORT_SEED
    quiet: bool = False

    def run(self) -> None:
        """Runs what is not yet there, and prints the tables."""
        use_all_cores()
        suite = suite_by_name(self.suite)
        study = Study(self.suite, suite, suite.num_agents if self.agents is None else self.agents, self.seed)
        folder = pathlib.Path(self.out or f"runs/study-{self.suite}-{self.seed}")
        if self.seed < REPORT_SEED:
            print(f"procmem: seed {self.seed} is below {REPORT_SEED}: settings were tuned there", file=sys.stderr)
        with StudyProgress(suite, study.num_agents, show=not self.quiet) as progress:
            tables = run_study(
                study,
                folder,
                draw_figures=plot_study,
                on_start=progress.on_start,
                on_progress=progress.on_progress,
                on_done=progress.on_done,
            )
        print(f"\n{tables}\nTable {folder / TABLE_FILE}, numbers {folder / ROWS_FILE}, figures in {folder}")


@dataclasses.dataclass(frozen=True)
class Presets:
    """List the presets, or all settings of one.

    Attributes:
        name: a preset; without one, all are listed.
        task: the task for which the settings are shown.
    """

    name: tyro.conf.Positional[str] = ""
    task: str = "random-5"

    def run(self) -> None:
        """Prints the list."""
        if not self.name:
            for name, what in PRESETS.items():
                print(f"{name:<10} {what}")
            print("\n`procmem presets NAME` lists the settings of one, for --set NAME=VALUE.")
            return
        config, params = make_experiment(self.task, self.name)
        print(f"Preset {self.name}, task {self.task}. Static settings cost a compilation each, traced ones do not.\n")
        for setting in list_settings(config, params):
            kind = "static" if setting.static else "traced"
            print(f"{setting.name:<18} {setting.value!s:<12} {setting.kind:<6} {kind:<7} {setting.help}")


@dataclasses.dataclass(frozen=True)
class Tasks:
    """List the tasks."""

    def run(self) -> None:
        """Prints the list."""
        for family, (smallest, largest, what) in TASK_FAMILIES.items():
            print(f"{family + '-N':<12} N {smallest} to {largest}: {what}")
        print("\nWorlds of other packages (default memory, random explorer; --set same_start=true fixes the layout):")
        for name, peer in PEERS.items():
            print(f"{name:<30} {peer.help}; {peer.limit} steps (needs the extra {peer.extra})")
