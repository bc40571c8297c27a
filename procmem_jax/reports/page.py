"""The page about runs, sweeps and studies: one file, read from their folders, which loads nothing from anywhere."""

import dataclasses
import importlib.resources
import pathlib
from collections.abc import Callable, Mapping, Sequence

from procmem_jax.experiments.storage.files import write_whole
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.study.study import is_study
from procmem_jax.experiments.sweeps.folders import is_sweep
from procmem_jax.experiments.training.driver import Progress
from procmem_jax.reports.html import Html, Section, data_script, element
from procmem_jax.reports.run_part import run_part
from procmem_jax.reports.runs import RunFiles
from procmem_jax.reports.study_part import study_part
from procmem_jax.reports.sweep_part import sweep_part

REPORT_FILE = "report.html"


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What of the first run is looked at closely.

    Attributes:
        agent: its number; by default the first.
        episode: that is replayed, from 0; negative numbers count from the end.
        replay: whether an episode is replayed.
    """

    agent: int = 0
    episode: int = -1
    replay: bool = True


def write_report(
    folders: Sequence[str | pathlib.Path],
    path: str | pathlib.Path | None = None,
    *,
    chosen: Chosen | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> pathlib.Path:
    """Returns the path of the page that it writes: one HTML file which needs no network.

    Nothing that a folder names is imported: of a run with parts of a user's own, the replay is left out.

    Args:
        folders: of finished runs, sweeps and studies; of several runs, all are compared with the first.
        path: of the file; by default `report.html` in the first folder.
        chosen: what is looked at closely.
        on_progress: as for `replay_episode`.

    Raises:
        ValueError: a folder holds nothing finished, or one of its files cannot be read.
        OSError: the file cannot be written.
    """
    folders = list(dict.fromkeys(map(pathlib.Path, folders)))
    if not folders:
        raise ValueError("no folder was given; give those of runs, sweeps or studies")
    path = folders[0] / REPORT_FILE if path is None else pathlib.Path(path)
    page = make_page(folders, chosen or Chosen(), on_progress)
    write_whole(path, lambda aside: aside.write_text(page, encoding="utf-8"))
    return path


def make_page(folders: Sequence[pathlib.Path], chosen: Chosen, on_progress=None) -> str:
    """Returns the page as text; arguments and errors as for `write_report`."""
    studies, sweeps = ([folder for folder in folders if holds(folder)] for holds in (is_study, is_sweep))
    runs = _named_runs([folder for folder in folders if folder not in studies and folder not in sweeps])
    parts = []
    if runs:
        parts.append(run_part(runs, chosen.agent, chosen.episode if chosen.replay else None, on_progress))
    parts += [study_part(folder, f"study-{number}") for number, folder in enumerate(studies)]
    parts += [sweep_part(folder, f"sweep-{number}") for number, folder in enumerate(sweeps)]
    title = ", ".join(folder.resolve().name for folder in folders[:4]) + (", ..." if len(folders) > 4 else "")
    charts = {name: facts for part in parts for name, facts in part.charts.items()}
    replay = next((part.replay for part in parts if part.replay), None)
    return _whole(title, [section for part in parts for section in part.sections], charts, replay)


def _named_runs(folders: Sequence[pathlib.Path]) -> dict[str, RunFiles]:
    """Returns the runs by the names of their folders, or by the whole paths where those are alike."""
    names = [folder.resolve().name for folder in folders]
    unlike = len(set(names)) == len(names)
    return {name if unlike else str(folder): RunFiles.at(folder) for name, folder in zip(names, folders, strict=True)}


def _whole(title: str, sections: Sequence[Section], charts: Mapping[str, dict], replay: dict | None) -> str:
    here = importlib.resources.files("procmem_jax.reports")
    style, program = (Html(here.joinpath(name).read_text(encoding="utf-8")) for name in ("report.css", "report.js"))
    head = element(
        "head", element("meta", charset="utf-8"), element("title", title),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"), element("style", style),
    )  # fmt: skip
    links = (element("li", element("a", section.heading, href=f"#{section.name}")) for section in sections)
    made_with = f"Written by procmem_jax {versions()['procmem_jax']}. Brackets and bands: 95% intervals over agents."
    body = element(
        "body", element("header", element("h1", title), element("nav", element("ul", *links), aria_label="sections")),
        element("main", *(section.markup for section in sections)), element("footer", made_with),
        data_script("data", {"charts": dict(charts), "replay": replay}), element("script", program),
    )  # fmt: skip
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"
