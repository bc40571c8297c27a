"""Environments of other packages as tasks, such as "xland:MiniGrid-DoorKey-5x5": all that a package registers.

Nothing here needs jax, so that the command line can tell of them at once.
"""

from collections.abc import Iterable
from typing import NamedTuple

from procmem_jax.near_misses import choose_from


class Package(NamedTuple):
    """A package whose registered environments are tasks.

    Attributes:
        module: that is imported; also the extra of this package that installs it.
        help: a line.
    """

    module: str
    help: str


# By the prefix of their tasks.
PACKAGES = {
    "xland": Package("xminigrid", "XLand-MiniGrid: grids seen from the agent, turning and walking"),
    "navix": Package("navix", "NAVIX: MiniGrid's worlds; Python 3.12 or newer"),
    "gymnax": Package("gymnax", "classic control, MinAtar, bsuite and small mazes"),
    "craftax": Package("craftax", "Craftax and Craftax-Classic"),
    "jumanji": Package("jumanji", "Jumanji: puzzles, packing and routing"),
    "pgx": Package("pgx", "Pgx: board games against a random opponent, and MinAtar"),
}


class Peer(NamedTuple):
    """An environment of another package that was looked at here.

    Attributes:
        extra: of this package, which installs the other.
        limit: steps of an episode, the peer's own.
        help: a line.
        settings: of the memory, where its defaults do not suit the environment.
    """

    extra: str
    limit: int
    help: str
    settings: tuple[tuple[str, float], ...] = ()


# Turning takes steps too, so that the ways between two changes of a predicate are longer than in our grids.
_LONGER_WAYS = (("max_skill_length", 24), ("history_length", 32))
PEERS = {
    "xland:MiniGrid-DoorKey-5x5": Peer("xminigrid", 250, "key, locked door, goal; turning and walking, a 7 x 7 view"),
    "xland:MiniGrid-DoorKey-6x6": Peer("xminigrid", 360, "the same on 6 x 6"),
    "xland:MiniGrid-DoorKey-8x8": Peer("xminigrid", 640, "the same on 8 x 8", _LONGER_WAYS),
    "xland:MiniGrid-DoorKey-16x16": Peer("xminigrid", 2560, "the same on 16 x 16", _LONGER_WAYS),
    "xland:MiniGrid-Unlock": Peer("xminigrid", 288, "key and locked door; opening it is the goal"),
    "navix:Navix-DoorKey-5x5-v0": Peer("navix", 100, "as xland's 5 x 5, the agent in the corner; Python 3.12 or newer"),
    "navix:Navix-DoorKey-8x8-v0": Peer("navix", 256, "the same on 8 x 8", _LONGER_WAYS),
    "navix:Navix-DoorKey-Random-5x5-v0": Peer("navix", 100, "5 x 5, agent and goal anywhere in their rooms"),
    "navix:Navix-DoorKey-Random-8x8-v0": Peer("navix", 256, "the same on 8 x 8", _LONGER_WAYS),
    # No predicate changes before the goal, so that skills must be as long as the way; what is good in one cell is not
    # in the next; and since every third action slips, failures are no reason to explore.
    "gymnax:FourRooms-misc": Peer(
        "gymnax",
        500,
        "the way to a goal through four rooms; every third action slips",
        (("max_skill_length", 32), ("history_length", 64), ("match_tolerance", 0.001), ("retreat_steps", 0)),
    ),
}


# Extras that are empty on older versions of Python.
NEWEST_ONLY = {"navix": (3, 12)}


# At the end of a name, for a world that is to have another percept than by default: that of any world like MiniGrid, or
# a projection of what is observed, which knows nothing of worlds.
GRID_PERCEPT = "@grid"
PROJECTED_PERCEPT = "@projected"
_GRID_WORLDS = ("xland", "navix")


def is_peer(name: str) -> bool:
    """Whether a task is named as those of another package are, rightly or wrongly."""
    return name.partition(":")[0] in PACKAGES


def percept_of(name: str) -> str:
    """Returns the percept that the end of a task's name asks for, such as "@grid"; "" for its own."""
    at = name.find("@")
    return name[at:] if at >= 0 else ""


def check_peer(name: str) -> None:
    """Raises a ValueError for the name of a package alone; whether it registers the rest, only itself can tell."""
    prefix, _, rest = name.partition(":")
    if not rest:
        raise ValueError(f"task={name!r} names no environment; `procmem tasks {prefix}` lists those of the package")
    percept = percept_of(name)
    if percept not in ("", GRID_PERCEPT, PROJECTED_PERCEPT):
        raise ValueError(f"task={name!r}: {percept} is no percept; give {GRID_PERCEPT} or {PROJECTED_PERCEPT}")
    if percept == GRID_PERCEPT and prefix not in _GRID_WORLDS:
        raise ValueError(f"task={name!r}: {GRID_PERCEPT} is for worlds of {' and '.join(_GRID_WORLDS)}; leave it out")


def unknown_peer(name: str, registered: Iterable[str]) -> str:
    """Returns the message for an environment that its package does not register."""
    prefix = name.partition(":")[0]
    known = [f"{prefix}:{one}" for one in registered]
    return f"task={name!r} is unknown; {choose_from(name, known, among=f'those of `procmem tasks {prefix}`')}"
