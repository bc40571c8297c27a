"""Other packages' worlds: the default memory against none, agent by agent, on fresh and on fixed layouts.

`peers_study.py helps` plays worlds in which a memory with settings made for each was known to help, with one setting
for all. What is done is kept in the file of results, and the same command goes on from there.
"""

import argparse
import dataclasses
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from procmem_jax import TrainResult, make_experiment, run_key, train
from procmem_jax.envs.foreign.peers import MissingPackageError
from procmem_jax.experiments.statistics.intervals import interval_of, mean_interval, paired_difference, resample_totals
from procmem_jax.experiments.statistics.learning import StepsOverOptimal, steps_over_optimal
from procmem_jax.experiments.storage.files import read_json, write_json
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.text_tables import interval_text, markdown_table

LAST = 20
BOOTSTRAP_SEED = 0


@dataclasses.dataclass(frozen=True)
class Cell:
    """A task, on a fresh layout in every episode or on one for each agent.

    Attributes:
        wanted: the success in % that was asked for, in those of `HELPS`.
    """

    task: str
    episodes: int
    same_start: bool = False
    wanted: float | None = None

    @property
    def name(self) -> str:
        """The task, and whether its layout is fixed."""
        return f"{self.task}{', fixed layout' if self.same_start else ''}"


CELLS = (
    Cell("xland:MiniGrid-DoorKey-5x5", 1000),
    Cell("xland:MiniGrid-DoorKey-5x5", 300, same_start=True),
    Cell("xland:MiniGrid-DoorKey-8x8", 1000),
    Cell("xland:MiniGrid-DoorKey-8x8", 300, same_start=True),
    Cell("xland:MiniGrid-Unlock", 300),
    Cell("gymnax:FourRooms-misc", 1000),
    Cell("navix:Navix-DoorKey-Random-5x5-v0", 1000),
    Cell("navix:Navix-DoorKey-Random-8x8-v0", 1000),
)
HELPS = (
    Cell("benchmarks.rewarded_worlds:frozen_lake", 300, wanted=99),
    Cell("benchmarks.rewarded_worlds:meta_maze", 300, wanted=65),
    Cell("benchmarks.rewarded_worlds:jumanji_maze", 300, wanted=40),
    Cell("xland:MiniGrid-UnlockPickUp@grid", 600, wanted=95),
    Cell("xland:MiniGrid-BlockedUnlockPickUp@grid", 600, wanted=80),
    Cell("xland:MiniGrid-FourRooms@grid", 600, wanted=95),
    Cell("xland:MiniGrid-LockedRoom@grid", 600, wanted=80),
    Cell("xland:MiniGrid-MemoryS8@grid", 300, wanted=90),
    Cell("xland:MiniGrid-DoorKey-8x8@grid", 600),  # at most 1.3 times the shortest way, in the mean
    Cell("navix:Navix-KeyCorridorS3R1-v0@grid", 600, wanted=95),
    Cell("navix:Navix-KeyCorridorS3R2-v0@grid", 600, wanted=90),
    Cell("navix:Navix-KeyCorridorS3R3-v0@grid", 600, wanted=80),
    Cell("navix:Navix-LavaGapS5-v0@grid", 600, wanted=98),
    Cell("navix:Navix-LavaGapS7-v0@grid", 600, wanted=95),
    Cell("navix:Navix-LavaCrossingS9N1-v0@grid", 600, wanted=80),
    Cell("navix:Navix-SimpleCrossingS9N1-v0@grid", 600, wanted=95),
    Cell("navix:Navix-DistShift1-v0@grid", 600, wanted=99),
    Cell("navix:Navix-GoToDoor-5x5-v0@grid", 600, wanted=90),
    Cell("navix:Navix-Fetch-5x5-N2-v0@grid", 600, wanted=95),
    Cell("navix:Navix-RedBlueDoors-6x6-v0@grid", 600, wanted=95),
    Cell("navix:Navix-MultiRoom-N2-S4-v0@grid", 600, wanted=95),
    Cell("navix:Navix-ObstructedMaze-1Dl-v0@grid", 600, wanted=80),
    Cell("navix:Navix-Dynamic-Obstacles-5x5-v0@grid", 600, wanted=60),
)


def run_cell(cell: Cell, agents: int, episodes: int, seed: int) -> dict:
    """Returns a row: success and steps over the last episodes without and with the memory, and their comparison."""
    arms = {}
    for use_skills in (False, True):
        overrides = {"same_start": True} if cell.same_start else {}
        config, params = make_experiment(cell.task, use_skills=use_skills, overrides=overrides)
        arms[use_skills] = train(run_key(seed), config, params, agents, episodes)
    without, with_memory = (_last(arms[side]) for side in (False, True))
    success = paired_difference(with_memory["success"], without["success"], seed=BOOTSTRAP_SEED)
    steps = np.stack([with_memory["steps"], without["steps"]], axis=1)
    totals = np.concatenate(list(resample_totals(steps, seed=BOOTSTRAP_SEED)))
    ratio = with_memory["steps"].mean() / without["steps"].mean()
    steps_ratio = interval_of(ratio, totals[:, 0] / totals[:, 1])
    row = {
        "wanted": cell.wanted,
        "success_without": _share_interval(without["success"]),
        "success_with": _share_interval(with_memory["success"]),
        "success_difference": dataclasses.astuple(success)[:3],
        "steps_with": _interval(with_memory["steps"]),
        "steps_ratio": dataclasses.astuple(steps_ratio)[:3],
        "skills": float(arms[True].metrics.skills[:, -1].mean()),
        "trapped": int(np.sum((with_memory["success"] == 0) & (without["success"] >= 0.5))),
    }
    if cell.task.startswith("xland:MiniGrid-DoorKey"):
        ratio = _over_optimal(config, params, arms[True], seed)
        row["steps_over_optimal"] = dataclasses.astuple(ratio.interquartile_mean)[:3]
        row["mean_steps_over_optimal"] = ratio.mean
    return row


def _last(result: TrainResult) -> dict[str, np.ndarray]:
    """Returns each agent's mean success and steps over the last episodes, `[A]` each."""
    metrics = result.metrics
    return {"success": metrics.success[:, -LAST:].mean(axis=1), "steps": metrics.steps[:, -LAST:].mean(axis=1)}


def _over_optimal(config, params, result: TrainResult, seed: int) -> StepsOverOptimal:
    """Returns the steps over those of shortest ways, over the last episodes."""
    from benchmarks.shortest_door_key import shortest_episodes

    num_agents, num_episodes = result.metrics.steps.shape
    episodes = jnp.arange(max(0, num_episodes - LAST), num_episodes, dtype=jnp.int32)
    agents = jnp.arange(num_agents, dtype=jnp.uint32)
    shortest = shortest_episodes(run_key(seed), config, params, agents, episodes)
    return steps_over_optimal(result.metrics.steps[:, -LAST:], shortest, seed=BOOTSTRAP_SEED)


def _interval(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(bound) for bound in mean_interval(values))


def _share_interval(values: np.ndarray) -> tuple[float, ...]:
    return tuple(min(max(bound, 0.0), 1.0) for bound in _interval(values))


def table(rows: list[dict]) -> str:
    """Returns the rows as a Markdown table."""
    columns = ("task", "success without, %", "with, %", "wanted", "steps with / without", "steps with")
    columns += ("over shortest, IQM (mean)", "skills", "trapped")
    return markdown_table(dict.fromkeys(columns, "<"), map(_cells, rows))


def _cells(row: dict) -> list[str]:
    optimal = "-"
    if "steps_over_optimal" in row:
        optimal = f"{interval_text(row['steps_over_optimal'], 2)} ({row['mean_steps_over_optimal']:.2f})"
    return [
        f"{row['cell']}, {row['episodes']} episodes",
        interval_text(row["success_without"], 1, 100),
        interval_text(row["success_with"], 1, 100),
        "-" if row.get("wanted") is None else f"{row['wanted']:g}",
        interval_text(row["steps_ratio"], 3),
        interval_text(row["steps_with"], 1),
        optimal,
        f"{row['skills']:.0f}",
        str(row["trapped"]),
    ]


def main() -> None:
    """Runs the cells whose packages are installed, prints a table and writes JSON."""
    if sys.argv[1:2] == ["registered"]:
        from benchmarks import registered

        registered.main(sys.argv[2:])
        return
    more = "`peers_study.py registered` goes through every environment that the packages register instead (--help)"
    parser = argparse.ArgumentParser(description=__doc__, epilog=more)
    parser.add_argument("cells", nargs="?", choices=("peers", "helps"), default="peers", help="which (default: peers)")
    parser.add_argument("--agents", type=int, default=128, help="of each side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1000, help="settings were tuned below 1000 (default: %(default)s)")
    parser.add_argument("--only", default="", help="cells whose name contains this")
    parser.add_argument("--quick", action="store_true", help="2 episodes each, to see that everything works")
    parser.add_argument("--out", type=pathlib.Path, help="by default runs/peers.json or runs/helps.json")
    options = parser.parse_args()
    listed = HELPS if options.cells == "helps" else CELLS
    out = options.out or pathlib.Path(f"runs/{options.cells}.json")
    rows = read_json(out)["rows"] if out.exists() else []
    for cell in tqdm([cell for cell in listed if options.only in cell.name], disable=None, file=sys.stderr):
        episodes = 2 if options.quick else cell.episodes
        this = {"cell": cell.name, "agents": options.agents, "episodes": episodes, "seed": options.seed}
        if any(this.items() <= row.items() for row in rows):
            continue
        try:
            rows.append(this | run_cell(cell, options.agents, episodes, options.seed))
        except (ImportError, MissingPackageError) as error:
            print(f"{cell.name}: left out, {error}", file=sys.stderr)
            continue
        out.parent.mkdir(parents=True, exist_ok=True)
        write_json(out, {"device": jax.devices()[0].device_kind, "versions": versions(), "rows": rows})
    print(table(rows))


if __name__ == "__main__":
    main()
