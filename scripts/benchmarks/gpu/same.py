"""Part `same`: whether an agent's results are the same bits among few and many, and on the processor beside the GPU."""

from collections.abc import Iterator

import jax
import numpy as np

from benchmarks.measure import Options
from procmem_jax import make_experiment, run_key, train
from procmem_jax.experiments.training.trained import TrainResult

COLUMNS = ("task", "preset", "lanes", "device", "same as the first")
CASES = (("tutorial-6", "tutorial"), ("random-5", "default"), ("doorkey-8", "default"))
COMPARED, WIDTHS, QUICK_WIDTHS = 64, (64, 1000, 16384), (64, 80)
EPISODES, QUICK_EPISODES = 40, 3
SEED = 1000


def run(options: Options) -> Iterator[dict]:
    """Yields for every case and number of lanes whether the first 64 agents' rows and libraries are the same."""
    widths = QUICK_WIDTHS if options.quick else WIDTHS
    here, processor = jax.local_devices()[0], jax.local_devices(backend="cpu")[0]
    for task, preset in CASES[:1] if options.quick else CASES:
        first = None
        for width, device in [*((width, here) for width in widths), (COMPARED, processor)]:
            result = _train(task, preset, width, device, QUICK_EPISODES if options.quick else EPISODES)
            first = first or result
            difference = first_difference(first, result)
            row = {"task": task, "preset": preset, "lanes": width, "device": device.platform}
            yield {**row, "same as the first": difference or "yes"}


def _train(task: str, preset: str, width: int, device: jax.Device, episodes: int) -> TrainResult:
    config, params = make_experiment(task, preset)
    with jax.default_device(device):
        result = train(run_key(SEED), config, params, width, episodes, lanes=width, devices=[device])
    return jax.tree.map(lambda leaf: leaf[:COMPARED], result)


def first_difference(one: TrainResult, other: TrainResult) -> str | None:
    """Returns where two results first differ, by column and then by agent; None if they are equal bit for bit."""
    ours, theirs = (jax.tree_util.tree_leaves_with_path(result) for result in (one, other))
    for (path, here), (_, there) in zip(ours, theirs, strict=True):
        unequal = (here != there) & ~((here != here) & (there != there))
        if np.any(unequal):
            at = tuple(int(place) for place in np.argwhere(unequal)[0])
            return f"{jax.tree_util.keystr(path)}{list(at)}: {here[at]} and {there[at]}; {unequal.sum()} in all"
    return None
