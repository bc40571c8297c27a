"""Part `train`: ticks and whole training runs at ever more lanes, which tells how many a GPU should be given."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np

from benchmarks.measure import Options
from procmem_jax import make_experiment, run_key, train
from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments.training.lanes import CHUNK_TICKS, Lanes, Rows
from procmem_jax.experiments.training.memory_need import tree_bytes

COLUMNS = (
    "task",
    "preset",
    "capacity",
    "lanes",
    "us a tick",
    "M agent steps/s in ticks",
    "whole run, M agent steps/s",
) + ("compile_seconds", "bytes an agent")
CASES = (
    ("random-5", "default", 64),
    ("tutorial-5", "tutorial", None),
    ("random-8", "default", 128),
    ("doorkey-8", "default", 128),
)
WIDTHS, QUICK_WIDTHS = (2**10, 2**14, 2**16, 2**17, 2**18), (32,)
EPISODES, QUICK_EPISODES = 100, 3
WARM_TICKS = 512
MOST_RUNS = 2  # a run of the most lanes takes seconds
SEED = 0


def run(options: Options) -> Iterator[dict]:
    """Yields a row for each case and width; the programs of a case are compiled side by side, as cores allow."""
    widths = QUICK_WIDTHS if options.quick else WIDTHS
    episodes = QUICK_EPISODES if options.quick else EPISODES
    for task, preset, capacity in CASES[:1] if options.quick else CASES:
        experiment = make_experiment(task, preset, overrides={} if capacity is None else {"capacity": capacity})

        def prepare(width: int, experiment=experiment) -> Lanes:
            return make_lanes(experiment, width, episodes)

        alone = prepare(widths[0])  # its compile time is told, for that of the others is shared
        with ThreadPoolExecutor() as pool:
            lanes = [alone, *pool.map(prepare, widths[1:])]
        for number, width in enumerate(widths):
            row = {"task": task, "preset": preset, "capacity": experiment[0].library.capacity, "lanes": width}
            row |= {"compile_seconds": round(alone.compile_seconds, 1) if number == 0 else ""}
            row |= _time_ticks(lanes[number], width, options.repeats)
            yield row | _time_run(experiment, width, episodes, options.repeats)


def make_lanes(experiment: tuple[Config, Params], width: int, episodes: int) -> Lanes:
    """Returns compiled lanes for as many agents as lanes."""
    config, params = experiment
    return Lanes(run_key(SEED), config, Rows(np.arange(width), params), episodes, width)


def _time_ticks(lanes: Lanes, width: int, repeats: int) -> dict:
    state = jax.block_until_ready(lanes.advance(lanes.begin(), WARM_TICKS))
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        state = lanes.advance(state, CHUNK_TICKS)
        jax.block_until_ready(state.agents)
        seconds.append((time.perf_counter() - started) / CHUNK_TICKS)
    median = statistics.median(seconds)
    rate = width / median / 1e6
    bytes_each = tree_bytes(state.agents) // width
    return {
        **{"us a tick": round(median * 1e6, 1), "M agent steps/s in ticks": round(rate, 1)},
        **{"tick_seconds": seconds, "bytes an agent": bytes_each},
    }


def _time_run(experiment, width: int, episodes: int, repeats: int) -> dict:
    config, params = experiment
    rates = []
    for number in range(1 + min(repeats, MOST_RUNS)):
        result = train(run_key(SEED), config, params, width, episodes, lanes=width, devices=jax.local_devices()[:1])
        if number:  # the first also compiles what is compiled when first used
            rates.append(result.agent_steps_per_second)
    success = float(result.metrics.success[:, -20:].mean())
    median = round(statistics.median(rates) / 1e6, 2)
    return {"whole run, M agent steps/s": median, "run_rates": rates, "success of the last 20 episodes": success}
