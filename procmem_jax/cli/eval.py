"""The command `procmem eval`."""

import dataclasses
import pathlib

from procmem_jax.cli.parsing.options import Json, MaybeInt, RunFolder
from procmem_jax.cli.reports.as_json import print_json
from procmem_jax.cli.reports.loading import loading


@dataclasses.dataclass(frozen=True)
class Eval:
    """Run the agents of a finished run, libraries frozen, on fresh layouts.

    Attributes:
        episodes: episodes of each agent.
        seed: of the fresh layouts; by default the run's seed + 1.
        json: print an object instead.
        quiet: no progress on stderr.
    """

    run_folder: RunFolder
    episodes: int = 50
    seed: MaybeInt = None
    json: Json = False
    quiet: bool = False

    def run(self) -> None:
        """Evaluates and says how it went."""
        with loading(show=not self.quiet):
            from procmem_jax.cli.reports.origin import tell_origin
            from procmem_jax.cli.reports.progress import ProgressBar
            from procmem_jax.cli.reports.run import evaluation_report
            from procmem_jax.experiments.runs.evaluate import evaluate_run, read_experiment
            from procmem_jax.experiments.training.runtime import use_all_cores

        use_all_cores()
        folder = pathlib.Path(self.run_folder)
        stored, _, _ = read_experiment(folder)
        tell_origin(folder)
        seed = (stored["seed"] + 1) % 2**32 if self.seed is None else self.seed
        with ProgressBar(stored["agents"] * self.episodes, show=not self.quiet) as bar:
            evaluation, out = evaluate_run(folder, self.episodes, seed, on_progress=bar.on_progress)
        if self.json:
            print_json({"folder": str(out), "episodes": self.episodes, "seed": seed, **evaluation.as_json()})
            return
        print(evaluation_report(evaluation, stored["agents"], self.episodes))
        print(f"\nResults in {out}")
