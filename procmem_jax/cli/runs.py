"""The command `procmem runs`."""

import dataclasses
import pathlib
from typing import Annotated

import tyro

from procmem_jax.cli.parsing.options import Json

_Folder = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="DIR", help="by default runs")]


@dataclasses.dataclass(frozen=True)
class Runs:
    """List the runs, sweeps and studies in a folder: what, when, done or not, and how it went.

    Attributes:
        json: print a list of objects instead.
    """

    folder: _Folder = "runs"
    json: Json = False

    def run(self) -> None:
        """Prints the table."""
        from procmem_jax.cli.reports.as_json import print_json
        from procmem_jax.experiments.text_tables import aligned_table
        from procmem_jax.reports.listing import list_results

        rows = list_results(pathlib.Path(self.folder))
        if self.json:
            print_json(rows)
            return
        if not rows:
            print(f"{self.folder} holds no runs, sweeps or studies.")
            return
        lines = [("folder", "what", "begun", "done", "success", "return", "steps")]
        for row in rows:
            success = "" if row["success"] is None else f"{100 * row['success']:.1f}%"
            returned = "" if row["episode_return"] is None else f"{row['episode_return']:.2f}"
            steps = "" if row["steps"] is None else f"{row['steps']:.1f}"
            what = row["what"] if row["kind"] == "run" else f"{row['kind']} {row['what']}"
            lines.append((row["folder"], what, row["when"], "yes" if row["done"] else "no", success, returned, steps))
        print(aligned_table(lines, "<<<<>>>"))
