"""What a run leaves behind: tables, summaries, libraries."""

import dataclasses
import pathlib
from collections.abc import Mapping

import jax
import numpy as np
import pyarrow as pa

from procmem_jax.agents.states import ENDS, EpisodeMetrics
from procmem_jax.experiments.libraries.npz import read_npz
from procmem_jax.experiments.libraries.saved import libraries_of_arrays
from procmem_jax.experiments.statistics.headline import headline, headline_json
from procmem_jax.experiments.statistics.intervals import mean_interval, proportion_interval
from procmem_jax.experiments.storage.files import plain
from procmem_jax.experiments.storage.parquet import table_writer
from procmem_jax.experiments.training.train import TrainResult
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.settings import LibraryConfig

_ROWS_PER_GROUP = 1 << 20
EPISODE_SCHEMA = pa.schema(
    [
        ("agent", pa.uint32()),
        ("episode", pa.int32()),
        ("episode_return", pa.float32()),
        ("steps", pa.int32()),
        ("success", pa.bool_()),
        ("optimal_steps", pa.int32()),
        ("skills", pa.int32()),
        ("skill_uses", pa.int32()),
        ("skill_steps", pa.int32()),
        ("env_steps", pa.int64()),
        ("end", pa.string()),
    ]
)


def write_episodes(path: pathlib.Path, metrics: EpisodeMetrics, optimal: np.ndarray | None) -> None:
    """Writes one row per agent and episode, ordered by both, in the columns of `EPISODE_SCHEMA`.

    Args:
        path: of the Parquet file.
        metrics: `[A, E]` in each field; what is None there is null in the file.
        optimal: `[A, E]` int32, the fewest steps; None where unknown (null in the file).
    """
    num_agents, num_episodes = metrics.steps.shape
    agents_per_group = max(1, _ROWS_PER_GROUP // num_episodes)
    with table_writer(path, EPISODE_SCHEMA) as writer:
        for start in range(0, num_agents, agents_per_group):
            rows = slice(start, min(start + agents_per_group, num_agents))
            writer.write_table(_episode_table(metrics, optimal, rows))


def _episode_table(metrics: EpisodeMetrics, optimal: np.ndarray | None, rows: slice) -> pa.Table:
    part = jax.tree.map(lambda column: column[rows], metrics)
    count, num_episodes = part.steps.shape
    columns = {name: column.reshape(-1) for name, column in part.known().items()}
    columns["agent"] = np.repeat(np.arange(rows.start, rows.stop), num_episodes)
    columns["episode"] = np.tile(np.arange(num_episodes, dtype=np.int32), count)
    columns["env_steps"] = np.cumsum(part.steps, axis=1, dtype=np.int64).reshape(-1)
    if optimal is not None:
        columns["optimal_steps"] = optimal[rows].reshape(-1)
    return episode_columns(columns, EPISODE_SCHEMA)


def episode_columns(columns: Mapping[str, np.ndarray | pa.Array], schema: pa.Schema) -> pa.Table:
    """Returns a table of `schema` of these columns, `steps` among them; those that there are not are null.

    Of `end` the places in `ENDS` are given, and the words are in the table.
    """
    count = len(columns["steps"])
    found = {field.name: columns.get(field.name, pa.nulls(count, field.type)) for field in schema}
    if "end" in columns:
        found["end"] = pa.DictionaryArray.from_arrays(pa.array(columns["end"]), pa.array(ENDS)).cast(pa.string())
    return pa.table(found, schema=schema)


def summarize(result: TrainResult, optimal: np.ndarray | None, config: LibraryConfig) -> dict:
    """Returns the summary of a run, ready for JSON.

    `episodes` holds, for every metric, lists over episodes of its mean over agents and the 95% interval of that mean
    (null with a single agent, and where a value is not finite); `ends` how many agents each of `ENDS` ended an episode
    of, lists over episodes; `library` the same for the statistics of the final
    libraries, and `num_evictions`, the skills that full libraries gave up in all agents together; `headline` that of
    `statistics.headline`.
    """
    metrics = result.metrics
    columns = dataclasses.replace(metrics, end=None).known()
    columns["env_steps"] = np.cumsum(metrics.steps, axis=1, dtype=np.int64)
    if optimal is not None:
        columns["optimal_steps"] = optimal
    return {
        "num_agents": int(metrics.steps.shape[0]),
        "num_episodes": int(metrics.steps.shape[1]),
        "episodes": {name: _interval_lists(values) for name, values in columns.items()},
        "ends": {word: counts.tolist() for word, counts in count_ends(metrics, axis=0).items()},
        "headline": plain(headline_json(headline(metrics, optimal))),
        "library": _library_statistics(result.libraries, config),
        "run_seconds": result.run_seconds,
        "compile_seconds": result.compile_seconds,
        "agent_steps_per_second": result.agent_steps_per_second,
    }


def count_ends(metrics: EpisodeMetrics, axis: int) -> dict[str, np.ndarray]:
    """Returns by each of `ENDS` how many episodes of `metrics` (`[A, E]`) ended so, along `axis`; {} if unknown."""
    if metrics.end is None:
        return {}
    return {word: np.count_nonzero(metrics.end == place, axis=axis) for place, word in enumerate(ENDS)}


def told_infinite(metrics: EpisodeMetrics) -> list[str]:
    """Returns a line for every metric with values that are infinite or NaN, as a foreign world may give them."""
    lines = []
    for name, column in metrics.known().items():
        count = np.count_nonzero(~np.isfinite(column))
        if count:
            where = f"{name} is infinite or NaN in {count:,} of {metrics.steps.size:,} episodes"
            lines.append(f"{where}: JSON files hold null for its means, episodes.parquet all values as they are")
    return lines


def _library_statistics(libraries: SkillLibrary, config: LibraryConfig) -> dict:
    summarize_all = jax.jit(jax.vmap(lambda library: skill_library.summary(library, config)))
    summaries = jax.device_get(summarize_all(libraries))
    statistics = {
        field.name: {
            name: values[0] for name, values in _interval_lists(getattr(summaries, field.name)[:, None]).items()
        }
        for field in dataclasses.fields(summaries)
    }
    statistics["num_evictions"] = int(libraries.num_evictions.sum(dtype=np.int64))
    return statistics


def _interval_lists(values: np.ndarray) -> dict[str, list[float | None]]:
    """Returns lists over the second axis of `values` (`[A, E]`): mean, low and high; None for an unknown bound."""
    interval = proportion_interval if values.dtype == np.bool_ else mean_interval
    bounds = zip(("mean", "low", "high"), interval(values), strict=True)
    return {name: [float(value) if np.isfinite(value) else None for value in bound] for name, bound in bounds}


def read_libraries(path: pathlib.Path) -> SkillLibrary:
    """Returns the libraries of a run, `[A, N, ...]` NumPy arrays.

    Raises:
        ValueError: the file cannot be read or lacks a field.
    """
    _, arrays = read_npz(path)
    try:
        return libraries_of_arrays(arrays)
    except KeyError as error:
        raise ValueError(f"{path}: cannot be read as libraries ({error} is missing)") from None
