"""The command `procmem plot`."""

import dataclasses
import pathlib

from procmem_jax.cli.parsing.options import MaybeText, RunFolder


@dataclasses.dataclass(frozen=True)
class Plot:
    """Draw the figure of a finished run or sweep.

    Attributes:
        run: folder of the run.
        out: the PNG file; by default training.png or sweep.png in the folder.
    """

    run_folder: RunFolder
    out: MaybeText = None

    def run(self) -> None:
        """Draws and says where."""
        from procmem_jax.cli.reports.origin import tell_origin
        from procmem_jax.experiments.sweeps.folders import is_sweep
        from procmem_jax.figures.sweep import plot_sweep
        from procmem_jax.figures.training import plot_run

        folder = pathlib.Path(self.run_folder)
        plot = plot_sweep if is_sweep(folder) else plot_run
        if (folder / "config.json").is_file():
            tell_origin(folder)
        print(plot(folder, pathlib.Path(self.out) if self.out else None))
