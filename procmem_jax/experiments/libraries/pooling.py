"""The skills of many libraries as rows of one pool, and those that are copies of each other joined."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np

from procmem_jax.experiments.libraries.saved import LIBRARY_NUMBERS, SavedLibraries
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.library import SkillLibrary, with_reach
from procmem_jax.memory.settings import LibraryConfig

_ADDED = ("use_counts", "success_counts", "failure_counts", "merge_counts")
_WHAT_IT_IS = ("pre_mask", "pre_value", "post_mask", "post_value", "labels", "lengths", "actions")
_LARGEST_COUNT = 2**31 - 1


def rows_of(sources: Sequence[SavedLibraries], config: LibraryConfig) -> SkillLibrary:
    """Returns all skills of all agents, `[M, ...]`, by one clock: each as long ago as it is by its own library's.

    None has an id: all are 0.
    """
    clock = max(int(source.libraries.clock.max()) for source in sources)
    parts = []
    for source in sources:
        libraries = jax.device_get(with_reach(source.libraries, config.keeps_reach))
        used = libraries.used
        later = np.broadcast_to((clock - libraries.clock)[:, None], used.shape)[used]
        rows = jax.tree.map(lambda array, used=used: array[used] if array.ndim > 1 else array[0], libraries)
        parts.append(dataclasses.replace(rows, created=rows.created + later, last_used=rows.last_used + later))
    numbers = dict.fromkeys(LIBRARY_NUMBERS, np.zeros((), np.int32)) | {"clock": np.asarray(clock, np.int32)}
    whole = jax.tree.map(lambda *columns: np.concatenate([np.atleast_1d(column) for column in columns]), *parts)
    changes = {"actions": whole.actions.astype(config.action_dtype), "skill_ids": np.zeros_like(whole.skill_ids)}
    return dataclasses.replace(whole, **changes, **numbers)


def take_rows(rows: SkillLibrary, places: np.ndarray | list[int]) -> SkillLibrary:
    """Returns the rows at `places`."""
    return jax.tree.map(lambda column: column[places] if column.ndim else column, rows)


def rates_of(rows: SkillLibrary, config: LibraryConfig) -> np.ndarray:
    """Returns what `success_rates` does, `[M]` float64, without a program for each number of rows; never 0."""
    successes, failures = (column.astype(np.float64) for column in (rows.success_counts, rows.failure_counts))
    if config.counting == "tutorial":
        return np.maximum(successes / np.maximum(rows.use_counts, 1), 1e-6)
    return (successes + 1.0) / (successes + failures + 2.0)


def expected_costs(rows: SkillLibrary, config: LibraryConfig, params: DefaultMemoryParams) -> np.ndarray:
    """Returns what each skill is expected to cost in its own situation, `[M]` float64, in steps; inf of the retired."""
    rates = rates_of(rows, config)
    return np.where(rates >= float(params.retire_rate), rows.lengths / rates, np.inf)


def best_first(expected: np.ndarray) -> np.ndarray:
    """Returns the rows from the least cost on, ties in their order."""
    return np.argsort(expected, kind="stable")


def join_equal(rows: SkillLibrary, config: LibraryConfig, params: DefaultMemoryParams) -> SkillLibrary:
    """Returns the rows with one for all that are the same to the bit, sorted by what they are."""
    texts = _bytes_of([*(getattr(rows, name) for name in _WHAT_IT_IS), rows.embeddings + np.float32(0.0)])
    return _join(rows, np.unique(texts, return_inverse=True)[1], config, params)


def join_near(rows: SkillLibrary, config: LibraryConfig, params: DefaultMemoryParams, threshold: float) -> SkillLibrary:
    """Returns the rows with one for all that do the same in situations whose cosine is above `threshold`.

    Each of them is so near to the best of them; in a chain of near ones the ends may stay apart.
    """
    embeddings = rows.embeddings.astype(np.float64)
    leaders: dict[bytes, list[int]] = {}
    texts = _bytes_of([getattr(rows, name) for name in _WHAT_IT_IS])
    group = np.arange(len(texts))
    for row in best_first(expected_costs(rows, config, params)).tolist():
        others = leaders.setdefault(bytes(texts[row]), [])
        near = embeddings[others] @ embeddings[row] > threshold
        if near.any():
            group[row] = others[int(np.argmax(near))]
        else:
            others.append(row)
    return _join(rows, np.unique(group, return_inverse=True)[1], config, params)


def _bytes_of(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Returns the rows of all columns as one `[M]` array of bytes, which can be sorted and compared."""
    flat = [np.ascontiguousarray(column).reshape(len(column), -1) for column in columns]
    whole = np.concatenate([part.view(np.uint8).reshape(len(part), -1) for part in flat], axis=1)
    return np.ascontiguousarray(whole).view(np.dtype((np.void, whole.shape[1])))[:, 0]


def _join(rows: SkillLibrary, group: np.ndarray, config: LibraryConfig, params: DefaultMemoryParams) -> SkillLibrary:
    """Returns one row for each group: the best of it, with the counts of all, in the order of the groups' numbers.

    There is one row at least.
    """
    # Every column decides, so that rows which tie are the same and their order does not matter.
    columns = [column for name, column in rows.known().items() if name not in (*LIBRARY_NUMBERS, *_WHAT_IT_IS)]
    ties = [column for array in columns for column in np.asarray(array).reshape(len(group), -1).T]
    order = np.lexsort((*ties, -rows.success_counts.astype(np.int64), expected_costs(rows, config, params), group))
    rows, group = take_rows(rows, order), group[order]
    firsts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sums = {name: np.add.reduceat(getattr(rows, name).astype(np.int64), firsts) for name in _ADDED}
    sums["merge_counts"] += np.diff(np.r_[firsts, len(group)]) - 1  # a copy is one more time that it was learned
    counts = {name: np.minimum(column, _LARGEST_COUNT).astype(np.int32) for name, column in sums.items()}
    last_used = np.maximum.reduceat(rows.last_used, firsts)
    reach = None if rows.reach is None else np.minimum.reduceat(rows.reach, firsts)  # whatever any of them learned of
    return dataclasses.replace(take_rows(rows, firsts), **counts, last_used=last_used, reach=reach)
