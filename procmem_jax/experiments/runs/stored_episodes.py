"""The rows that a run has stored of one agent, and whether a replay meets them."""

import dataclasses
import pathlib

import numpy as np
import pyarrow as pa

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.storage.parquet import read_table

_COLUMNS = tuple(field.name for field in dataclasses.fields(EpisodeMetrics))


def read_agent_episodes(path: pathlib.Path, agent: int, num_episodes: int) -> EpisodeMetrics:
    """Returns the stored metrics of one agent, `[E]` NumPy arrays; None for a column without values.

    Args:
        path: of a run's `episodes.parquet`.
        agent: its number.
        num_episodes: E, as the run's config says.

    Raises:
        ValueError: the file cannot be read, or does not hold every episode of the agent once.
    """
    try:
        table = read_table(path, columns=["episode", *_COLUMNS], filters=[("agent", "==", agent)])
        columns = {name: metric_column(table, name) for name in ("episode", *_COLUMNS)}
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None
    episodes = columns.pop("episode")
    if not np.array_equal(episodes, np.arange(num_episodes)):
        raise ValueError(
            f"{path}: holds {len(episodes)} episodes of agent {agent}, not each of its {num_episodes} once; run it "
            "again with --force"
        )
    return EpisodeMetrics(**columns)


def metric_column(table: pa.Table, name: str) -> np.ndarray | None:
    """Returns a column of a table of episodes, None if all its values are null."""
    return None if table[name].null_count else table[name].to_numpy()


def first_difference(stored: EpisodeMetrics, replayed: EpisodeMetrics, first: int, last: int) -> str | None:
    """Returns where two rows of episodes first differ, in words; None if episodes `first` to `last` - 1 are equal.

    What only one of them knows is not compared.

    Args:
        stored, replayed: `[E]` in each field.
        first, last: episodes to look at.
    """
    episodes = slice(first, last)
    there, here = stored.known(), replayed.known()
    pairs = {name: (there[name][episodes], here[name][episodes]) for name in there if name in here}
    unlike = {name: (there != here) & ~((there != there) & (here != here)) for name, (there, here) in pairs.items()}
    differs = np.any(list(unlike.values()), axis=0)
    if not differs.any():
        return None
    row = int(np.argmax(differs))
    parts = [f"{name} {there[row]} stored, {here[row]} replayed" for name, (there, here) in pairs.items()
             if unlike[name][row]]  # fmt: skip
    return f"episode {first + row}: {', '.join(parts)}"
