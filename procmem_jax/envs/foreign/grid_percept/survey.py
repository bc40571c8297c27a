"""Where to look next in a grid of which a part is known: the first step of the shortest way to the nearest of cells."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.grid_percept.seen import offsets_from

AHEAD, RIGHT, LEFT, BEHIND = range(4)
NOWHERE = -1
_BESIDE = ((1, 0), (0, 1), (0, -1), (-1, 0))  # (ahead, right) of AHEAD, RIGHT, LEFT, BEHIND


class Survey(NamedTuple):
    """What an agent knows of the grid that it is in.

    Attributes:
        row, column, heading: `()` int32, its pose; headings are 0 up, 1 right, 2 down, 3 left.
        free: `[H, W]` bool, cells that it has seen and could walk on.
        unseen: `[H, W]` bool, cells that it has not seen.
        things: `[H, W]` bool, cells with something to be tried: what can be picked up, doors that are shut, goals.
        carried: `()` int32, what it carries, a number that tells things apart; 0: nothing.
    """

    row: jax.Array
    column: jax.Array
    heading: jax.Array
    free: jax.Array
    unseen: jax.Array
    things: jax.Array
    carried: jax.Array

    def is_ahead(self) -> jax.Array:
        """Returns which cell is the one ahead, `[H, W]` bool; none at the edge."""
        return self._is_beside(AHEAD)

    def _is_beside(self, side: int) -> jax.Array:
        ahead, right = offsets_from(self.row, self.column, self.heading, self.free.shape)
        return (ahead == _BESIDE[side][0]) & (right == _BESIDE[side][1])


def first_step(survey: Survey, targets: jax.Array) -> jax.Array:
    """Returns on which side the shortest way to the nearest target begins, `()` int32; NOWHERE if there is no way.

    A way leads over free cells; turns do not count, but of equally short ways the one that needs fewest comes first.

    Args:
        survey: one example.
        targets: `[H, W]` bool, not only free cells.
    """
    sides = [survey._is_beside(side) for side in (AHEAD, RIGHT, LEFT, BEHIND)]
    beside = functools.reduce(jnp.logical_or, sides)

    def goes_on(carry):
        reached, grows = carry
        return grows & ~jnp.any(reached & beside)

    def spread(carry):
        reached, _ = carry
        more = reached | (_neighbours(reached) & survey.free)
        return more, jnp.any(more != reached)

    reached, _ = jax.lax.while_loop(goes_on, spread, (targets, jnp.any(targets)))
    begins = jnp.stack([jnp.any(reached & side) for side in sides])
    return jnp.where(jnp.any(begins), jnp.argmax(begins).astype(jnp.int32), jnp.int32(NOWHERE))


def _neighbours(cells: jax.Array) -> jax.Array:
    """Returns which cells have one of `cells` (`[H, W]` bool) beside them, `[H, W]` bool."""
    padded = jnp.pad(cells, 1)
    return padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
