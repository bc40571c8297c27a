"""The command `procmem compare`."""

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Annotated

import tyro

from procmem_jax.cli.parsing.options import Json

if TYPE_CHECKING:
    from procmem_jax.reports.comparison import Comparison

_First = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="A", help="folder of a finished run")]
_Second = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="B", help="folder of the one compared with it")]


@dataclasses.dataclass(frozen=True)
class Compare:
    """Compare two runs of one task and seed, agent by agent: differences B less A, and which settings differ.

    Attributes:
        json: print an object instead.
    """

    first: _First
    second: _Second
    json: Json = False

    def run(self) -> None:
        """Prints the comparison."""
        from procmem_jax.cli.reports.as_json import print_json
        from procmem_jax.reports.comparison import compare_runs
        from procmem_jax.reports.runs import RunFiles
        from procmem_jax.reports.words import run_words

        runs = [RunFiles.at(pathlib.Path(folder)) for folder in (self.second, self.first)]
        found = compare_runs(*runs)
        if self.json:
            print_json({"a": self.first, "b": self.second, **found.as_json()})
        else:
            print(comparison_text(found, *(f"{run.folder}, {run_words(run.stored)}" for run in reversed(runs))))


def comparison_text(found: "Comparison", first: str, second: str) -> str:
    """Returns the comparison of B, the second, with A, the first, as lines of text."""
    from procmem_jax.experiments.statistics.headline import SCORES, bounds_words
    from procmem_jax.experiments.text_tables import aligned_table
    from procmem_jax.reports.words import interval_words, value_words

    rows = [("mean over agents [95% interval]", "A", "B", "B less A", "P(B better)")]
    for key, words, *form in SCORES:
        if key in found.scores:
            theirs, ours, difference, better = found.scores[key]
            shown = bounds_words(ours, *form), bounds_words(theirs, *form), interval_words(difference, *form)
            rows.append((words, *shown, interval_words(better, 1.0, 3)))
    who = f"{found.num_agents} agents, episodes {found.first_episode} to {found.last_episode}, agent by agent:"
    lines = [f"A: {first}", f"B: {second}", "", who, aligned_table(rows, "<>>>>"), ""]
    if not found.settings:
        return "\n".join([*lines, "No setting differs."])
    differ = [("what differs", "A", "B")]
    differ += [(name, value_words(a), value_words(b)) for name, (b, a) in found.settings.items()]
    return "\n".join([*lines, aligned_table(differ, "<<<")])
