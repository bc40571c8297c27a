"""Part `kernels`: what is launched in a tick, how long it works, and how long the card waits between kernels."""

import collections
from collections.abc import Callable, Iterator

import jax

from benchmarks.gpu.train import EPISODES, WARM_TICKS, make_lanes
from benchmarks.measure import Options, traced
from procmem_jax import make_experiment
from procmem_jax.experiments.training.lanes import CHUNK_TICKS
from procmem_jax.experiments.training.memory_need import tree_bytes

COLUMNS = ("task", "lanes", "what", "launches a tick", "us a tick", "share of the time")
CASES, QUICK_CASES = (("random-5", 64, 2**14), ("random-5", 64, 2**17)), (("random-5", 64, 32),)
NAMED = 12  # kernels told by name, those that take longest


def run(options: Options) -> Iterator[dict]:
    """Yields the sums of all kernels of a chunk of ticks, then those that take longest."""
    for task, capacity, width in QUICK_CASES if options.quick else CASES:
        lanes = make_lanes(make_experiment(task, overrides={"capacity": capacity}), width, EPISODES)
        state = lanes.advance(lanes.begin(), WARM_TICKS)
        jax.block_until_ready(state.agents)
        state_bytes = tree_bytes(state.agents)
        events = kernel_events(lambda: jax.block_until_ready(lanes.advance(state, CHUNK_TICKS).agents))  # noqa: B023
        about = {"task": task, "lanes": width}
        yield from (about | row for row in tell(events, CHUNK_TICKS))
        moved = 2 * state_bytes / 2**20
        yield about | {"what": f"the agents' state read and written once is {moved:.1f} MiB"}


def kernel_events(run: Callable[[], object]) -> list[tuple[str, float, float]]:
    """Returns (name, start, duration), in microseconds, of what ran on the card, in order of their starts."""
    found = traced(run, lambda plane, line: plane.startswith("/device:GPU") and line.startswith("Stream"))
    events = [(name, start / 1e3, duration / 1e3) for name, start, duration in found]
    return sorted(events, key=lambda event: event[1])


def tell(events: list[tuple[str, float, float]], ticks: int) -> Iterator[dict]:
    """Yields what ran, in a tick on average: all of it, the waiting between, and what takes longest."""
    if not events:
        yield {"what": "no kernels were recorded"}
        return
    whole = max(start + duration for _, start, duration in events) - events[0][1]
    busy, reached = 0.0, 0.0
    for _, start, duration in events:
        busy += max(0.0, start + duration - max(reached, start))
        reached = max(reached, start + duration)
    yield _row("all", len(events), whole, whole, ticks)
    yield _row("waiting", "", whole - busy, whole, ticks)
    longest = collections.Counter()
    for name, _, duration in events:
        longest[name] += duration
    counts = collections.Counter(name for name, *_ in events)
    for name, seconds in longest.most_common(NAMED):
        yield _row(name[:60], counts[name], seconds, whole, ticks)


def _row(what: str, count: int | str, microseconds: float, whole: float, ticks: int) -> dict:
    launches = round(count / ticks, 2) if count != "" else ""
    shares = {"us a tick": round(microseconds / ticks, 2), "share of the time": f"{microseconds / whole:.1%}"}
    return {"what": what, "launches a tick": launches, **shares}
