"""Agents in groups that share one library while they learn, against agents on their own, at equal steps of each."""

import argparse
import dataclasses
import sys

import numpy as np
from tqdm import tqdm

from procmem_jax import make_experiment, run_key, train
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.statistics.intervals import mean_interval
from procmem_jax.experiments.statistics.learning import steps_to_success_interval
from procmem_jax.experiments.text_tables import interval_text, markdown_table

FIRST, LAST = 40, 20
COLUMNS = (
    "world, episodes",
    "group of",
    f"first {FIRST}: success, %",
    f"first {FIRST}: steps / shortest",
    f"last {LAST}: success, %",
    f"last {LAST}: steps / shortest",
    "steps of an agent to 90% success",
    "successes of an agent in its first",
)


@dataclasses.dataclass(frozen=True)
class World:
    """A task, for how many episodes, and a number of steps in which an agent's successes are counted.

    Where the shortest way is unknown, steps are told; where success is, a return above 0 is one.
    """

    name: str
    episodes: int
    budget: int


WORLDS = (
    World("random-8", 200, 2000),
    World("doorkey-8", 400, 4000),
    World("gymnax:FourRooms-misc", 200, 4000),
)


def row_of(world: World, size: int, agents: int, episodes: int, seed: int) -> list[str]:
    """Returns a row: means of groups, and 95% intervals over groups (agents on their own are groups of one)."""
    config, params = make_experiment(world.name, overrides={"group_size": size})
    metrics = train(run_key(seed), config, params, agents, episodes).metrics
    success = metrics.episode_return > 0 if metrics.success is None else metrics.success
    optimal = optimal_steps(run_key(seed), config, params, agents, episodes)
    lengths = metrics.steps / (1 if optimal is None else optimal)
    total = np.cumsum(metrics.steps, axis=1, dtype=np.int64)

    def of_groups(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, size, *values.shape[1:]).mean(axis=1, dtype=np.float64)

    def cells(part: slice) -> list[str]:
        succeeded, taken = (mean_interval(of_groups(values[:, part]).mean(axis=1)) for values in (success, lengths))
        return [interval_text(np.clip(succeeded, 0.0, 1.0), 1, 100.0), interval_text(taken, 2)]

    window = min(LAST, episodes)
    learned = steps_to_success_interval(of_groups(success), of_groups(total), seed=0, window=window)
    within = mean_interval(of_groups((success & (total <= world.budget)).sum(axis=1)))
    steps = interval_text((learned.value, learned.low, learned.high), 0)
    counted = f"{world.budget:,} steps: {interval_text(within, 1)}"
    name = "" if size > 1 else f"{world.name}, {episodes}"
    return [name, str(size), *cells(slice(FIRST)), *cells(slice(-LAST, None)), steps, counted]


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=64, help="of each row (default: %(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 8], help="of groups (default: 1 8)")
    parser.add_argument("--seed", type=int, default=1000, help="settings were tuned below 1000 (default: %(default)s)")
    parser.add_argument("--only", default="", help="worlds whose name contains this")
    parser.add_argument("--quick", action="store_true", help="2 episodes each, to see that everything works")
    options = parser.parse_args()
    cells = [(world, size) for world in WORLDS if options.only in world.name for size in options.sizes]
    rows = []
    for world, size in tqdm(cells, disable=None, file=sys.stderr):
        rows.append(row_of(world, size, options.agents, 2 if options.quick else world.episodes, options.seed))
        print(rows[-1], file=sys.stderr, flush=True)
    print(markdown_table(dict.fromkeys(COLUMNS, "<"), rows))


if __name__ == "__main__":
    main()
