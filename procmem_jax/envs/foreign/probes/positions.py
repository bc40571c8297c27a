"""Positions in an observation, which can be compared: parts of it that are made alike, of which one moves.

A dict, a tuple or a record often tells where the agent is and where it is to go, each by two or three whole numbers in
a part of its own. Their differences say in any place alike which way it lies, which no projection of all numbers does.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.envs.foreign.projected import Coordinate, flat_size

_POSITION_SIZES = (2, 3)  # numbers
_MOST_TARGETS = 4
_LARGEST_OTHER, _MOST_OTHERS = 4, 8  # numbers of a part beside positions that counts by itself, and of all of these


@dataclasses.dataclass(frozen=True)
class _Leaf:
    """One array of an observation: the places of its numbers in the flat one, `[n]` int64, its shape and dtype."""

    places: np.ndarray
    kind: tuple


@np.errstate(invalid="ignore")  # between infinite numbers there is no difference
def coordinates_of(observation: Any, rows: np.ndarray, starts: np.ndarray) -> tuple[Coordinate, ...]:
    """Returns what a context is to tell: how far the other positions are off the one that moves most, then small parts.

    None at all where no two parts beside each other are alike. Numbers that only tell the time are left out.

    Args:
        observation: its shapes.
        rows: `[T, A, N]` float64, flat observations of random play.
        starts: `[T, A]` bool, whether it is the first of its episode.
    """
    tree = _numbered(observation)
    for group in _alike(tree):
        numbers = rows[..., np.concatenate(group)]
        moved = [_moves(rows[..., places], starts).mean() for places in group]
        if np.all(numbers == np.round(numbers)) and max(moved) > 0:
            break
    else:
        return ()
    own = group.pop(int(np.argmax(moved)))
    targets = group[:_MOST_TARGETS]
    differences = [(int(here), int(there)) for places in targets for here, there in zip(own, places, strict=True)]
    taken = np.concatenate([own, *group])
    others = [leaf.places for leaf in jax.tree.leaves(tree) if leaf.places.size <= _LARGEST_OTHER]
    varied = (np.ptp(rows, axis=(0, 1)) > 0) & ~clocks_in(rows, starts)
    singles = [int(place) for places in others for place in places if varied[place] and place not in taken]
    return (*differences, *((place, None) for place in singles[:_MOST_OTHERS]))


@np.errstate(invalid="ignore")
def clocks_in(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Returns which numbers only tell the time, `[N]` bool: they change by the same in every step within episodes."""
    found = np.zeros(rows.shape[-1], np.bool_)
    within = np.argwhere(~starts[1:])
    if not len(within):
        return found
    step, lane = within[0]
    moved = np.flatnonzero(rows[step + 1, lane] != rows[step, lane])  # of an image next to nothing
    steps = _steps(rows[..., moved], starts)
    slack = 1e-5 * np.abs(rows[..., moved]).max(axis=(0, 1))  # rounding
    found[moved] = (np.ptp(steps, axis=0) <= slack) & (np.abs(steps[0]) > 2 * slack)
    return found


def _steps(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Returns how much each number changed in each step within an episode, `[S, N]`; NaN from infinite ones."""
    return np.diff(rows, axis=0)[~starts[1:]]


def _moves(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Returns in what share of the steps within episodes each number changes, `[N]`."""
    steps = _steps(rows, starts)
    return np.mean(steps != 0, axis=0) if len(steps) else np.zeros(rows.shape[-1])


def _numbered(observation: Any) -> Any:
    """Returns the observation with a `_Leaf` for each array of numbers, numbered as `flat_numbers` puts them."""
    leaves, form = jax.tree.flatten(observation)
    end, numbered = 0, []
    for leaf in leaves:
        first, end = end, end + flat_size(leaf)
        numbered.append(_Leaf(np.arange(first, end), (leaf.shape, str(leaf.dtype))))
    return jax.tree.unflatten(form, numbered)


def _alike(tree: Any) -> Sequence[list[np.ndarray]]:
    """Returns groups of places, `[n]` int64 each: of parts of one node that are made alike, those of the top first."""
    found, nodes = [], [tree]
    while nodes:
        parts = _parts(nodes.pop(0))
        groups: dict[Any, list[np.ndarray]] = {}
        for part in parts:
            leaves, form = jax.tree.flatten(part)
            places = np.concatenate([np.zeros(0, np.int64), *(leaf.places for leaf in leaves)])
            if places.size in _POSITION_SIZES and not any(leaf.kind[1] == "bool" for leaf in leaves):
                groups.setdefault((form, *(leaf.kind for leaf in leaves)), []).append(places)
        found += [group for group in groups.values() if len(group) > 1]
        nodes += parts
    return found


def _parts(node: Any) -> list[Any]:
    return [] if isinstance(node, _Leaf) else jax.tree.leaves(node, is_leaf=lambda part: part is not node)
