"""What training gives: a pytree of results that tells of itself in few words, and can be kept as a run folder."""

import dataclasses
import html
import pathlib
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.statistics.headline import Bounds, headline, headline_lines
from procmem_jax.memory.library import SkillLibrary


@dataclasses.dataclass(frozen=True, eq=False)
class Origin:
    """The call of `train` that a result comes from.

    Attributes:
        key: the run key.
        config, params: of the run.
        first_agent: the global number of the first agent.
        warm: whether the agents started with libraries.
    """

    key: jax.Array
    config: Config
    params: Params
    first_agent: int
    warm: bool


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TrainResult:
    """What training gives; NumPy arrays.

    A pytree of `metrics` and `libraries`; two results are equal if these are, bit for bit, however long they took. What
    comes of a transformation (`jax.tree.map(lambda leaf: leaf[:8], result)`) no longer knows its origin.

    Attributes:
        metrics: `[A, E]` in each field.
        libraries: the final libraries, `[A, N, ...]`.
        compile_seconds: building the programs.
        run_seconds: all ticks and transfers, without compilation.
        origin: the call that it comes from, None if it is not as `train` returned it.
    """

    metrics: EpisodeMetrics
    libraries: SkillLibrary
    compile_seconds: float
    run_seconds: float
    origin: Origin | None = None

    @property
    def agent_steps_per_second(self) -> float:
        """Primitive steps of all agents per second of `run_seconds`."""
        return float(self.metrics.steps.sum(dtype=np.int64)) / self.run_seconds

    def summary(self) -> dict[str, Bounds | int]:
        """Returns the headline: success (returns where there is none), steps and, where the fewest are known, steps
        over these, as (mean, low, high) over agents with a 95% interval, of the last episodes and (`first_...`) of the
        first; see `statistics.headline`.
        """
        metrics, origin, optimal = self.metrics, self.origin, None
        if origin is not None:
            where = origin.key, origin.config, origin.params, *metrics.steps.shape
            optimal = optimal_steps(*where, first_agent=origin.first_agent)
        return headline(metrics, optimal)

    def save(self, folder: str | pathlib.Path, *, task: str | None = None, preset: str | None = None) -> pathlib.Path:
        """Returns the folder in which it writes the files that `procmem train` would; see `experiments.save_result`."""
        from procmem_jax import experiments  # what lies above training

        return experiments.save_result(self, folder, task=task, preset=preset)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, TrainResult):
            return NotImplemented
        (ours, tree), (theirs, other_tree) = jax.tree.flatten(self), jax.tree.flatten(other)
        return tree == other_tree and all(map(np.array_equal, ours, theirs))

    def __repr__(self) -> str:
        steps = self.metrics.steps if isinstance(self.metrics, EpisodeMetrics) else None
        if np.ndim(steps) != 2 or not isinstance(steps, (np.ndarray, jax.Array)):
            return "TrainResult(transformed)"  # what a transformation put in the place of arrays
        found = self._of_metrics()
        success = f"{100 * found['success'][0]:.1f}% success" if "success" in found else ""
        aim = success or f"return {found['episode_return'][0]:.2f}"
        last = f"{aim}, {found['steps'][0]:.1f} steps in the last {found['episodes']}"
        skills = f"{found['skills'][0]:.1f} skills an agent"
        took = f"{self.run_seconds:.1f} s running, {self.compile_seconds:.1f} s compiling"
        return f"TrainResult({steps.shape[0]:,} agents x {steps.shape[1]:,} episodes: {last}, {skills}; {took})"

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in headline_lines(self._of_metrics()))
        return f"<p>{html.escape(repr(self))}</p><ul>{lines}</ul>"

    def _of_metrics(self) -> dict[str, Bounds | int]:
        """Returns the headline without what must be computed anew."""
        return headline(self.metrics, None)


@dataclasses.dataclass(frozen=True, eq=False)
class _Seconds:
    """What a result carries beside its leaves: no reason for two trees to differ."""

    compiling: float
    running: float

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Seconds)

    def __hash__(self) -> int:
        return 0


jax.tree_util.register_pytree_with_keys(
    TrainResult,
    lambda result: (
        tuple((jax.tree_util.GetAttrKey(name), getattr(result, name)) for name in ("metrics", "libraries")),
        _Seconds(result.compile_seconds, result.run_seconds),
    ),
    lambda seconds, parts: TrainResult(*parts, seconds.compiling, seconds.running),
)
