"""What a page tells of a study: of each task the learning curves of its arms, and the table of the study."""

import pathlib
from collections.abc import Mapping

from procmem_jax.experiments.statistics.headline import bounds_words
from procmem_jax.experiments.storage.files import expecting_fields
from procmem_jax.experiments.study.arms import ARMS, MAIN_ARMS, Cell, StudyTask
from procmem_jax.experiments.study.study import ROWS_FILE, read_study, run_folder
from procmem_jax.reports.curves import learning_curves
from procmem_jax.reports.html import Html, Part, Section, element, joined, table
from procmem_jax.reports.runs import RunFiles

_SCORES = (
    ("success", "success", (100.0, 1, "%")),
    ("steps_over_optimal", "steps over the fewest possible, IQM", (1.0, 2, "")),
    ("env_steps_to_90", "environment steps to 90% success", (1.0, 0, "")),
    ("negative_transfer", "more steps than no memory", (100.0, 1, "%")),
    ("probability_of_improvement", "P(better than no memory)", (1.0, 3, "")),
)


def study_part(folder: pathlib.Path, name: str) -> Part:
    """Returns the sections about the finished study in `folder`; links lead to what begins with `name`.

    Raises:
        ValueError: the folder holds no finished study, or one of its files cannot be read.
    """
    path = folder / ROWS_FILE
    stored = read_study(folder)
    with expecting_fields(path):
        tasks: dict[str, list[dict]] = {}
        for row in stored["rows"]:
            tasks.setdefault(row["task"], []).append(row)
        tables = {task: _table(task, rows) for task, rows in tasks.items()}
        made = ", ".join(f"{key} {value}" for key, value in stored["versions"].items())
        who = f"{stored['agents']:,} agents of each arm, seed {stored['seed']}"
        what = f"Study {stored['study']}: {who}; made with {made}."
    sections, known = [], {}
    for number, (task, rows) in enumerate(tasks.items()):
        arms = [row["arm"] for row in rows if row["arm"] in MAIN_ARMS]
        runs = {arm: RunFiles.at(run_folder(folder, Cell(StudyTask(task, "", 0, ()), ARMS[arm]))) for arm in arms}
        charts, facts = learning_curves(runs, f"{name}-{number}")
        known |= facts
        sections.append(
            Section(
                f"{name}-task-{number}",
                f"Study {stored['study']}: {task}",
                joined(element("p", what), charts, tables[task]),
            )
        )
    return Part(sections, known)


def _table(task: str, rows: list[dict]) -> Html:
    lines = [
        (
            row["arm"],
            f"{row['episodes']:,}",
            *(_words(row[key], form) for key, _, form in _SCORES),
            f"{row['skills']:.0f}",
        )
        for row in rows
    ]
    head = ("arm", "episodes", *(f"{words} [95%]" for _, words, _ in _SCORES), "skills")
    return table(f"{task}: an arm's last episodes, with 95% bootstrap intervals over agents", head, lines)


def _words(found: Mapping[str, float | None] | None, form: tuple) -> str:
    if found is None:
        return "–"
    if found["value"] is None:
        return "never"
    high = float("inf") if found["high"] is None else found["high"]
    return bounds_words((found["value"], found["low"], high), *form).replace("inf", "∞")
