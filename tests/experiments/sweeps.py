"""A small sweep that several tests share: four settings, two programs, ten seeds."""

import functools

import jax
import pyarrow as pa

from procmem_jax.experiments.sweeps.sweep import make_sweep, sweep_tables

GRID = {"capacity": [8, 4], "merge_threshold": [0.5, 0.95]}
NUM_SEEDS, NUM_EPISODES, SEED = 10, 6, 7
OVERRIDES = {"step_budget": 40}


def small_sweep(**changes):
    what = {"grid": GRID, "num_seeds": NUM_SEEDS, "num_episodes": NUM_EPISODES, "seed": SEED, "overrides": OVERRIDES}
    return make_sweep("random-4", "tutorial", explorer="random", **(what | changes))


@functools.cache
def undisturbed():
    """The tables (episodes, runs) of the small sweep, in the order of their rows."""
    order = [(name, "ascending") for name in ("setting", "agent", "episode")]
    episodes, runs = zip(*sweep_tables(small_sweep(), lanes=16, devices=jax.devices()[:1]), strict=True)
    return pa.concat_tables(episodes).sort_by(order), pa.concat_tables(runs).sort_by(order[:2])
