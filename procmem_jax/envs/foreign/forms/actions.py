"""Actions as numbers: what an action space says, several discrete actions as one, a table of continuous ones."""

import dataclasses
import itertools
import math
import operator
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.forms.by_content import ByContent
from procmem_jax.records import canonical_dtype

MOST_ACTIONS = 2**15 - 1


@dataclasses.dataclass(frozen=True)
class TabledActions:
    """A `RawEnvironment` whose actions are the rows of a table; all else is as the environment has it.

    Attributes:
        env: the environment.
        table: holds a pytree of `[A, ...]` arrays, an action a row.
        numbers: of the rows among all actions of the environment; None where the table holds them all, or what they
            are numbered by is unknown.
    """

    env: Any
    table: ByContent
    numbers: tuple[int, ...] | None = None

    never_resets = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.env, name)

    @property
    def num_actions(self) -> int:
        """A."""
        return len(jax.tree.leaves(self.table.value)[0])

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        return self.env.reset(key, params)

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info)."""
        row = jax.tree.map(lambda column: jnp.asarray(column)[action], self.table.value)
        return self.env.step(key, state, row, params)

    def legal_actions(self, obs: Any, state: Any, params: Any) -> jax.Array | None:
        """Returns which rows are legal, `[A]` bool; None where the environment does not tell."""
        tells = getattr(self.env, "legal_actions", None)
        legal = None if tells is None else tells(obs, state, params)
        return legal if legal is None or self.numbers is None else legal[np.array(self.numbers)]


def number_actions(env: Any, space: Any, actions: Any = None) -> tuple[Any, tuple[str, ...] | None]:
    """Returns (`env` with the actions 0, 1, ..., their names); names None where nothing tells how many there are.

    Args:
        env: a `RawEnvironment`.
        space: of its actions: a Discrete, a MultiDiscrete, or a tuple or dict of these, flattened with the last one
            fastest; None where the environment has none.
        actions: the actions to choose from, a table `[A, ...]` or a pytree of such, in the place of all.

    Raises:
        ValueError: the space is continuous or unknown and there is no table, the actions are too many, or the table
            does not fit.
    """
    if actions is not None:
        table, counts = _fit_table(actions, space), _counts(space)
        if counts is None or counts.ndim:
            return _with_table(env, table)
        return _with_table(env, table, tuple((table - getattr(space, "start", 0)).tolist()))
    count = getattr(env, "num_actions", None) if space is None else getattr(space, "n", None)
    if count is not None and not callable(count) and int(getattr(space, "start", 0)) == 0:
        return env, tuple(f"action_{number}" for number in range(int(count)))
    if space is None:
        return env, None
    total = math.prod(len(values) for values in _values(space))
    if total > MOST_ACTIONS:
        raise ValueError(f"{_kind(space)}: {total:,} combinations of actions, above {MOST_ACTIONS:,}; {_TABLE}")
    return _with_table(env, _combinations(space))


_TABLE = "give actions=, a table [A, ...] of those to choose from"


def _with_table(env: Any, table: Any, numbers: Any = None) -> tuple[TabledActions, tuple[str, ...]]:
    rows = len(jax.tree.leaves(table)[0])
    names = tuple(_name(jax.tree.map(operator.itemgetter(row), table)) for row in range(rows))
    if len(set(names)) < rows:
        names = tuple(f"action_{row}" for row in range(rows))
    return TabledActions(env, ByContent(table), numbers), names


def _name(action: Any) -> str:
    if isinstance(action, Mapping):
        return ", ".join(f"{key}={_name(value)}" for key, value in action.items())
    parts = [f"{number:g}" for leaf in jax.tree.leaves(action) for number in np.ravel(leaf).tolist()]
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def _fit_table(actions: Any, space: Any) -> Any:
    """Returns the table with the shape and dtype of an action, if the space tells them."""
    lists = list if hasattr(space, "spaces") else (list, tuple)
    table = jax.tree.map(lambda part: _strict(np.asarray(part)), actions, is_leaf=lambda part: isinstance(part, lists))
    lengths = {np.shape(column)[:1] for column in jax.tree.leaves(table)}
    if len(lengths) != 1 or () in lengths:
        raise ValueError("actions= is no table; give an array [A, ...], an action a row, or a dict of such arrays")
    low, high, shape = _bounds(space)
    if not isinstance(table, np.ndarray) or shape is None:
        return table
    if math.prod(table.shape[1:]) != math.prod(shape):
        raise ValueError(f"actions= has rows of shape {table.shape[1:]}, the space is {_kind(space)}; give {shape}")
    table = table.reshape(-1, *shape)
    if not np.all((table >= low) & (table <= high)):
        raise ValueError(f"actions= has values outside of {_kind(space)}; keep to its bounds")
    return _strict(table.astype(getattr(space, "dtype", None) or table.dtype))


def _bounds(space: Any) -> tuple[Any, Any, tuple[int, ...] | None]:
    """Returns (lowest, highest, shape) of a Box, a Discrete or a MultiDiscrete; shape None for others."""
    counts = _counts(space)
    if counts is not None:
        start = np.asarray(getattr(space, "start", 0))
        return start, start + counts - 1, counts.shape
    if _is_box(space):
        return np.asarray(space.low), np.asarray(space.high), tuple(space.shape)
    return None, None, None


def _strict(table: np.ndarray) -> np.ndarray:
    """Returns an array in a dtype that jax has."""
    return table.astype(canonical_dtype(table))


def _combinations(space: Any) -> Any:
    """Returns all actions of a space as a table, the last part fastest."""
    rows = np.array(list(itertools.product(*_values(space))), np.int32)
    return _assemble(space, iter(rows.T))


def _values(space: Any) -> list[range]:
    """Returns the values of every discrete part of a space, in the order in which `_assemble` takes them."""
    children = _children(space)
    if children is not None:
        return [values for child in children for values in _values(child)]
    counts = _counts(space)
    if counts is None:
        what = "continuous (Box)" if _is_box(space) else "neither Discrete nor made of such"
        raise ValueError(f"the actions are {what}: {_kind(space)}; {_TABLE}")
    starts = np.broadcast_to(np.asarray(getattr(space, "start", 0)), counts.shape).ravel()
    return [range(start, start + count) for start, count in zip(starts.tolist(), counts.ravel().tolist(), strict=True)]


def _assemble(space: Any, columns: Any) -> Any:
    spaces = getattr(space, "spaces", None)
    if isinstance(spaces, Mapping):
        return {key: _assemble(child, columns) for key, child in spaces.items()}
    if spaces is not None:
        return tuple(_assemble(child, columns) for child in spaces)
    counts = _counts(space)
    table = np.stack([next(columns) for _ in range(counts.size)], axis=-1)
    return _strict(table.reshape(-1, *counts.shape).astype(getattr(space, "dtype", None) or np.int32))


def _children(space: Any) -> list[Any] | None:
    spaces = getattr(space, "spaces", None)
    if spaces is None:
        return None
    return list(spaces.values() if isinstance(spaces, Mapping) else spaces)


def _counts(space: Any) -> np.ndarray | None:
    """Returns how many values each part of a Discrete or MultiDiscrete has."""
    for name in ("n", "nvec", "num_values"):
        counts = getattr(space, name, None)
        if counts is not None:
            return np.asarray(counts)
    return None


def _is_box(space: Any) -> bool:
    return hasattr(space, "low") and hasattr(space, "high")


def _kind(space: Any) -> str:
    text = " ".join(repr(space).split())
    return text if len(text) < 120 and "object at" not in text else type(space).__name__
