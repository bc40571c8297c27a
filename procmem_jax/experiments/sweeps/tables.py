"""The tables of a sweep: a row per episode, and a row of scores per run.

Both begin with the swept settings (by name), `setting` (their number, from 0), `seed` (that of the sweep) and `agent`.
"""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pyarrow as pa

from procmem_jax.agents.states import ENDS, EpisodeMetrics
from procmem_jax.experiments.runs.results import EPISODE_SCHEMA, count_ends, episode_columns
from procmem_jax.experiments.storage.parquet import read_table

LAST_EPISODES = 20
SCORES = ("success", "steps", "steps_over_optimal", "episode_return")  # means over the last episodes
_WHOLE_RUN = (("env_steps", pa.int64()), ("skills", pa.int32()), ("skill_uses", pa.int32()))
ENDED = tuple(f"ended_{word}" for word in ENDS)
_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def setting_schema(values: Mapping[str, Any]) -> pa.Schema:
    """Returns the columns that say which run a row is of; `values` are those of any one setting."""
    swept = [(name, _TYPES[type(value)]) for name, value in values.items()]
    return pa.schema([*swept, ("setting", pa.int32()), ("seed", pa.uint32()), ("agent", pa.uint32())])


def episode_schema(values: Mapping[str, Any]) -> pa.Schema:
    """Returns the columns of the table of episodes: the run's, then those of a training run's `episodes.parquet`."""
    rest = [field for field in EPISODE_SCHEMA if field.name != "agent"]
    return pa.schema([*setting_schema(values), *rest])


def run_schema(values: Mapping[str, Any]) -> pa.Schema:
    """Returns the columns of the table of runs: the run's, `SCORES` (float64), then what the whole run came to.

    Scores are means over the last 20 episodes, or all if there are fewer: the share of successes (NaN where there is no
    success), the primitive steps, these over the fewest possible (failures at their steps; NaN where unknown), and the
    episode return. `env_steps` counts all primitive steps; `skills` and `skill_uses` are as they were at the end, and
    `ended_terminated` and so on count the episodes that ended so (see `ENDS`).
    """
    ended = ((name, pa.int32()) for name in ENDED)
    return pa.schema([*setting_schema(values), *((name, pa.float64()) for name in SCORES), *_WHOLE_RUN, *ended])


def part_tables(
    rows: np.ndarray,
    metrics: EpisodeMetrics,
    optimal: np.ndarray | None,
    settings: Sequence[Mapping[str, Any]],
    num_seeds: int,
    seed: int,
    *,
    every: int = 1,
    summary_only: bool = False,
) -> tuple[pa.Table | None, pa.Table]:
    """Returns (table of episodes, None if `summary_only`; table of runs) of some rows of a sweep.

    Args:
        rows: `[R]` int64: row g * S + k is agent k in setting g.
        metrics: `[R, E]` in each field.
        optimal: `[R, E]` int32, the fewest steps; None where unknown (null in the tables).
        settings: the values of all G settings.
        num_seeds: S.
        seed: of the sweep.
        every: of every so many episodes the last is kept, and the last of all.
        summary_only: leaves the episodes out.
    """
    which = _setting_columns(rows, settings, num_seeds, seed)
    runs = pa.table({**which, **_scores(metrics, optimal)}, schema=run_schema(settings[0]))
    if summary_only:
        return None, runs
    num_episodes = metrics.steps.shape[1]
    kept = np.unique([*range(every - 1, num_episodes, every), num_episodes - 1])
    columns = metrics.known()
    if optimal is not None:
        columns["optimal_steps"] = optimal
    columns["env_steps"] = np.cumsum(metrics.steps, axis=1, dtype=np.int64)
    columns["episode"] = np.broadcast_to(np.arange(num_episodes, dtype=np.int32), metrics.steps.shape)
    repeated = {name: column.take(np.repeat(np.arange(len(rows)), len(kept))) for name, column in which.items()}
    flat = {name: column[:, kept].reshape(-1) for name, column in columns.items()}
    return episode_columns({**repeated, **flat}, episode_schema(settings[0])), runs


def _setting_columns(rows: np.ndarray, settings, num_seeds: int, seed: int) -> dict[str, pa.Array]:
    numbers = rows // num_seeds
    present = np.unique(numbers)
    places = np.searchsorted(present, numbers)
    schema, columns = setting_schema(settings[0]), {}
    for name in settings[0]:
        columns[name] = pa.array([settings[number][name] for number in present], schema.field(name).type).take(places)
    columns["setting"] = pa.array(numbers, pa.int32())
    columns["seed"] = pa.array(np.full(len(rows), seed), pa.uint32())
    columns["agent"] = pa.array(rows % num_seeds, pa.uint32())
    return columns


def _scores(metrics: EpisodeMetrics, optimal: np.ndarray | None) -> dict[str, np.ndarray]:
    last = jax.tree.map(lambda column: column[:, -LAST_EPISODES:].astype(np.float64), metrics)
    shortest = np.nan if optimal is None else optimal[:, -LAST_EPISODES:]
    return {
        "success": np.full(len(last.steps), np.nan) if last.success is None else _row_means(last.success),
        "steps": _row_means(last.steps),
        "steps_over_optimal": _row_means(last.steps / shortest),
        "episode_return": _row_means(last.episode_return),
        "env_steps": metrics.steps.sum(axis=1, dtype=np.int64),
        "skills": metrics.skills[:, -1],
        "skill_uses": metrics.skill_uses[:, -1],
        **{f"ended_{word}": counts for word, counts in count_ends(metrics, axis=1).items()},
    }


def _row_means(values: np.ndarray) -> np.ndarray:
    """Returns the means of rows (`[R, W]`), added from left to right whatever the number of rows."""
    total = np.zeros(len(values))
    with np.errstate(invalid="ignore"):
        for column in values.T:
            total += column
    return total / values.shape[1]


def read_runs(parts: pathlib.Path) -> pa.Table:
    """Returns the runs of a whole sweep, in their order, from the folder of its parts.

    Raises:
        ValueError: there are none, or a file cannot be read.
    """
    paths = sorted(parts.glob("runs-*.parquet"))
    if not paths:
        raise ValueError(f"{parts} holds no runs; give the folder of a finished sweep")
    try:
        return pa.concat_tables([read_table(path) for path in paths])
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{parts}: cannot be read as the parts of a sweep ({error})") from None
