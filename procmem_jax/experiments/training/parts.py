"""Rows on their way to be whole parts: a part is a fixed number of rows, the same however they were run."""

import dataclasses
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.states import EpisodeMetrics, no_metrics
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.settings import LibraryConfig


@dataclasses.dataclass(frozen=True)
class Part:
    """Rows that are done.

    Attributes:
        number: of the part, from 0.
        rows: `[R]` int64, ascending.
        metrics: `[R, E]` in each field.
        libraries: `[R, N, ...]`, the final ones; None if they are not kept.
    """

    number: int
    rows: np.ndarray
    metrics: EpisodeMetrics
    libraries: SkillLibrary | None


class PartBuffer:
    """The rows of parts that are not whole yet."""

    def __init__(
        self,
        num_episodes: int,
        first_row: int,
        last_row: int,
        rows_per_part: int,
        library: LibraryConfig | None,
        *,
        has_success: bool = True,
    ):
        """Prepares for the rows `first_row` to `last_row` - 1.

        Args:
            num_episodes: E, of each row.
            first_row, last_row: those that are to come.
            rows_per_part: of a whole part.
            library: the settings of libraries to keep; None for none.
            has_success: whether the environment has success.
        """
        self._size, self._num_episodes, self._library = rows_per_part, num_episodes, library
        self._has_success = has_success
        self._first, self._last = first_row, last_row
        self._open: dict[int, tuple[dict[str, Any], np.ndarray]] = {}

    def add(self, rows: np.ndarray, metrics: EpisodeMetrics, libraries: SkillLibrary | None) -> list[Part]:
        """Takes over rows that are done, and returns the parts that they complete."""
        whole, given = [], {"metrics": metrics}
        if self._library is not None and libraries is not None:
            given["libraries"] = libraries
        for number in np.unique(rows // self._size).tolist():
            mine = rows // self._size == number
            bounds = self._bounds(number)
            gathered, done = self._opened(number)
            places = rows[mine] - bounds[0]
            for name, tree in given.items():
                put_rows(gathered[name], places, jax.tree.map(lambda column, mine=mine: column[mine], tree))
            done[places] = True
            if done.all():
                del self._open[number]
                whole.append(Part(number, np.arange(*bounds), gathered["metrics"], gathered.get("libraries")))
        return whole

    def _opened(self, number: int) -> tuple[dict[str, Any], np.ndarray]:
        if number not in self._open:
            count = self._bounds(number)[1] - self._bounds(number)[0]
            self._open[number] = (self.no_rows(count), np.zeros(count, np.bool_))
        return self._open[number]

    def metrics_so_far(self, number: int) -> EpisodeMetrics:
        """Returns the metrics of a part `[R, E]`, zeros where its rows are not done yet; they fill up as rows come."""
        return self._opened(number)[0]["metrics"]

    def no_rows(self, count: int) -> dict[str, Any]:
        """Returns `count` rows with nothing in them: `metrics`, and `libraries` if they are kept."""
        rows = {"metrics": no_metrics((count, self._num_episodes), self._has_success, np.zeros)}
        if self._library is not None:
            blank = jax.device_get(skill_library.empty(self._library))
            rows["libraries"] = jax.tree.map(lambda leaf: np.repeat(leaf[None], count, axis=0), blank)
        return rows

    def snapshot(self) -> dict[str, Any]:
        """Returns the gathered rows as arrays, `rows` `[M]`, `metrics` `[M, E]` and `libraries` `[M, N, ...]`."""
        ids, columns = [np.zeros(0, np.int64)], [self.no_rows(0)]
        for number, (gathered, done) in sorted(self._open.items()):
            ids.append(self._bounds(number)[0] + np.flatnonzero(done))
            columns.append(jax.tree.map(lambda column, d=done: column[d], gathered))
        return {"rows": np.concatenate(ids), **jax.tree.map(lambda *parts: np.concatenate(parts), *columns)}

    def _bounds(self, number: int) -> tuple[int, int]:
        return max(number * self._size, self._first), min((number + 1) * self._size, self._last)


def put_rows(target: Any, places: np.ndarray, source: Any) -> None:
    """Writes the rows of the arrays in `source` to `places` in those of `target`."""

    def put(column: np.ndarray, values: np.ndarray) -> None:
        column[places] = values

    jax.tree.map(put, target, source)
