"""Random play in an environment, and what it gives reason to say."""

import dataclasses
import time
from typing import Any

import jax
import numpy as np

from procmem_jax.envs.foreign.probes.findings import Report, worst_first
from procmem_jax.envs.foreign.probes.judged import judged
from procmem_jax.envs.foreign.probes.play import Played, play, play_at_speed
from procmem_jax.envs.foreign.probes.seen import look_at
from procmem_jax.envs.protocol import Environment

_MANY_LANES = 64


def check_by_play(environment: Environment, params: Any) -> Report:
    """Returns what a few hundred random steps show of an environment, ours or a foreign one."""
    report = look_for_faults(environment, params)
    return dataclasses.replace(report, steps_per_second=_speed(environment, params))


def look_for_faults(environment: Environment, params: Any) -> Report:
    """Returns the report without steps per second."""
    look = look_at(environment, params)
    seen = jax.tree.map(np.asarray, play(environment, params, look))
    findings = worst_first(list(judged(seen, look.watched, environment)))
    return Report(findings, seen["start"].size, int(seen["ended"].sum()))


@dataclasses.dataclass(frozen=True)
class _Needed:
    """Shows so much of a step that no part of it can be left out."""

    environment: Environment

    def __call__(self, played: Played, params: Any) -> tuple[jax.Array, jax.Array]:
        return played.reward, self.environment.perceive_state(played.after, params).fingerprint


def _speed(environment: Environment, params: Any) -> float:
    seconds, needed = [], _Needed(environment)
    for _ in range(3):  # the first compiles
        began = time.perf_counter()
        rewards, _ = jax.block_until_ready(play_at_speed(environment, params, needed, num_lanes=_MANY_LANES))
        seconds.append(time.perf_counter() - began)
    return rewards.size / min(seconds)
