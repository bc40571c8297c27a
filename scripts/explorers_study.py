"""Explorers compared, from random to frontier, without memory and with the default one."""

import argparse
import dataclasses
import itertools
import pathlib
import sys

from tqdm import tqdm

from procmem_jax import make_experiment, run_key, train
from procmem_jax.envs.foreign.peers import MissingPackageError
from procmem_jax.experiments.statistics.intervals import mean_interval
from procmem_jax.experiments.storage.files import read_json, write_json
from procmem_jax.experiments.text_tables import interval_text, markdown_table

LAST = 20
EXPLORERS = {
    "random": {},
    "persistent": {},
    "adaptive": {},
    "least-tried": {},
    "nearest-untried": {},
    "nearest-untried per episode": {"per_episode": True},
    "frontier": {},  # where the percept keeps a map
}
MEMORIES = {False: "without memory", True: "with"}
TASKS = {
    "random-5": 150,
    "random-8": 150,
    "gymnax:MountainCar-v0": 100,
    "gymnax:FrozenLake-misc": 300,
    "gymnax:DeepSea-bsuite": 300,
    "gymnax:FourRooms-misc": 200,
    "gymnax:MetaMaze-misc": 100,
    "xland:MiniGrid-Empty-8x8": 150,
    "navix:Navix-Empty-8x8-v0": 100,
    "navix:Navix-KeyCorridorS3R1-v0": 100,
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """A task with an explorer, with the memory or without."""

    task: str
    explorer: str
    use_skills: bool

    @property
    def column(self) -> str:
        """The heading of its column."""
        return f"{self.explorer}, {MEMORIES[self.use_skills]}"


CELLS = [Cell(task, *kind) for task in TASKS for kind in itertools.product(EXPLORERS, MEMORIES)]


def run_cell(cell: Cell, agents: int, episodes: int, seed: int) -> dict:
    """Returns what a cell reached in the last episodes: success, or the return where there is no success."""
    config, params = make_experiment(
        cell.task,
        explorer=cell.explorer.split()[0],
        use_skills=cell.use_skills,
        overrides=EXPLORERS[cell.explorer],
    )
    metrics = train(run_key(seed), config, params, agents, episodes).metrics
    reached = metrics.episode_return if metrics.success is None else metrics.success
    interval = [float(bound) for bound in mean_interval(reached[:, -LAST:].mean(axis=1))]
    run = {"agents": agents, "episodes": episodes, "seed": seed, "is_success": metrics.success is not None}
    return {**dataclasses.asdict(cell), **run, "interval": interval}


def table(rows: list[dict]) -> str:
    """Returns the rows as a Markdown table, one line for each task."""
    found = {Cell(row["task"], row["explorer"], row["use_skills"]): row for row in rows}
    columns = [Cell("", *kind).column for kind in itertools.product(EXPLORERS, MEMORIES)]
    lines = []
    for task in TASKS:
        cells = [found.get(cell) for cell in CELLS if cell.task == task]
        some = next((cell for cell in cells if cell), None)
        if some:
            what = "success, %" if some["is_success"] else "return"
            lines.append([f"`{task}`, {what}", str(some["episodes"]), *map(_text, cells)])
    return markdown_table(dict.fromkeys(("task", "episodes", *columns), "<"), lines)


def _text(row: dict | None) -> str:
    if row is None:
        return "-"
    digits, scale = (1, 100) if row["is_success"] else (3, 1)
    return interval_text(row["interval"], digits, scale)


def main() -> None:
    """Runs the cells whose packages are installed and that the file does not hold yet; prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=64, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1000, help="(default: %(default)s)")
    parser.add_argument("--only", default="", help="tasks whose name contains this")
    parser.add_argument("--no-skills", action="store_true", help="without memory only")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("runs/explorers.json"), help="file of the rows"
    )
    options = parser.parse_args()
    rows = read_json(options.out)["rows"] if options.out.exists() else []
    done = {(row["task"], row["explorer"], row["use_skills"], row["agents"], row["seed"]) for row in rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for cell in tqdm(CELLS, disable=None, file=sys.stderr):
        known = (*dataclasses.astuple(cell), options.agents, options.seed) in done
        if options.only not in cell.task or known or (cell.use_skills and options.no_skills):
            continue
        try:
            rows.append(run_cell(cell, options.agents, TASKS[cell.task], options.seed))
        except ValueError as error:
            if not isinstance(error, MissingPackageError) and "a percept that keeps a map" not in str(error):
                raise
            print(f"{cell.task}, {cell.explorer}: left out: {error}", file=sys.stderr)
            continue
        write_json(options.out, {"rows": rows})
    print(table([row for row in rows if (row["agents"], row["seed"]) == (options.agents, options.seed)]))


if __name__ == "__main__":
    main()
