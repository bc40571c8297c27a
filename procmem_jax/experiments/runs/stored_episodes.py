"""The rows that a run has stored of one agent, and whether a replay meets them."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from procmem_jax.agents.states import ENDS, EpisodeMetrics
from procmem_jax.experiments.storage.parquet import open_table, read_table

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
        columns = read_columns(path, ("episode", *_COLUMNS), filters=[("agent", "==", agent)])
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None
    episodes = columns.pop("episode")
    if not np.array_equal(episodes, np.arange(num_episodes)):
        raise ValueError(
            f"{path}: holds {len(episodes)} episodes of agent {agent}, not each of its {num_episodes} once; run it "
            "again with --force"
        )
    return EpisodeMetrics(**columns)


def read_columns(path: pathlib.Path, names: Sequence[str], **options: Any) -> dict[str, np.ndarray | None]:
    """Returns columns of a table of episodes, `end` as places in `ENDS`; None for those that tell nothing.

    Args:
        path: of the file.
        names: of the columns; `end` may be missing.
        options: as for `read_table`.
    """
    there = [name for name in names if name != "end" or name in open_table(path).schema_arrow.names]
    table = read_table(path, columns=there, **options)
    columns = {name: None if table[name].null_count else table[name].to_numpy() for name in there}
    if columns.get("end") is not None:
        places = pc.index_in(table["end"], value_set=pa.array(ENDS)).fill_null(-1)
        columns["end"] = places.to_numpy().astype(np.int8)
    return {**dict.fromkeys(names), **columns}


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
    told = {name: [ENDS[each[row]] if name == "end" else each[row] for each in pair] for name, pair in pairs.items()}
    parts = [f"{name} {there} stored, {here} replayed" for name, (there, here) in told.items() if unlike[name][row]]
    return f"episode {first + row}: {', '.join(parts)}"
