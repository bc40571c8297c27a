"""Environments of other packages by name, such as "xland:MiniGrid-DoorKey-5x5", in our terms."""

import functools
import importlib
import sys
from typing import Any

from procmem_jax.envs.foreign.adapted import AdaptedEnvironment, adapt
from procmem_jax.envs.foreign.door_key import DOOR_KEY_PREDICATES
from procmem_jax.envs.foreign.gymnax import (
    FOUR_ROOMS_ACTIONS,
    FOUR_ROOMS_PREDICATES,
    RawFourRooms,
    perceive_four_rooms,
)
from procmem_jax.envs.foreign.navix import NAVIX_ACTIONS, NavixPercept, RawNavix
from procmem_jax.envs.foreign.peer_names import NEWEST_ONLY, PEERS, check_peer
from procmem_jax.envs.foreign.xland import XLAND_ACTIONS, RawXLand, XLandPercept


@functools.lru_cache
def make_peer(name: str) -> tuple[AdaptedEnvironment, Any]:
    """Returns (environment, its params) of a name in `PEERS`; equal calls give the same objects, and so share programs.

    Raises:
        ValueError: the name is unknown, or the package is not installed.
    """
    check_peer(name)
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
        too_old = module in NEWEST_ONLY and sys.version_info < NEWEST_ONLY[module]
        wanted = ".".join(map(str, NEWEST_ONLY[module])) if too_old else ""
        how = f"use Python {wanted} or newer, and " if too_old else ""
        install = f"{how}install it with pip install 'procmem-jax[{module}]'"
        raise ValueError(f"this needs the package {module} ({error}); {install}") from None


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
