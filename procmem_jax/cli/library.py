"""The command `procmem library`, and its subcommands."""

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from procmem_jax.cli.parsing.options import Json, MaybeFloat, MaybeInt, MaybeText

if TYPE_CHECKING:
    from procmem_jax.experiments.libraries.saved import SavedLibraries

_Source = Annotated[
    tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help="folder of a finished run, or an exported file")
]
_Sources = Annotated[
    tyro.conf.Positional[tuple], tyro.conf.arg(metavar="RUN", help="folders of finished runs, or exported files")
]
_Target = Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE", help="ending in .json or .npz")]


@dataclasses.dataclass(frozen=True)
class Show:
    """Show the skills of one agent, most used first.

    Attributes:
        agent: its number; by default the first.
        json: print an object instead.
    """

    source: _Source
    agent: MaybeInt = None
    json: Json = False

    def run(self) -> None:
        """Prints the table."""
        from procmem_jax.cli.reports.as_json import print_json
        from procmem_jax.cli.reports.library import library_table, skills_by_use
        from procmem_jax.experiments.libraries.skills import StoredSkill

        saved = _libraries(self.source)
        agent = saved.agents[0] if self.agent is None else self.agent
        if self.json:
            shown = [field.name for field in dataclasses.fields(StoredSkill) if field.name != "embedding"]
            skills = [{name: getattr(skill, name) for name in shown} for skill in skills_by_use(saved, agent)]
            print_json({"agent": agent, "action_names": saved.action_names, "skills": skills})
        else:
            print(library_table(saved, agent))


@dataclasses.dataclass(frozen=True)
class Export:
    """Write the libraries of a run to one file, to keep, read or start other runs from (train --warm-start).

    Attributes:
        agent: the number of the only agent to take; by default all.
        force: overwrite the file if it exists.
    """

    source: _Source
    file: _Target
    agent: MaybeInt = None
    force: bool = False

    def run(self) -> None:
        """Writes and says what."""
        from procmem_jax.experiments.libraries.files import write_saved
        from procmem_jax.experiments.libraries.rules import check_origin

        saved = _libraries(self.source)
        check_origin(saved.libraries, saved.config, saved.agents)
        saved = saved if self.agent is None else saved.of_agent(self.agent)
        write_saved(pathlib.Path(self.file), saved, overwrite=self.force)
        num_skills = int(saved.libraries.used.sum())
        who = "1 agent" if len(saved.agents) == 1 else f"{len(saved.agents)} agents"
        print(f"{self.file}: libraries of {who}, {num_skills} skills, sha256 {saved.sha256}")


@dataclasses.dataclass(frozen=True)
class Merge:
    """Make one library of those of many agents: the better of two alike, without what others cover.

    Attributes:
        out: the file that it is written to, ending in .json or .npz.
        capacity: its slots; by default as many as the largest of the sources has. What is least used does not fit.
        threshold: cosine above which two situations are the same; by default 0.99999, as in the default memory.
        force: overwrite the file if it exists.
    """

    sources: _Sources
    out: str
    capacity: MaybeInt = None
    threshold: MaybeFloat = None
    force: bool = False

    def run(self) -> None:
        """Writes and says what became of the skills."""
        if not self.sources:
            raise ValueError("no run was given; name folders of runs, or files: procmem library merge RUN --out FILE")
        if self.threshold is not None and not -1.0 <= self.threshold <= 1.0:
            raise ValueError(f"--threshold={self.threshold} is no cosine; choose it from -1 to 1")

        from procmem_jax.cli.reports.merging import merged_text
        from procmem_jax.experiments.libraries.files import write_saved
        from procmem_jax.experiments.libraries.merging import merge_libraries
        from procmem_jax.memory.default.params import DefaultMemoryParams

        params = DefaultMemoryParams() if self.threshold is None else DefaultMemoryParams(self.threshold)
        sources = [_libraries(source) for source in self.sources]
        merged = merge_libraries(sources, capacity=self.capacity, params=params, names=self.sources)
        write_saved(pathlib.Path(self.out), merged.saved, overwrite=self.force)
        print(f"{self.out}: {merged_text(merged)}")


@dataclasses.dataclass(frozen=True)
class Plot:
    """Draw the skills of one agent: where they lead, how often they are used and how well they do.

    Attributes:
        agent: its number; by default the first.
        out: the file, ending in .png, .pdf or .svg; by default library-AGENT.png in the run, or beside the file.
    """

    source: _Source
    agent: MaybeInt = None
    out: MaybeText = None

    def run(self) -> None:
        """Draws and says where."""
        from procmem_jax.figures.library import plot_library

        source = pathlib.Path(self.source)
        saved = _libraries(self.source)
        agent = saved.agents[0] if self.agent is None else self.agent
        folder = source if source.is_dir() else source.parent
        path = pathlib.Path(self.out) if self.out else folder / f"library-{agent}.png"
        print(plot_library(saved, agent, path, f"{source.resolve().name}: the skills of agent {agent}"))


def _libraries(source: str) -> "SavedLibraries":
    """Returns the libraries of a run or a file, after a warning if newer versions made them."""
    from procmem_jax.cli.reports.origin import tell_origin, tell_versions
    from procmem_jax.experiments.runs.libraries import libraries_at

    path = pathlib.Path(source)
    saved = libraries_at(path)
    if path.is_dir():
        tell_origin(path)
    else:
        tell_versions(source, saved.versions)
    return saved


_Command = (
    Annotated[Show, tyro.conf.subcommand("show")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Merge, tyro.conf.subcommand("merge")]
    | Annotated[Plot, tyro.conf.subcommand("plot")]
)


@dataclasses.dataclass(frozen=True)
class Library:
    """Show, export, merge or draw the skills that agents have learned."""

    SUBCOMMANDS: ClassVar[tuple[str, ...]] = ("show", "export", "merge", "plot")

    command: tyro.conf.OmitArgPrefixes[tyro.conf.OmitSubcommandPrefixes[_Command]]

    def run(self) -> None:
        """Runs the subcommand."""
        self.command.run()
