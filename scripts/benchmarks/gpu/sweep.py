"""Part `sweep`: a million runs by the command, of which one row each is kept."""

import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks.measure import Options
from procmem_jax.experiments.storage.files import read_json

COLUMNS = ("runs", "seconds", "M agent steps/s", "peak GiB of the computer's memory")
RUNS, QUICK_RUNS, EPISODES = 1_000_000, 1000, 15


def run(options: Options) -> Iterator[dict]:
    """Yields one row.

    Raises:
        RuntimeError: the command failed.
    """
    runs = QUICK_RUNS if options.quick else RUNS
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "sweep"
        words = ["sweep", "--task", "tutorial-5", "--preset", "tutorial", "--seeds", str(runs), "--summary-only"]
        words += ["--episodes", str(EPISODES), "--out", str(out)]
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "procmem_jax", *words], capture_output=True, text=True)
        seconds = time.monotonic() - started
        if done.returncode:
            raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
        rate = read_json(out / "summary.json")["agent_steps_per_second"]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    row = {"runs": runs, "seconds": round(seconds, 1), "M agent steps/s": round(rate / 1e6, 2)}
    yield row | {"peak GiB of the computer's memory": round(peak, 2)}
