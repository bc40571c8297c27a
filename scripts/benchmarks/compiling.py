"""Suite `compile`: how long programs take to compile, and commands to their first result, cold and warm."""

import functools
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import jax

from benchmarks.measure import Built, Contender, Options, measure, ratio
from procmem_jax import make_experiment
from procmem_jax.experiments.training.lane_programs import build_programs, room_for
from procmem_jax.experiments.training.lanes import usable_devices
from procmem_jax.experiments.training.memory_need import suiting_lanes
from procmem_jax.experiments.training.runtime import use_all_cores
from procmem_jax.records import as_arrays, shapes_of

COLUMNS = ("name",)
UNIT = "programs or commands"
EXPERIMENTS = (
    ("tutorial-5", "tutorial"),
    ("random-5", "default"),
    ("random-8", "default"),
    ("doorkey-8", "default"),
    ("random-8", "q-learning"),
)
EPISODES = 100
QUICK_ARGUMENTS = ("--agents", "16", "--episodes", "2")
COLD_LIMIT, WARM_LIMIT = 10.0, 4.0  # seconds


def compile_programs(task: str, preset: str) -> Built:
    """Returns the compilation of all that training runs through."""
    config, params = make_experiment(task, preset)
    shapes = shapes_of(as_arrays(params))

    def run() -> tuple[float, float]:
        build_programs.cache_clear()
        jax.clear_caches()
        lanes = suiting_lanes(config, params, EPISODES)
        started = time.perf_counter()
        devices = tuple(usable_devices(jax.local_devices(), lanes))
        build_programs(config, shapes, lanes, room_for(EPISODES), False, devices)
        return 1, time.perf_counter() - started

    return Built(run)


def command(arguments: Sequence[str], keeps_programs: bool, whole: bool) -> Built:
    """Returns `procmem train` as a process of its own, timed to its first line of results, or to its end if `whole`.

    With `keeps_programs` it has a compilation cache, which the run that does not count fills.
    """
    cache = tempfile.TemporaryDirectory()
    kept = ("--compilation-cache", cache.name) if keeps_programs else ()

    def run(cache=cache) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            words = [sys.executable, "-P", "-u", "-m", "procmem_jax", "train", "--out", f"{folder}/run", "--quiet"]
            started = time.perf_counter()
            with subprocess.Popen([*words, *kept, *arguments], stdout=subprocess.PIPE, text=True) as process:
                process.stdout.readline()
                seconds = time.perf_counter() - started
                process.stdout.read()
            if process.returncode:
                raise RuntimeError(f"procmem train ended with status {process.returncode}")
            return 1, time.perf_counter() - started if whole else seconds

    return Built(run)


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios)."""
    arguments = QUICK_ARGUMENTS if options.quick else ()
    rows = measure(
        [
            Contender(
                f"procmem train, {'warm' if keeps_programs else 'cold'}, {'whole' if whole else 'first result'}",
                {},
                functools.partial(command, arguments, keeps_programs, whole),
            )
            for whole in (False, True)
            for keeps_programs in (False, True)
        ],
        options,
    )
    use_all_cores()
    experiments = EXPERIMENTS[:1] if options.quick else EXPERIMENTS
    programs = [
        Contender(f"compile {preset} on {task}", {}, functools.partial(compile_programs, task, preset))
        for task, preset in experiments
    ]
    ratios = [
        ratio(f"{row['name']}: {limit:g} s over its time", row, {"unit_seconds": [limit] * options.repeats}, 1)
        for row, limit in zip(rows[:2], (COLD_LIMIT, WARM_LIMIT), strict=True)
    ]
    return [*rows, *measure(programs, options)], ratios
