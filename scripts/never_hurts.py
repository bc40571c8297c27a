"""Does the default memory ever hurt? Every world, explorer and stickiness, memory on against off, agent by agent."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Sequence

import numpy as np
from tqdm import tqdm

from procmem_jax import make_experiment, run_key, train
from procmem_jax.experiments.statistics.intervals import Interval, interval_of, paired_difference, resample_totals
from procmem_jax.experiments.storage.files import read_json, write_json, write_whole
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.text_tables import markdown_table

SIZES = {"tutorial": range(4, 9), "random": range(4, 9), "doorkey": range(5, 9)}
# The epsilon explorer stands for all, so that they share a compiled program: at 0 it is the script, at 1 it is random.
EXPLORERS = {"scripted": 0.0, "epsilon:0.3": 0.3, "epsilon:0.6": 0.6, "random": 1.0}
STICKY = (0.0, 0.1)
LAST, LAST_TRAPPED, TWIN_SUCCESSES = 50, 20, 10
WORST_DIFFERENCE, WORST_RATIO = -0.01, 1.02
BOOTSTRAP_SEED = 0
_COLUMNS = {
    "task": "<",
    "explorer": "<",
    "sticky": ">",
    "success off, %": ">",
    "on, %": ">",
    "difference, points": ">",
    f"steps on / off, last {LAST}": ">",
    "all episodes": ">",
    "trapped": ">",
    "hurts": "<",
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One world with one explorer."""

    task: str
    explorer: str
    sticky: float


CELLS = tuple(
    Cell(f"{family}-{size}", explorer, sticky)
    for family, sizes in SIZES.items()
    for size in sizes
    for explorer in EXPLORERS
    for sticky in STICKY
)
QUICK_CELLS = tuple(cell for cell in CELLS if cell.task in ("tutorial-4", "random-4"))
TRAP_CELLS = (
    Cell("tutorial-4", "scripted", 0.0),
    Cell("tutorial-6", "scripted", 0.0),
    Cell("tutorial-7", "epsilon:0.3", 0.0),
    Cell("random-6", "epsilon:0.6", 0.0),
    Cell("doorkey-6", "random", 0.0),
    Cell("random-8", "random", 0.1),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """How a cell is run: agents of each side, episodes, seed."""

    agents: int
    episodes: int
    seed: int


def run_side(cell: Cell, use_skills: bool, run: Run):
    """Returns the metrics `[A, E]` of a cell with the memory on or off."""
    config, params = make_experiment(
        cell.task,
        explorer=f"epsilon:{EXPLORERS[cell.explorer]}",
        use_skills=use_skills,
        overrides={"sticky": cell.sticky},
    )
    return train(run_key(run.seed), config, params, run.agents, run.episodes).metrics


def compare(cell: Cell, run: Run) -> dict:
    """Returns the row of a cell, ready for JSON: memory on against off, paired by agent."""
    on, off = (run_side(cell, use_skills, run) for use_skills in (True, False))
    difference = paired_difference(on.success[:, -LAST:], off.success[:, -LAST:], seed=BOOTSTRAP_SEED)
    return {
        **dataclasses.asdict(cell),
        **dataclasses.asdict(run),
        "success_off": float(off.success[:, -LAST:].mean()),
        "success_on": float(on.success[:, -LAST:].mean()),
        "success_difference": dataclasses.asdict(difference),
        "steps_ratio_last": dataclasses.asdict(steps_ratio(on.steps[:, -LAST:], off.steps[:, -LAST:])),
        "steps_ratio_all": dataclasses.asdict(steps_ratio(on.steps, off.steps)),
        "trapped": int(trapped(on.success, off.success).sum()),
    }


def steps_ratio(on: np.ndarray, off: np.ndarray) -> Interval:
    """Returns mean steps with memory over mean steps without, with its bootstrap interval over agents."""
    totals = np.stack([on.sum(axis=1), off.sum(axis=1)], axis=1)
    resampled = np.concatenate([part[:, 0] / part[:, 1] for part in resample_totals(totals, seed=BOOTSTRAP_SEED)])
    return interval_of(totals[:, 0].sum() / totals[:, 1].sum(), resampled)


def trapped(success_on: np.ndarray, success_off: np.ndarray) -> np.ndarray:
    """Returns `[A]` bool: no success in the last 20 episodes, while the twin without memory has 10 or more."""
    on, off = (success[:, -LAST_TRAPPED:].sum(axis=1) for success in (success_on, success_off))
    return (on == 0) & (off >= TWIN_SUCCESSES)


def is_suspect(row: dict) -> bool:
    """Returns whether a cell is to be run again with more agents."""
    return row["success_difference"]["value"] < 0 or highest_ratio(row) > WORST_RATIO


def hurts(row: dict) -> bool:
    """Returns whether the memory does harm: 1 point less success, 2% more steps (interval included), agents trapped."""
    return (
        row["success_difference"]["value"] < WORST_DIFFERENCE or highest_ratio(row) > WORST_RATIO or row["trapped"] > 0
    )


def highest_ratio(row: dict) -> float:
    """Returns the larger upper bound of the ratio of steps: over all episodes, and over the last."""
    return max(row["steps_ratio_last"]["high"], row["steps_ratio_all"]["high"])


class Store:
    """Rows as they come, in a file, so that an interrupted table goes on."""

    def __init__(self, path: pathlib.Path):
        self._path = path
        self._rows: dict[str, dict] = read_json(path)["rows"] if path.exists() else {}
        path.parent.mkdir(parents=True, exist_ok=True)

    def row(self, cell: Cell, run: Run) -> dict:
        """Returns the row of a cell, from the file or from a run."""
        name = f"{cell.task}, {cell.explorer}, sticky {cell.sticky}, {run.agents} x {run.episodes}, seed {run.seed}"
        if name not in self._rows:
            self._rows[name] = compare(cell, run)
            write_json(self._path, {"versions": versions(), "rows": self._rows})
        return self._rows[name]

    def rows(self, cells: Iterable[Cell], run: Run, title: str) -> list[dict]:
        """Returns the rows of all cells, with a progress bar."""
        cells = list(cells)
        bar = tqdm(cells, desc=title, unit=" cells", disable=None, leave=False, file=sys.stderr)
        return [self.row(cell, run) for cell in bar]


def table(title: str, rows: Sequence[dict]) -> str:
    """Returns a Markdown table of rows."""
    text = markdown_table(_COLUMNS, map(_cells, rows))
    return "\n".join([f"## {title}", "", text, "", f"{sum(map(hurts, rows))} of {len(rows)} cells hurt.", ""])


def _cells(row: dict) -> tuple[str, ...]:
    return (
        row["task"],
        row["explorer"],
        f"{row['sticky']:g}",
        f"{100 * row['success_off']:.1f}",
        f"{100 * row['success_on']:.1f}",
        _bounds(row["success_difference"], 100, 2),
        _bounds(row["steps_ratio_last"], 1, 3),
        _bounds(row["steps_ratio_all"], 1, 3),
        str(row["trapped"]),
        "yes" if hurts(row) else "no",
    )


def _bounds(bounds: dict, factor: float, digits: int) -> str:
    value, low, high = (f"{factor * bounds[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def never_hurts(cells: Sequence[Cell], traps: Sequence[Cell], first: Run, again: Run, out: pathlib.Path) -> str:
    """Returns the tables as Markdown, and leaves them and their numbers in `out`.

    Args:
        cells: of the first table.
        traps: where trapped agents are counted among `again.agents`.
        first: the run of all cells.
        again: the run of those cells that look harmed in the first, and of `traps`.
        out: folder.
    """
    store = Store(out / "never_hurts.json")
    rows = store.rows(cells, first, "all cells")
    suspects = [cell for cell, row in zip(cells, rows, strict=True) if is_suspect(row)]
    repeated = store.rows(suspects, again, "again")
    counted = store.rows(traps, again, "trapped")
    text = "\n".join(
        [
            f"# Never hurts: memory on against off, last {LAST} of {first.episodes} episodes, paired, [95% interval]\n",
            f"Hurts: success more than {-100 * WORST_DIFFERENCE:g} point lower, or steps more than "
            f"{100 * WORST_RATIO - 100:.0f}% higher, interval included, or an agent trapped (no success in its last "
            f"{LAST_TRAPPED} episodes, {TWIN_SUCCESSES} or more of its twin without memory).\n",
            table(f"Suspects again: {again.agents} agents, seed {again.seed}", repeated),
            table(f"Trapped agents: {again.agents} agents, seed {again.seed}", counted),
            table(f"All cells: {first.agents} agents, seed {first.seed}", rows),
        ]
    )
    write_whole(out / "never_hurts.md", lambda aside: aside.write_text(text, encoding="utf-8"))
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=128, help="agents of the first look")
    parser.add_argument("--again", type=int, default=1024, help="agents of the second look")
    parser.add_argument("--episodes", type=int, default=150, help="of each agent")
    parser.add_argument("--seed", type=int, default=1000, help="of the first look; 1000 more for the second")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/never_hurts"), help="folder")
    parser.add_argument("--quick", action="store_true", help="few worlds, no count of trapped agents: a smoke test")
    options = parser.parse_args(arguments)
    for name in ("agents", "again", "episodes"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)} is below 1; give at least 1")
    cells, traps = (QUICK_CELLS, ()) if options.quick else (CELLS, TRAP_CELLS)
    first = Run(options.agents, options.episodes, options.seed)
    again = Run(options.again, options.episodes, options.seed + 1000)
    print(never_hurts(cells, traps, first, again, options.out))
    print(f"Table {options.out / 'never_hurts.md'}, numbers {options.out / 'never_hurts.json'}")


if __name__ == "__main__":
    main()
