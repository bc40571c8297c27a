"""Environments of other packages by name, such as "xland:MiniGrid-DoorKey-5x5", in our terms."""

import functools
import importlib
from typing import Any, NamedTuple

from procmem_jax.envs.foreign.adapted import AdaptedEnvironment, adapt
from procmem_jax.envs.foreign.door_key import DOOR_KEY_PREDICATES
from procmem_jax.envs.foreign.gymnax import (
    FOUR_ROOMS_ACTIONS,
    FOUR_ROOMS_PREDICATES,
    RawFourRooms,
    perceive_four_rooms,
)
from procmem_jax.envs.foreign.navix import NAVIX_ACTIONS, NavixPercept, RawNavix
from procmem_jax.envs.foreign.xland import XLAND_ACTIONS, RawXLand, XLandPercept


class Peer(NamedTuple):
    """An environment of another package that has a percept here.

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


@functools.lru_cache
def make_peer(name: str) -> tuple[AdaptedEnvironment, Any]:
    """Returns (environment, its params) of a name in `PEERS`; equal calls give the same objects, and so share programs.

    Raises:
        ValueError: the name is unknown, or the package is not installed.
    """
    if name not in PEERS:
        raise ValueError(f"task={name!r} is unknown; choose from {', '.join(PEERS)}")
    peer = PEERS[name]
    make = {"xminigrid": _make_xland, "gymnax": _make_gymnax, "navix": _make_navix}[peer.extra]
    return make(import_peer(peer.extra), name.partition(":")[2], peer.limit)


def import_peer(module: str) -> Any:
    """Returns an optional module, which an extra of the same name installs.

    Raises:
        ValueError: it is not installed; the message says how to.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ValueError(
            f"this needs the package {module} ({error}); install it with pip install 'procmem-jax[{module}]'"
        ) from None


def _make_xland(package: Any, ident: str, limit: int) -> tuple[AdaptedEnvironment, None]:
    env, env_params = package.make(ident)
    return adapt(
        RawXLand(env, env_params),
        XLandPercept(),
        None,
        action_names=XLAND_ACTIONS,
        predicate_names=DOOR_KEY_PREDICATES,
        episode_limit=limit,
    )


def _make_gymnax(package: Any, ident: str, limit: int) -> tuple[AdaptedEnvironment, Any]:
    env, env_params = package.make(ident)
    return adapt(
        RawFourRooms(env),
        perceive_four_rooms,
        env_params,
        action_names=FOUR_ROOMS_ACTIONS,
        predicate_names=FOUR_ROOMS_PREDICATES,
        episode_limit=limit,
    )


def _make_navix(package: Any, ident: str, limit: int) -> tuple[AdaptedEnvironment, None]:
    observations = importlib.import_module("navix.observations")
    env = package.make(ident, observation_fn=observations.none, max_steps=limit)
    return adapt(
        RawNavix(env),
        NavixPercept(),
        None,
        action_names=NAVIX_ACTIONS,
        predicate_names=DOOR_KEY_PREDICATES,
        episode_limit=limit,
    )
