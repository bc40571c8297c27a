"""Environments of other packages by name, such as "xland:MiniGrid-DoorKey-5x5", made into worlds of ours."""

import functools
import importlib
from typing import Any, NamedTuple

from procmem_jax.envs.adapters.adapted import AdaptedWorld, adapt
from procmem_jax.envs.adapters.door_key import DOOR_KEY_PREDICATES
from procmem_jax.envs.adapters.gymnax import (
    FOUR_ROOMS_ACTIONS,
    FOUR_ROOMS_PREDICATES,
    RawGymnax,
    perceive_four_rooms,
)
from procmem_jax.envs.adapters.xland import XLAND_ACTIONS, RawXLand, perceive_xland


class Peer(NamedTuple):
    """An environment of another package that has a percept here.

    Attributes:
        extra: of this package, which installs the other.
        limit: steps of an episode, the peer's own.
        help: a line.
    """

    extra: str
    limit: int
    help: str


PEERS = {
    "xland:MiniGrid-DoorKey-5x5": Peer("xminigrid", 250, "key, locked door, goal; turning and walking, a 7 x 7 view"),
    "xland:MiniGrid-DoorKey-6x6": Peer("xminigrid", 360, "the same on 6 x 6"),
    "xland:MiniGrid-DoorKey-8x8": Peer("xminigrid", 640, "the same on 8 x 8"),
    "xland:MiniGrid-DoorKey-16x16": Peer("xminigrid", 2560, "the same on 16 x 16"),
    "xland:MiniGrid-Unlock": Peer("xminigrid", 288, "key and locked door; opening it is the goal"),
    "gymnax:FourRooms-misc": Peer("gymnax", 500, "the way to a goal through four rooms; every third action slips"),
}
_MODULES = {"xminigrid": "xminigrid", "gymnax": "gymnax", "navix": "navix"}


@functools.lru_cache
def make_peer(name: str) -> tuple[AdaptedWorld, Any]:
    """Returns (world, its params) of a name in `PEERS`; equal calls give the same objects, and so share programs.

    Raises:
        ValueError: the name is unknown, or the package is not installed.
    """
    if name not in PEERS:
        raise ValueError(f"task={name!r} is unknown; choose from {', '.join(PEERS)}")
    peer = PEERS[name]
    package = import_peer(_MODULES[peer.extra], peer.extra)
    ident = name.partition(":")[2]
    make = {"xminigrid": _make_xland, "gymnax": _make_gymnax}[peer.extra]
    return make(package, ident, peer.limit)


def import_peer(module: str, extra: str) -> Any:
    """Returns an optional module.

    Raises:
        ValueError: it is not installed; the message says how to.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"this needs the package {module} ({error}); install it with pip install 'procmem-jax[{extra}]'"
        ) from None


def _make_xland(package: Any, ident: str, limit: int) -> tuple[AdaptedWorld, None]:
    env, env_params = package.make(ident)
    return adapt(
        RawXLand(env, env_params),
        perceive_xland,
        None,
        action_names=XLAND_ACTIONS,
        predicate_names=DOOR_KEY_PREDICATES,
        episode_limit=limit,
    )


def _make_gymnax(package: Any, ident: str, limit: int) -> tuple[AdaptedWorld, Any]:
    env, env_params = package.make(ident)
    return adapt(
        RawGymnax(env),
        perceive_four_rooms,
        env_params,
        action_names=FOUR_ROOMS_ACTIONS,
        predicate_names=FOUR_ROOMS_PREDICATES,
        episode_limit=limit,
    )
