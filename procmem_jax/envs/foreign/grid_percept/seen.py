"""The map of what an agent has seen of a grid in this episode."""

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.envs.foreign.door_key import from_view, hash_of, to_view
from procmem_jax.envs.foreign.grid_percept.encoding import GridEncoding
from procmem_jax.envs.foreign.grid_percept.sights import GridSight
from procmem_jax.records import state_record


@state_record
class SeenGrid:
    """What an agent knows of a grid in this episode.

    Attributes:
        cells: `[H, W, channels]` uint8, as last seen; zeros where not seen yet.
        changes: `()` uint32, a hash of how the cells differ from when they were seen first.
        carried: `[channels]` uint8, a cell with what is carried, or with floor; zeros if it is not known.
        pocket: `()` int32, see `GridSight`.
        mission: `[2]` int32, object and colour, as at the beginning; -1 as a colour is no mission.
        sample: `[2]` int32, object and colour of what else is to be like: of things that can be carried one that is
            there twice, else the first that was seen; zeros if none was.
    """

    cells: jax.Array
    changes: jax.Array
    carried: jax.Array
    pocket: jax.Array
    mission: jax.Array
    sample: jax.Array


def nothing_seen(sight: GridSight, encoding: GridEncoding) -> SeenGrid:
    """Returns the knowledge of an agent that has its mission, and is yet to look."""
    channels = sight.view.shape[-1]
    nothing = encoding.floor(channels)
    mission = jnp.asarray((0, -1), jnp.int32) if sight.mission is None else sight.mission.astype(jnp.int32)
    cells = jnp.zeros((*sight.shape, channels), jnp.uint8)
    return SeenGrid(
        cells, jnp.zeros((), jnp.uint32), nothing, jnp.full((), -1, jnp.int32), mission, jnp.zeros((2,), jnp.int32)
    )


def offsets_from(
    row: jax.Array, column: jax.Array, heading: jax.Array, shape: tuple[int, int]
) -> tuple[jax.Array, jax.Array]:
    """Returns how far (ahead, right) of an agent in a pose each cell of a grid of (H, W) lies, `[H, W]` int32 each."""
    rows, columns = (jnp.arange(size, dtype=jnp.int32) for size in shape)
    return to_view(rows[:, None] - row, columns[None, :] - column, heading)


def look_around(known: SeenGrid, sight: GridSight, encoding: GridEncoding) -> SeenGrid:
    """Returns what is known after a look: cells in view are as they are now, except those that it shows as unseen.

    The agent's own cell is as it was before it came there, or floor: packages draw there what it carries, or nothing.
    """
    size = sight.view.shape[0]
    ahead, right = offsets_from(sight.row, sight.column, sight.heading, sight.shape)
    here = (ahead == 0) & (right == 0)
    inside = (ahead >= 0) & (ahead < size) & (jnp.abs(right) <= size // 2) & ~here
    view = sight.view.astype(jnp.uint8)
    shown = view[jnp.clip(size - 1 - ahead, 0, size - 1), jnp.clip(right + size // 2, 0, size - 1)]
    seen_before = known.cells[..., 0] != 0
    cells = jnp.where((inside & (shown[..., 0] != 0))[..., None], shown, known.cells)
    nothing = encoding.floor(view.shape[-1])
    cells = computed_once(jnp.where((here & ~seen_before)[..., None], nothing, cells))
    changed = hash_of(jnp.where(seen_before[..., None], cells, 0)) - hash_of(known.cells)
    carried, pocket = _carried(known, sight, nothing)
    sample = jnp.where(known.sample[0] == 0, _first_thing(view, encoding), known.sample)
    return SeenGrid(cells, known.changes + changed, carried, pocket, known.mission, _paired(cells, sample, encoding))


def _first_thing(view: jax.Array, encoding: GridEncoding) -> jax.Array:
    """Returns object and colour of the first cell of a view with what can be carried, `[2]` int32; zeros if none."""
    there = encoding.can_be_carried(view).ravel()
    number = jnp.min(jnp.where(there, jnp.arange(there.size, dtype=jnp.int32), there.size))
    padded = jnp.pad(view.reshape(there.size, -1)[:, :2], ((0, 1), (0, 0)))
    return padded.at[number].get(mode="promise_in_bounds").astype(jnp.int32)


def _paired(cells: jax.Array, sample: jax.Array, encoding: GridEncoding) -> jax.Array:
    """Returns the sample: what is there twice, else what it was. Of all kinds only two are looked at for that.

    They are those of the lowest and the highest number, which is all there are where two kinds are to be told apart.
    """
    objects, colours = (cells[..., channel].astype(jnp.int32) for channel in range(2))
    kinds = jnp.where(encoding.can_be_carried(cells), objects << 8 | colours, 0)
    last = jnp.max(kinds)
    first = jnp.min(jnp.where(kinds > 0, kinds, last))
    last_twice, first_twice = (jnp.sum(kinds == kind, dtype=jnp.int32) > 1 for kind in (last, first))
    pair = jnp.where(last_twice, last, first)
    return jnp.where((last > 0) & (last_twice | first_twice), jnp.stack([pair >> 8, pair & 255]), sample)


def _carried(known: SeenGrid, sight: GridSight, nothing: jax.Array) -> tuple[jax.Array, jax.Array]:
    if sight.carried is not None:
        return sight.carried.astype(jnp.uint8), known.pocket
    if sight.pocket is None:
        return nothing, known.pocket
    pocket = sight.pocket.astype(jnp.int32)
    down, across = from_view(jnp.int32(1), jnp.int32(0), sight.heading)
    (height, width), row, column = sight.shape, sight.row + down, sight.column + across
    taken = known.cells[jnp.clip(row, 0, height - 1), jnp.clip(column, 0, width - 1)]
    carried = jnp.where(pocket == known.pocket, known.carried, taken)
    return jnp.where(pocket == -1, nothing, carried), pocket


def ranks_of(ahead: jax.Array, right: jax.Array) -> jax.Array:
    """Returns the rank of each cell of a grid by how near it is, `[H, W]` int32, from how far it lies, `[H, W]` each.

    The fewest steps without turns decide, then the farthest ahead, then the right: the same whichever way one looks.
    """
    reach = sum(ahead.shape)
    steps = jnp.abs(ahead) + jnp.abs(right)
    return (steps * (2 * reach + 1) + (reach - ahead)) * 2 + (right < 0).astype(jnp.int32)


def nearest(there: jax.Array, rank: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns how far (ahead, right) the nearest of some cells lies, `()` int32 each; (0, 0) if there is none.

    Args:
        there: `[H, W]` bool.
        rank: `[H, W]` int32, see `ranks_of`.
    """
    reach = sum(there.shape)
    base = 2 * reach + 1
    nowhere = jnp.int32(2 * base * base)
    first = jnp.min(jnp.where(there, rank, nowhere))
    steps, forward = first // (2 * base), reach - first // 2 % base
    aside = (steps - jnp.abs(forward)) * jnp.where(first % 2 == 1, jnp.int32(-1), jnp.int32(1))
    found = first < nowhere
    return jnp.where(found, forward, 0), jnp.where(found, aside, 0)
