"""The rows that a run has stored of one agent, and whether a replay meets them."""

import dataclasses
import pathlib

import numpy as np
import pyarrow as pa

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.storage.parquet import read_table

_COLUMNS = tuple(field.name for field in dataclasses.fields(EpisodeMetrics))


def read_agent_episodes(path: pathlib.Path, agent: int, num_episodes: int) -> EpisodeMetrics:
    """Returns the stored metrics of one agent, `[E]` NumPy arrays.

    Args:
        path: of a run's `episodes.parquet`.
        agent: its number.
        num_episodes: E, as the run's config says.

    Raises:
        ValueError: the file cannot be read, or does not hold every episode of the agent once.
    """
    try:
        table = read_table(path, columns=["episode", *_COLUMNS], filters=[("agent", "==", agent)])
        columns = {name: table[name].to_numpy() for name in ("episode", *_COLUMNS)}
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None
    episodes = columns.pop("episode")
    if not np.array_equal(episodes, np.arange(num_episodes)):
        raise ValueError(
            f"{path}: holds {len(episodes)} episodes of agent {agent}, not each of its {num_episodes} once; run it "
            "again with --force"
        )
    return EpisodeMetrics(**columns)


def first_difference(stored: EpisodeMetrics, replayed: EpisodeMetrics, first: int, last: int) -> str | None:
    """Returns where two rows of episodes first differ, in words; None if episodes `first` to `last` - 1 are equal.

    Args:
        stored, replayed: `[E]` in each field.
        first, last: episodes to look at.
    """
    episodes = slice(first, last)
    pairs = {name: (getattr(stored, name)[episodes], getattr(replayed, name)[episodes]) for name in _COLUMNS}
    unlike = {name: (there != here) & ~((there != there) & (here != here)) for name, (there, here) in pairs.items()}
    differs = np.any(list(unlike.values()), axis=0)
    if not differs.any():
        return None
    row = int(np.argmax(differs))
    parts = [f"{name} {there[row]} stored, {here[row]} replayed" for name, (there, here) in pairs.items()
             if unlike[name][row]]  # fmt: skip
    return f"episode {first + row}: {', '.join(parts)}"
