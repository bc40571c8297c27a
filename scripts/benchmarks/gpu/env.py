"""Part `env`: environment steps under uniformly random actions, beside the installed peers."""

import functools
from collections.abc import Iterator

from benchmarks import peers
from benchmarks.environments import TASKS, grid
from benchmarks.measure import Contender, Options, measure

COLUMNS = ("name", "environments", "M steps/s", "compile_seconds")
BATCHES, QUICK_BATCHES = (2**10, 2**13, 2**16, 2**20), (64,)


def run(options: Options) -> Iterator[dict]:
    """Yields a row for each environment and number at once."""
    for batch in QUICK_BATCHES if options.quick else BATCHES:
        sizes = {"environments": batch}
        ours = [Contender(f"procmem {task}", sizes, functools.partial(grid, task, batch)) for task in TASKS]
        for row in measure([*ours, *peers.environment_contenders(batch)], options):
            yield {**row, "M steps/s": round(row["units_per_second"] / 1e6, 1)}
