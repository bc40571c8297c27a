"""Key, door and goal as an agent with a limited view and a heading sees them."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from procmem_jax.envs.percept import Percept

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


def door_key_percept(
    offset: tuple[jax.Array, jax.Array],
    blocked: Sequence[jax.Array],
    *,
    has_key: jax.Array,
    door_open: jax.Array,
    succeeded: jax.Array,
    fingerprint: jax.Array,
) -> Percept:
    """Returns the percept of an egocentric view.

    Its context `[7]` is the offset (ahead, right), in cells, to what the next predicate is about: the key, then the
    door, then the goal; (0, 0) where that is out of view; then, as 0 or 1, which cells are blocked: those `BESIDE` the
    agent. So it is the same whichever way the agent looks, and what is learned facing one way serves in all four.
    The predicate has_key stays true while the door is open: the key is no longer needed, and some worlds take it away.

    Args:
        offset: `()` integers, see above.
        blocked: `()` bool each.
        has_key, door_open, succeeded: `()` bool.
        fingerprint: `()` uint32.
    """
    return Percept(
        predicates=jnp.stack([has_key | door_open, door_open, succeeded]),
        context=jnp.stack([*offset, *blocked]).astype(jnp.float32),
        fingerprint=fingerprint,
    )


def read_view(
    view: jax.Array, has_key: jax.Array, door_open: jax.Array, tiles: Tiles
) -> tuple[tuple[jax.Array, jax.Array], list[jax.Array]]:
    """Returns (offset, blocked) for `door_key_percept` of a view.

    Args:
        view: `[V, V]`, tiles; the agent is in the middle of the last row and looks up.
        has_key, door_open: `()` bool.
        tiles: their numbers.
    """
    door = functools.reduce(jnp.logical_or, [view == tile for tile in tiles.shut_doors])
    target = jnp.where(door_open, view == tiles.goal, jnp.where(has_key, door, view == tiles.key))
    return _offset(target), [_is_blocked(view, *cell, tiles) for cell in BESIDE]


def _offset(found: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (ahead, right), `()` int32, from the agent to the first cell of `found` (`[V, V]` bool), 0 for none."""
    size = found.shape[0]
    cells = jnp.arange(size * size, dtype=jnp.int32).reshape(size, size)
    cell = jnp.min(jnp.where(found, cells, size * size))
    seen = cell < size * size
    return jnp.where(seen, size - 1 - cell // size, 0), jnp.where(seen, cell % size - size // 2, 0)


def _is_blocked(view: jax.Array, ahead: int, right: int, tiles: Tiles) -> jax.Array:
    size = view.shape[0]
    tile = view[size - 1 - ahead, size // 2 + right]
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
