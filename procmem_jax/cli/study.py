"""The command `procmem study`."""

import dataclasses
import pathlib

from procmem_jax.cli.parsing.options import Json, MaybeInt, MaybeText
from procmem_jax.cli.reports.loading import loading
from procmem_jax.experiments.defaults import REPORT_SEED


@dataclasses.dataclass(frozen=True)
class Study:
    """Compare the default memory with none, with others and with itself less one mechanism, agent by agent.

    Attributes:
        suite: quick: five arms on two tasks; full: all arms on all tasks, about ten minutes on 2 cores.
        out: folder of the results; by default runs/study-SUITE-SEED. An interrupted study goes on where it stopped.
        agents: agents of each arm; by default 64 in quick, 128 in full.
        seed: of all arms; settings are tuned on seeds below 1000.
        json: print an object instead.
        quiet: no progress on stderr.
    """

    suite: str = "quick"
    out: MaybeText = None
    agents: MaybeInt = None
    seed: int = REPORT_SEED
    json: Json = False
    quiet: bool = False

    def run(self) -> None:
        """Runs what is not yet there, and prints the tables."""
        with loading(show=not self.quiet):
            from procmem_jax.cli.reports.afterwards import figure_or_warning
            from procmem_jax.cli.reports.as_json import print_json
            from procmem_jax.cli.reports.progress import warn
            from procmem_jax.cli.reports.study import StudyProgress
            from procmem_jax.experiments.study import study as studies
            from procmem_jax.experiments.study.arms import suite_by_name
            from procmem_jax.experiments.training.runtime import use_all_cores
            from procmem_jax.figures.study import plot_study

        use_all_cores()
        suite = suite_by_name(self.suite)
        study = studies.Study(self.suite, suite, suite.num_agents if self.agents is None else self.agents, self.seed)
        folder = pathlib.Path(self.out or f"runs/study-{self.suite}-{self.seed}")
        if self.seed < REPORT_SEED:
            warn(f"--seed={self.seed} is below {REPORT_SEED}: settings were tuned there")
        with StudyProgress(suite, study.num_agents, show=not self.quiet) as progress:
            tables = studies.run_study(
                study,
                folder,
                draw_figures=figure_or_warning(plot_study),
                on_start=progress.on_start,
                on_progress=progress.on_progress,
                on_done=None if self.json else progress.on_done,
            )
        if self.json:
            print_json({"folder": folder, **studies.read_study(folder)})
            return
        files = f"Table {folder / studies.TABLE_FILE}, numbers {folder / studies.ROWS_FILE}, figures in {folder}"
        print(f"\n{tables}\n{files}")
