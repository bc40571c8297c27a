"""What a memory may know of any world like MiniGrid: what its agent has seen in this episode, and nothing else."""

import dataclasses
import functools
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.door_key import cells_beside, hash_of
from procmem_jax.envs.foreign.grid_percept.encoding import MINIGRID, XLAND, GridEncoding, split_name
from procmem_jax.envs.foreign.grid_percept.seen import (
    SeenGrid,
    look_around,
    nearest,
    nothing_seen,
    offsets_from,
    ranks_of,
)
from procmem_jax.envs.foreign.grid_percept.sights import GridSight, LookFunction, look_for
from procmem_jax.envs.foreign.grid_percept.survey import Survey
from procmem_jax.percept import Percept
from procmem_jax.records import function_text, state_record

_VERBS = ("carrying", "facing", "seen", "known")
_LEAST_VIEW = 3
_COLOURS = 64  # things of other colours are below 1 by so many parts of it: an embedding takes all of these for 1


@state_record
class GridNotes:
    """What is known of the grid, and which of the things of "seen" facts have been seen, `[S]` bool (None if S = 0)."""

    grid: SeenGrid
    met: jax.Array | None
    pose: jax.Array


@dataclasses.dataclass(frozen=True, repr=False)
class GridPercept:
    """A `perceive` function for XLand-MiniGrid, NAVIX and other worlds with MiniGrid's view. Hashable.

    Everything comes from what the view has shown in this episode, kept in a map of the grid, with these exceptions,
    which no view shows: the agent's pose (row, column, heading) and the size of the grid, what it carries, and in NAVIX
    the kind and colour that the mission names, taken at the beginning of an episode; MiniGrid tells it in words.

    The context is, for each of `things`, the offset (ahead, right), in cells, to where the nearest of them was last
    seen, (0, 0) if none was; then of the cells ahead, on the right, on the left, ahead on the right and ahead on the
    left 0 for a free one, 1 for a blocked one and -1 for a hazard; last what thing is ahead: 0 for none, 1 for one, -1
    for another than the mission names, each less a 64th for each colour before its own. Where no mission names a kind,
    a thing that can be carried is another one if it is not like the sample, which is what is there twice, else the
    first such thing that was seen (a task of matching to sample); half of it is told where it is two cells ahead,
    behind a free one. The predicates are `facts`, and last whether a positive reward came. The fingerprint is of the
    pose, what is carried, and what has changed since it was seen first: so it does not change as the agent learns where
    things are, and no way back counts as new.

    A default memory without `relevance` asks about all facts and compares all offsets: few of both serve it best.

    Attributes:
        things: names such as "key", "red key", "locked door", "object" (whatever can be carried but keys), "thing"
            (any), "matching locked door" (of the colour of what is carried), "mission thing" (what the mission names).
        facts: "carrying", "facing" (it is ahead), "seen" (in this episode) or "known" (it was there when one last
            looked), each with the name of a thing.
        encoding: the words for the numbers in a view; by default XLand's for two channels, MiniGrid's for three.
        look: (observation, `AdaptedState`, params) -> `GridSight`; by default what suits the package of the state.

    Raises:
        TypeError, ValueError: a name is none.
    """

    things: tuple[str, ...] = ("key", "matching locked door", "closed door", "object", "goal", "mission thing")
    facts: tuple[str, ...] = (
        *("carrying key", "carrying object", "seen open door"),
        *("seen locked door", "known locked door"),  # seen and no longer known: it was unlocked
    )
    num_surroundings: ClassVar[int] = 6  # coordinates at the end of the context that tell what is around
    encoding: GridEncoding | None = None
    look: LookFunction | None = None

    def __post_init__(self):
        for setting in ("things", "facts"):
            names = getattr(self, setting)
            if isinstance(names, str) or not all(isinstance(name, str) for name in names):
                raise TypeError(f"{setting}={names!r} is no list of names; give names such as 'key'")
            object.__setattr__(self, setting, tuple(names))
        for fact in self.facts:
            if fact.partition(" ")[0] not in _VERBS:
                raise ValueError(f"fact={fact!r} begins with none of {', '.join(_VERBS)}; begin with one")
        for name in (*self.things, *(thing for _, thing in self._parsed)):
            split_name(name, self.encoding)

    def __repr__(self) -> str:
        told = [f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self)[:2]]
        told += [] if self.encoding is None else [f"encoding={self.encoding!r}"]
        told += [] if self.look is None else [f"look={function_text(self.look, {})}"]
        return f"GridPercept({', '.join(told)})"

    @property
    def predicate_names(self) -> tuple[str, ...]:
        """P names."""
        return (*(fact.replace(" ", "_") for fact in self.facts), "rewarded")

    @property
    def _parsed(self) -> list[tuple[str, str]]:
        return [(verb, thing) for verb, _, thing in (fact.partition(" ") for fact in self.facts)]

    def take_notes(self, obs: Any, state: AdaptedState, notes: GridNotes | None, params: Any) -> GridNotes:
        """Returns what is known after the observation; arguments as for `__call__`."""
        sight, encoding = self._sight(obs, state, params)
        before = nothing_seen(sight, encoding) if notes is None else notes.grid
        grid = look_around(before, sight, encoding)
        wanted = [thing for verb, thing in self._parsed if verb == "seen"]
        pose = jnp.stack([sight.row, sight.column, sight.heading])
        if not wanted:
            return GridNotes(grid, None, pose)
        met = jnp.stack([jnp.any(_find(grid, encoding, thing)) for thing in wanted])
        return GridNotes(grid, met if notes is None else met | notes.met, pose)

    def __call__(self, obs: Any, state: AdaptedState, params: Any) -> Percept:
        """Returns the percept.

        Args:
            obs: of the environment, as `look` takes it.
            state: its `notes` those of this observation.
            params: of the environment.

        Raises:
            TypeError: the package is unknown and there is no `look`, or it gives no view.
        """
        sight, encoding = self._sight(obs, state, params)
        grid = state.notes.grid
        rank = computed_once(ranks_of(*offsets_from(sight.row, sight.column, sight.heading, sight.shape)))
        offsets = [nearest(_find(grid, encoding, thing), rank) for thing in self.things]
        cells = jnp.stack(cells_beside(sight.view))
        numbers = [*(part for offset in offsets for part in offset), *encoding.beside(cells)]
        numbers = [number.astype(jnp.float32) for number in numbers]
        pose = jnp.stack([sight.row, sight.column, sight.heading, *grid.carried.astype(jnp.int32)])
        return Percept(
            predicates=jnp.stack([*self._facts(state.notes, cells[0], encoding), state.rewarded]),
            context=jnp.stack([*numbers, self._ahead(grid, sight.view, encoding)]),
            fingerprint=hash_of(pose) + grid.changes,
        )

    def _ahead(self, grid: SeenGrid, view: jax.Array, encoding: GridEncoding) -> jax.Array:
        """Returns what thing is in the cell ahead, or which other thing is in the next, `()` float32."""
        ahead, beyond = (view[view.shape[0] - 1 - steps, view.shape[1] // 2] for steps in (1, 2))
        is_beyond = (encoding.beside(ahead) == 0) & encoding.can_be_carried(beyond)
        is_beyond &= (grid.mission[0] == 0) & self._is_other(grid, beyond, encoding)
        which = 1.0 - jnp.where(is_beyond, beyond[1], ahead[1]).astype(jnp.float32) / _COLOURS
        sign = jnp.where(self._is_other(grid, ahead, encoding), -1.0, 1.0)
        return jnp.where(is_beyond, -0.5 * which, jnp.where(encoding.can_be_tried(ahead), sign * which, 0.0))

    def _is_other(self, grid: SeenGrid, cell: jax.Array, encoding: GridEncoding) -> jax.Array:
        """Returns whether a thing in a cell is not what the mission names, or where it names no kind, the sample."""
        is_told, names_kind = grid.mission[1] >= 0, grid.mission[0] > 0
        not_alike = encoding.can_be_carried(cell) & jnp.any(cell[:2].astype(jnp.int32) != grid.sample)
        return (is_told & ~_find(grid, encoding, "mission thing", cell)) | (~names_kind & not_alike)

    def survey(self, notes: GridNotes) -> Survey:
        """Returns what is known of the grid, for an explorer."""
        cells = notes.grid.cells
        encoding = self._encoding(cells)
        free = encoding.beside(cells) == 0
        held = encoding.has(notes.grid.carried, "thing")
        carried = jnp.where(held, hash_of(notes.grid.carried.astype(jnp.int32)).astype(jnp.int32) | 1, 0)
        return Survey(*notes.pose, free, cells[..., 0] == 0, encoding.can_be_tried(cells), carried)

    def _facts(self, notes: GridNotes, before: jax.Array, encoding: GridEncoding) -> list[jax.Array]:
        met = iter([] if notes.met is None else notes.met)
        found = functools.partial(_find, notes.grid, encoding)
        tell = {
            "carrying": lambda thing: found(thing, notes.grid.carried),
            "facing": lambda thing: found(thing, before),
            "seen": lambda thing: next(met),
            "known": lambda thing: jnp.any(found(thing)),
        }
        return [tell[verb](thing) for verb, thing in self._parsed]

    def _sight(self, obs: Any, state: AdaptedState, params: Any) -> tuple[GridSight, GridEncoding]:
        sight = (look_for(state) if self.look is None else self.look)(obs, state, params)
        view = sight.view
        shape = getattr(view, "shape", ())
        square = len(shape) == 3 and shape[0] == shape[1] >= _LEAST_VIEW and shape[0] % 2 == 1 and shape[2] in (2, 3)
        if not square or not jnp.issubdtype(view.dtype, jnp.integer):
            given = f"{view.dtype}{list(shape)}" if shape else type(view).__name__
            raise TypeError(f"GridPercept is given {given} as a view; give integers [V, V, 2 or 3], V odd")
        if sight.carried is not None and sight.carried.shape != shape[2:]:
            raise TypeError(f"GridPercept is given carried={list(sight.carried.shape)}; give {shape[2]}, as of a cell")
        return sight, self._encoding(view)

    def _encoding(self, cells: jax.Array) -> GridEncoding:
        return self.encoding or (XLAND if cells.shape[-1] == 2 else MINIGRID)


def _find(grid: SeenGrid, encoding: GridEncoding, thing: str, cells: jax.Array | None = None) -> jax.Array:
    return encoding.find(grid.cells if cells is None else cells, thing, grid.carried, grid.mission)
