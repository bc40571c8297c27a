"""What a sweep would cost, from a trial of its first setting."""

import dataclasses
import time
from collections.abc import Sequence

import jax
import numpy as np

from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.sweeps.spec import SweepSpec, SweptSetting
from procmem_jax.experiments.sweeps.sweep import lanes_of_sweep, sweep_host_bytes
from procmem_jax.experiments.training.lanes import CHUNK_TICKS, Lanes, Rows, lane_width, usable_devices
from procmem_jax.experiments.training.memory_need import device_bytes
from procmem_jax.streams import run_key

_TRIAL_SECONDS = 1.0
_TRIAL_AGENTS, _TRIAL_EPISODES = 64, 8  # whose shortest paths are averaged


@dataclasses.dataclass(frozen=True)
class SweepPlan:
    """What a sweep would cost.

    Attributes:
        runs: settings times seeds.
        settings, programs: how many; a program is compiled for each combination of static settings.
        lanes: runs at once.
        device_bytes, host_bytes: estimated.
        steps_per_second: agent steps of all lanes together, in the trial.
        compile_seconds: of one program.
        fewest_seconds, most_seconds: of the runs, if every episode took its shortest path, and if none ended before
            its limit.
    """

    runs: int
    settings: int
    programs: int
    lanes: int
    device_bytes: int
    host_bytes: int
    steps_per_second: float
    compile_seconds: float
    fewest_seconds: float
    most_seconds: float


def plan_sweep(spec: SweepSpec, lanes: int | None, devices: Sequence[jax.Device]) -> SweepPlan:
    """Returns the plan of a sweep, after a trial of a few seconds.

    Raises:
        TypeError, ValueError: the sweep is impossible.
    """
    lanes = lanes_of_sweep(spec, lanes, devices)
    first = spec.settings[0]
    rate, compile_seconds, width = _try(spec, first, lanes, devices)
    trial = min(_TRIAL_AGENTS, spec.num_seeds), min(_TRIAL_EPISODES, spec.num_episodes)
    optimal = optimal_steps(run_key(spec.seed), first.config, first.params, *trial)
    shortest = 1.0 if optimal is None else float(optimal.mean())
    limit = first.config.environment.time_limit(first.params.environment)
    longest = max(int(limit), int(first.params.step_budget))
    episodes = spec.num_rows * spec.num_episodes
    return SweepPlan(
        runs=spec.num_rows,
        settings=len(spec.settings),
        programs=spec.num_programs,
        lanes=width,
        device_bytes=device_bytes(first.config, first.params, width, spec.num_episodes),
        host_bytes=sweep_host_bytes(spec.num_rows, spec.num_episodes),
        steps_per_second=rate,
        compile_seconds=compile_seconds,
        fewest_seconds=episodes * min(shortest, longest) / rate,
        most_seconds=episodes * longest / rate,
    )


def _try(spec: SweepSpec, setting: SweptSetting, lanes: int, devices: Sequence[jax.Device]) -> tuple[float, float, int]:
    """Returns (agent steps per second, seconds to compile, lanes), all lanes busy."""
    width = lane_width(spec.num_rows, lanes)
    rows = Rows(np.arange(width, dtype=np.int64), setting.params)
    work = Lanes(run_key(spec.seed), setting.config, rows, spec.num_episodes, width, usable_devices(devices, width))
    state = jax.block_until_ready(work.advance(work.begin(), CHUNK_TICKS).agents)
    del state
    state, ticks, started = work.begin(), 0, time.perf_counter()
    while time.perf_counter() - started < _TRIAL_SECONDS:
        state = work.advance(state, CHUNK_TICKS)
        jax.block_until_ready(state.agents)
        ticks += CHUNK_TICKS
    return width * ticks / (time.perf_counter() - started), work.compile_seconds, width
