"""What is in a cell, in words and in the numbers by which packages of the MiniGrid family call it."""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from procmem_jax.near_misses import choose_from

_NO_THINGS = ("unseen", "floor", "wall", "agent")
_GROUPS = {"object": ("ball", "box", "square", "pyramid", "hex", "star")}  # what can be carried and opens nothing
_RELATIVE = ("mission", "matching")  # in place of a colour
_FREE = ("floor", "goal", "open door")
_HAZARDS = ("lava",)


@dataclasses.dataclass(frozen=True)
class GridEncoding:
    """The words for the numbers in a cell of a view, each at the place of its number.

    Attributes:
        objects: of the first channel; 0 is "unseen". That, "floor", "wall" and "agent" are no things; more than one
            number may be "floor". Doors are "door", or "open door", "closed door" and "locked door" where this channel
            tells.
        colours: of the second channel.
        states: of the third channel, for doors; none where a cell has two channels.

    Raises:
        ValueError: 0 is not "unseen", or nothing is "floor".
    """

    objects: tuple[str, ...]
    colours: tuple[str, ...]
    states: tuple[str, ...] = ()

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, tuple(getattr(self, field.name)))
        if self.objects[:1] != ("unseen",) or "floor" not in self.objects:
            raise ValueError(f"objects={self.objects} begins not with 'unseen' or has no 'floor'; name both")

    def codes(self, kind: str) -> list[tuple[int, int | None]]:
        """Returns the (object, state) of a kind; a state of None is any. None at all where there is no such kind."""
        found = []
        for number, word in enumerate(self.objects):
            states = enumerate(self.states) if word == "door" and self.states else [(None, "")]
            found += [(number, state) for state, text in states if _is_kind(f"{text} {word}".strip(), kind)]
        return found

    def has(self, cells: jax.Array, kind: str) -> jax.Array:
        """Returns which cells (`[..., channels]`) hold a kind, `[...]` bool."""
        nowhere = jnp.zeros(cells.shape[:-1], jnp.bool_)
        kinds = [
            (cells[..., 0] == number) & (True if state is None else cells[..., 2] == state)
            for number, state in self.codes(kind)
        ]
        return functools.reduce(jnp.logical_or, kinds, nowhere)

    def find(self, cells: jax.Array, name: str, carried: jax.Array, mission: jax.Array) -> jax.Array:
        """Returns which cells hold what is named, `[...]` bool.

        Args:
            cells: `[..., channels]`.
            name: a kind ("key", "locked door", "object", "thing"), or one of a colour ("red key"), of the colour of
                what is carried ("matching locked door"), or what the mission names ("mission thing").
            carried: `[channels]`, a cell with what is carried, or with floor.
            mission: `[2]` int32, object and colour; an object of 0 is any, a colour of -1 no mission.
        """
        colour, kind = split_name(name, self)
        found, (objects, colours) = self.has(cells, kind), (cells[..., n].astype(jnp.int32) for n in range(2))
        if colour == "mission":
            return found & (colours == mission[1]) & ((mission[0] == 0) | (objects == mission[0]))
        if colour == "matching":
            return found & (colours == carried[1].astype(jnp.int32)) & self.has(carried, "thing")
        if colour:
            return found & (colours == (self.colours.index(colour) if colour in self.colours else -1))
        return found

    def beside(self, cells: jax.Array) -> jax.Array:
        """Returns what it means to walk into cells (`[..., channels]`): 0 free, 1 blocked, -1 a hazard; `[...]` int32.

        What is not seen counts as blocked: it lies behind a wall, or outside of the grid.
        """
        free, hazard = (
            functools.reduce(jnp.logical_or, [self.has(cells, kind) for kind in kinds]) for kinds in (_FREE, _HAZARDS)
        )
        return jnp.where(hazard, jnp.int32(-1), jnp.where(free, jnp.int32(0), jnp.int32(1)))

    def can_be_tried(self, cells: jax.Array) -> jax.Array:
        """Returns which cells hold a goal, or a thing that is in the way and no hazard, `[...]` bool."""
        return self.has(cells, "goal") | (self.has(cells, "thing") & (self.beside(cells) == 1))

    def can_be_carried(self, cells: jax.Array) -> jax.Array:
        """Returns which cells hold a key or an object, `[...]` bool."""
        return self.has(cells, "key") | self.has(cells, "object")

    def floor(self, channels: int) -> jax.Array:
        """Returns a free cell, `[channels]` uint8."""
        return jnp.zeros((channels,), jnp.uint8).at[0].set(self.objects.index("floor"))


MINIGRID = GridEncoding(
    objects=("unseen", "floor", "wall", "floor", "door", "key", "ball", "box", "goal", "lava", "agent"),
    colours=("red", "green", "blue", "purple", "yellow", "grey"),
    states=("open", "closed", "locked"),
)
XLAND = GridEncoding(
    objects=(
        *("unseen", "floor", "wall", "ball", "square", "pyramid", "goal", "key"),
        *("locked door", "closed door", "open door", "hex", "star"),
    ),
    colours=(
        *("none", "red", "green", "blue", "purple", "yellow", "grey"),
        *("black", "orange", "white", "brown", "pink"),
    ),
)


def split_name(name: str, encoding: GridEncoding | None) -> tuple[str, str]:
    """Returns (colour or "", kind) of the name of a thing.

    Raises:
        ValueError: no encoding has such a colour, or such a kind.
    """
    known = (MINIGRID, XLAND) if encoding is None else (MINIGRID, XLAND, encoding)
    first, _, rest = name.partition(" ")
    coloured = rest and any(first in (*_RELATIVE, *one.colours) for one in known)
    colour, kind = (first, rest) if coloured else ("", name)
    if not any(one.codes(kind) for one in known):
        kinds = {word for one in known for word in one.objects} - set(_NO_THINGS)
        kinds |= {f"{state} door" for one in known for state in one.states} | {"thing", *_GROUPS}
        raise ValueError(f"thing={name!r} names no kind; {choose_from(kind, sorted(kinds))}")
    return colour, kind


def _is_kind(word: str, kind: str) -> bool:
    if kind == "thing":
        return word not in _NO_THINGS
    return word == kind or word.endswith(f" {kind}") or word in _GROUPS.get(kind, ())
