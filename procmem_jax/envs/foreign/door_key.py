"""Key, door and goal as an agent with a limited view and a heading sees and remembers them."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from procmem_jax.percept import Percept

DOOR_KEY_PREDICATES = ("has_key", "door_open", "goal_reached")
# (ahead, right): ahead, on the right, on the left, ahead on the right, ahead on the left.
BESIDE = ((1, 0), (0, 1), (0, -1), (1, 1), (1, -1))


class Tiles(NamedTuple):
    """The numbers by which an environment calls its tiles.

    Attributes:
        free: tiles that can be walked on.
        key, open_door, goal: one tile each.
        shut_doors: locked or closed.
    """

    free: tuple[int, ...]
    key: int
    shut_doors: tuple[int, ...]
    open_door: int
    goal: int


class Places(NamedTuple):
    """Where key, door and goal were seen last, in this order: a `perceive` function's notes of an episode.

    Attributes:
        rows, columns: `[3]` int32, -1 where not seen yet.
    """

    rows: jax.Array
    columns: jax.Array


def remember(places: Places | None, seen: jax.Array, rows: jax.Array, columns: jax.Array) -> Places:
    """Returns the places with those that are `seen` now (`[3]` bool) brought up to date; None knows none."""
    if places is None:
        unknown = jnp.full((3,), -1, jnp.int32)
        places = Places(unknown, unknown)
    return Places(jnp.where(seen, rows, places.rows), jnp.where(seen, columns, places.columns))


def step_ahead(direction: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the unit step (row, column) of a heading, `()` int32: 0 up, 1 right, 2 down, 3 left."""
    one, none = jnp.int32(1), jnp.int32(0)
    row = jnp.where(direction == 2, one, jnp.where(direction == 0, -one, none))
    return row, jnp.where(direction == 1, one, jnp.where(direction == 3, -one, none))


def to_view(row: jax.Array, column: jax.Array, direction: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns an offset (row, column) as (ahead, right)."""
    ahead_row, ahead_column = step_ahead(direction)
    return row * ahead_row + column * ahead_column, row * ahead_column - column * ahead_row


def from_view(ahead: jax.Array, right: jax.Array, direction: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns an offset (ahead, right) as (row, column)."""
    ahead_row, ahead_column = step_ahead(direction)
    return ahead * ahead_row + right * ahead_column, ahead * ahead_column - right * ahead_row


def door_key_percept(
    places: Places,
    blocked: Sequence[jax.Array],
    *,
    row: jax.Array,
    column: jax.Array,
    direction: jax.Array,
    has_key: jax.Array,
    door_open: jax.Array,
    succeeded: jax.Array,
    fingerprint: jax.Array,
) -> Percept:
    """Returns the percept of an egocentric view.

    Its context `[7]` is the offset (ahead, right), in cells, to where the thing that the next predicate is about was
    seen last: the key, then the door, then the goal; (0, 0) if it has not been seen in this episode; then, as 0 or 1,
    which cells are blocked: those `BESIDE` the agent. So it is the same whichever way the agent looks, and what is
    learned facing one way serves in all four. The predicate has_key stays true while the door is open: the key is no
    longer needed, and some worlds take it away.

    Args:
        places: as remembered.
        blocked: `()` bool each.
        row, column, direction: `()` int32, the agent's cell and heading.
        has_key, door_open, succeeded: `()` bool.
        fingerprint: `()` uint32.
    """
    target_row, target_column = (
        jnp.where(door_open, place[2], jnp.where(has_key, place[1], place[0])) for place in places
    )
    known = target_row >= 0
    ahead, right = to_view(target_row - row, target_column - column, direction)
    offset = (jnp.where(known, ahead, 0), jnp.where(known, right, 0))
    return Percept(
        predicates=jnp.stack([has_key | door_open, door_open, succeeded]),
        context=jnp.stack([*offset, *blocked]).astype(jnp.float32),
        fingerprint=fingerprint,
    )


def find_in_view(view: jax.Array, tiles: Tiles) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns (whether key, shut door and goal are in a view `[3]` bool, ahead, right, `[3]` int32 each).

    Args:
        view: `[V, V]`, tiles; the agent is in the middle of the last row and looks up.
        tiles: their numbers.
    """
    door = functools.reduce(jnp.logical_or, [view == tile for tile in tiles.shut_doors])
    size = view.shape[0]
    cells = jnp.arange(size * size, dtype=jnp.int32).reshape(size, size)
    found = (view == tiles.key, door, view == tiles.goal)
    cell = jnp.stack([jnp.min(jnp.where(here, cells, size * size)) for here in found])
    return cell < size * size, size - 1 - cell // size, cell % size - size // 2


def blocked_in_view(view: jax.Array, tiles: Tiles) -> list[jax.Array]:
    """Returns which of the cells `BESIDE` the agent are blocked, `()` bool each; arguments as for `find_in_view`."""
    return [_is_blocked(tile, tiles) for tile in cells_beside(view)]


def cells_beside(view: jax.Array) -> list[jax.Array]:
    """Returns those cells of a view (`[V, V, ...]`, the agent in the middle of its last row) that are `BESIDE` it."""
    size = view.shape[0]
    return [view[size - 1 - ahead, size // 2 + right] for ahead, right in BESIDE]


def _is_blocked(tile: jax.Array, tiles: Tiles) -> jax.Array:
    return ~functools.reduce(jnp.logical_or, [tile == free for free in tiles.free])


def hash_of(cells: jax.Array) -> jax.Array:
    """Returns a hash of an array of integers, `()` uint32: equal arrays have equal hashes.

    A sum of the integers times odd constants, in modular arithmetic: exact in any order.
    """
    index = jnp.arange(cells.size, dtype=jnp.uint32)
    weights = (index + 1) * jnp.uint32(0x9E3779B1)
    weights = (weights ^ (weights >> 15)) * jnp.uint32(0x85EBCA77) | jnp.uint32(1)
    values = cells.reshape(-1).astype(jnp.uint32) + jnp.uint32(1)
    return jnp.sum(values * weights, dtype=jnp.uint32)
