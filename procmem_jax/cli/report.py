"""The command `procmem report`."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from procmem_jax.cli.parsing.options import MaybeText

_Folders = Annotated[
    tyro.conf.Positional[tuple], tyro.conf.arg(metavar="RUN|SWEEP|STUDY", help="folders of what is finished")
]


@dataclasses.dataclass(frozen=True)
class Report:
    """Write a page about runs, sweeps or studies: one HTML file that needs no network.

    Several runs are compared with the first, agent by agent. Nothing that a folder names is imported.

    Attributes:
        out: the file; by default report.html in the first folder.
        agent: whose library and episode are shown, of the first run.
        episode: that is replayed; negative numbers count from the end.
        replay: whether an episode is replayed, which takes some seconds.
        quiet: no progress on stderr.
    """

    folders: _Folders
    out: MaybeText = None
    agent: int = 0
    episode: int = -1
    replay: bool = True
    quiet: bool = False

    def run(self) -> None:
        """Writes the page and says where."""
        if not self.folders:
            raise ValueError("no folder was given; name those of runs, sweeps or studies: procmem report RUN")
        out = None if self.out is None else pathlib.Path(self.out)
        if out is not None and not out.parent.is_dir():
            raise ValueError(f"out={out}: there is no folder {out.parent}; make it first")

        from procmem_jax.cli.reports.progress import ProgressBar
        from procmem_jax.reports.page import Chosen, write_report

        chosen = Chosen(self.agent, self.episode, self.replay)
        with ProgressBar(0, show=not self.quiet) as bar:
            print(write_report(self.folders, out, chosen=chosen, on_progress=bar.on_progress))
