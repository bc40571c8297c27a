"""The command `procmem train`."""

import dataclasses
import pathlib
from typing import TYPE_CHECKING

from procmem_jax.cli.parsing.assignments import parse_assignments
from procmem_jax.cli.parsing.names import check_names, default_folder
from procmem_jax.cli.parsing.options import Assignments, Json, MaybeInt, MaybeText
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.reports.loading import load_for_figures_meanwhile, loading
from procmem_jax.cli.reports.streams import silence_libraries
from procmem_jax.experiments.defaults import CHECKPOINT_SECONDS
from procmem_jax.experiments.preset_names import DEFAULT_PRESET

if TYPE_CHECKING:
    from procmem_jax.experiments.runs.folders import RunSpec


@dataclasses.dataclass(frozen=True)
class Train:
    """Train many agents and store what they did and learned.

    Attributes:
        task: such as random-8 or xland:MiniGrid-DoorKey-5x5 (see `procmem tasks`), or package.module:make_task.
        preset: the kind of agent (see `procmem presets`).
        agents: agents, numbered from 0.
        episodes: episodes of each agent.
        seed: 0 to 4294967295; equal seeds give equal layouts and draws to equal agents in every setting.
        out: folder of the results; by default runs/TASK-PRESET-SEED, with - for : in a name.
        explorer: scripted, random, epsilon:P, persistent, adaptive, least-tried, nearest-untried, frontier or
            package.module:MyPolicy; by default scripted with preset tutorial, frontier with a task NAME@grid, adaptive
            in other worlds of other packages, else random.
        memory: a memory in the place of the preset's, as package.module:MyMemory.
        skills: whether the memory is on.
        settings: other values for fields of config and params, such as capacity=64 (see `procmem presets NAME`).
        warm_start: what the agents start with: folder of a finished run, or file of `procmem library export`.
        force: run again even if the folder holds the finished run, and from the start if it holds a part of it.
        checkpoint_every: seconds between two checkpoints; an interrupted run goes on when the command is given again.
        compilation_cache: folder that keeps compiled programs from one command to the next; by default none.
        tensorboard: write events for TensorBoard into the folder too; metrics.jsonl is always there.
        wandb: tell Weights & Biases of every episode too (WANDB_MODE=offline: into the folder alone).
        distributed: be one of several processes that run one global program; the first writes. On a cluster they find
            each other (SLURM, Open MPI, Kubernetes), elsewhere the next three options say how.
        coordinator: HOST:PORT of the first process.
        num_processes: of the program.
        process_id: of this process, from 0.
        json: print an object instead.
        quiet: no progress on stderr.
    """

    task: str = "random-5"
    preset: str = DEFAULT_PRESET
    agents: int = 1024
    episodes: int = 100
    seed: int = 0
    out: MaybeText = None
    explorer: MaybeText = None
    memory: MaybeText = None
    skills: bool = True
    settings: Assignments = ()
    warm_start: MaybeText = None
    force: bool = False
    checkpoint_every: float = CHECKPOINT_SECONDS
    compilation_cache: MaybeText = None
    tensorboard: bool = False
    wandb: bool = False
    distributed: bool = False
    coordinator: MaybeText = None
    num_processes: MaybeInt = None
    process_id: MaybeInt = None
    json: Json = False
    quiet: bool = False

    def run(self) -> None:
        """Trains, or tells the stored result of the same run."""
        overrides = parse_assignments(self.settings)
        check_names(self.task, self.preset, overrides, [self.explorer, self.memory, *overrides.values()])

        with loading(show=not self.quiet):
            from procmem_jax.cli.reports.afterwards import figure_or_warning, stored_anyway
            from procmem_jax.cli.reports.origin import tell_origin
            from procmem_jax.cli.reports.progress import warn
            from procmem_jax.cli.reports.run import closing_report
            from procmem_jax.experiments.processes import from_first, is_first, join_processes
            from procmem_jax.experiments.runs.folders import FIGURE_FILE, stored_summary
            from procmem_jax.experiments.training.runtime import use_all_cores, use_compilation_cache
            from procmem_jax.figures.training import plot_run
            from procmem_jax.reports.runs import RunFiles

        use_all_cores()
        if self.distributed:
            silence_libraries()
        join_processes(self.distributed, self.coordinator, self.num_processes, self.process_id)
        use_compilation_cache(self.compilation_cache, warn)
        spec = self._make_spec(overrides)
        folder = pathlib.Path(self.out or default_folder(self.task, self.preset, self.seed))
        stored = None if self.force else from_first(lambda: stored_summary(folder, spec))
        summary = self._train(spec, folder) if stored is None else stored
        if not is_first():
            return
        if self.json:
            print_json(RunFiles.at(folder).as_json())
            return
        if stored is None:
            with stored_anyway("the closing report"):
                print(closing_report(spec, summary, folder))
        else:
            tell_origin(folder)
            print(f"{folder} holds this run, finished; its stored result (--force runs it again):")
            if not (folder / FIGURE_FILE).exists():
                figure_or_warning(plot_run)(folder)
            print(closing_report(spec, summary, folder))
        figure = folder / FIGURE_FILE
        print(f"\nResults in {folder}" + (f", figure {figure}" if figure.exists() else ""))

    def _make_spec(self, overrides: dict[str, str]) -> "RunSpec":
        from procmem_jax.experiments.presets import make_experiment
        from procmem_jax.experiments.processes import from_first
        from procmem_jax.experiments.runs.folders import RunSpec
        from procmem_jax.experiments.runs.libraries import load_warm_start

        config, params = make_experiment(
            self.task,
            self.preset,
            explorer=self.explorer,
            memory=self.memory,
            use_skills=self.skills,
            overrides=overrides,
        )
        spec = RunSpec(self.task, self.preset, config, params, self.agents, self.episodes, self.seed)
        from_first(spec.check)
        if self.warm_start is None:
            return spec
        return dataclasses.replace(spec, warm_start=load_warm_start(self.warm_start, config, self.agents))

    def _train(self, spec: "RunSpec", folder: pathlib.Path) -> dict:
        from procmem_jax.cli.reports.afterwards import figure_or_warning
        from procmem_jax.cli.reports.progress import warn
        from procmem_jax.cli.reports.run import Reporter
        from procmem_jax.experiments.runs.folders import run_training
        from procmem_jax.figures.training import plot_run

        load_for_figures_meanwhile()
        with Reporter(spec, show_progress=not self.quiet) as reporter:
            return run_training(
                spec,
                folder,
                draw_figure=figure_or_warning(plot_run),
                anew=self.force,
                checkpoint_every=self.checkpoint_every,
                tensorboard=self.tensorboard,
                wandb=self.wandb,
                on_warning=warn,
                on_progress=reporter.on_progress,
                on_episode=None if self.json else reporter.on_episode,
            )
