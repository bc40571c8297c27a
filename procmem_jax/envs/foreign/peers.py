"""Environments of other packages by name, such as "xland:MiniGrid-DoorKey-5x5", in our terms."""

import functools
import importlib
import sys
from typing import Any

from procmem_jax.envs.foreign.adapted import AdaptedEnvironment
from procmem_jax.envs.foreign.door_key import DOOR_KEY_PREDICATES
from procmem_jax.envs.foreign.grid_percept.percept import GridPercept
from procmem_jax.envs.foreign.gymnax import (
    FOUR_ROOMS_ACTIONS,
    FOUR_ROOMS_PREDICATES,
    RawFourRooms,
    perceive_four_rooms,
)
from procmem_jax.envs.foreign.making import Outline, make_environment, outline_of
from procmem_jax.envs.foreign.navix import NAVIX_ACTIONS, NavixPercept, RawNavix
from procmem_jax.envs.foreign.peer_names import (
    NEWEST_ONLY,
    PACKAGES,
    PEERS,
    PROJECTED_PERCEPT,
    check_peer,
    percept_of,
    unknown_peer,
)
from procmem_jax.envs.foreign.projected import ProjectedPercept
from procmem_jax.envs.foreign.suites.registries import REGISTRIES
from procmem_jax.envs.foreign.xland import XLAND_ACTIONS, RawXLand, XLandPercept


class MissingPackageError(ValueError):
    """An optional package is not installed."""


NO_LIMIT = 1000  # steps of an episode, where a package tells none


@functools.lru_cache
def make_peer(name: str) -> tuple[AdaptedEnvironment, Any]:
    """Returns (environment, its params) of a task; equal calls give the same objects, and so share programs.

    Raises:
        TypeError, ValueError: the name is unknown, the package is not installed, or the environment cannot be played.
    """
    check_peer(name)
    prefix, _, ident = name.partition(":")
    package = import_peer(PACKAGES[prefix].module)
    known = REGISTRIES[prefix].names(package)
    if ident.removesuffix(percept_of(name)) not in known:
        raise ValueError(unknown_peer(name, known))
    outline, percept = _world_of(package, name)
    return make_environment(outline, **percept)


def describe_peer(name: str) -> dict[str, Any]:
    """Returns the actions, limit (steps) and percept of a registered task, which is not played; or why it is refused.

    Raises:
        MissingPackageError: its package is not installed.
    """
    package = import_peer(PACKAGES[name.partition(":")[0]].module)
    try:
        outline, percept = _world_of(package, name)
    except Exception as error:  # another package may raise anything; the list is worth having without it
        return {"refused": f"{type(error).__name__}: {error}".partition("\n")[0]}
    title = percept_title(percept.get("perceive", ProjectedPercept))
    return {"actions": len(outline.action_names), "limit": outline.limit, "percept": title}


def percept_title(perceive: Any) -> str:
    """Returns what tables call a percept: its own name if it is a function or a class, else that of its class."""
    return getattr(perceive, "__name__", type(perceive).__name__)


def registered(prefix: str) -> list[str]:
    """Returns the tasks of one package, all that it registers.

    Raises:
        MissingPackageError: it is not installed.
    """
    names = REGISTRIES[prefix].names(import_peer(PACKAGES[prefix].module))
    return [f"{prefix}:{name}" for name in names]


def import_peer(module: str) -> Any:
    """Returns an optional module, which an extra of the same name installs.

    Raises:
        MissingPackageError: it is not installed; the message says how to.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        too_old = module in NEWEST_ONLY and sys.version_info < NEWEST_ONLY[module]
        wanted = ".".join(map(str, NEWEST_ONLY[module])) if too_old else ""
        how = f"use Python {wanted} or newer, and " if too_old else ""
        install = f"{how}install it with pip install 'procmem-jax[{module}]'"
        raise MissingPackageError(f"this needs the package {module} ({error}); {install}") from None


def _world_of(package: Any, name: str) -> tuple[Outline, dict[str, Any]]:
    """Returns (the outline of a task, what else `make_environment` is to know)."""
    prefix, _, ident = name.removesuffix(percept_of(name)).partition(":")
    if prefix in _GRIDS and percept_of(name) == PROJECTED_PERCEPT:
        return _VIEWS[prefix](package, ident), {"success": "rewarded"}
    if prefix in _GRIDS and name not in PEERS:
        return _GRIDS[prefix](package, ident), {"perceive": GridPercept()}
    world = {"xland": _xland, "navix": _navix, "gymnax:FourRooms-misc": _four_rooms}
    if name in world or prefix in world:
        return world.get(name, world.get(prefix))(package, ident)
    return _plain(prefix, package, ident), {}


def _plain(prefix: str, package: Any, ident: str) -> Outline:
    env, env_params = REGISTRIES[prefix].make(package, ident)
    return outline_of(env, env_params=env_params, usual_limit=NO_LIMIT)


def _xland_grid(package: Any, ident: str) -> Outline:
    env, env_params = REGISTRIES["xland"].make(package, ident)
    known = {"action_names": XLAND_ACTIONS, "max_steps": env_params.max_steps, "usual_limit": NO_LIMIT}
    return outline_of(RawXLand(env, env_params), **known)


def _navix_grid(package: Any, ident: str) -> Outline:
    look = importlib.import_module("navix.observations").symbolic_first_person
    return outline_of(package.make(ident, observation_fn=look), usual_limit=NO_LIMIT)


_GRIDS = {"xland": _xland_grid, "navix": _navix_grid}
_VIEWS = {"xland": functools.partial(_plain, "xland"), "navix": _navix_grid}  # what an agent sees, 7 x 7 cells


def _xland(package: Any, ident: str) -> tuple[Outline, dict[str, Any]]:
    """Returns a world of key, door and goal with the percept of these."""
    return _xland_grid(package, ident), {"perceive": XLandPercept(), "predicate_names": DOOR_KEY_PREDICATES}


def _four_rooms(package: Any, ident: str) -> tuple[Outline, dict[str, Any]]:
    env, env_params = REGISTRIES["gymnax"].make(package, ident)
    outline = outline_of(RawFourRooms(env), env_params=env_params, action_names=FOUR_ROOMS_ACTIONS)
    return outline, {"perceive": perceive_four_rooms, "predicate_names": FOUR_ROOMS_PREDICATES}


def _navix(package: Any, ident: str) -> tuple[Outline, dict[str, Any]]:
    """Returns a world of key, door and goal with the percept of these."""
    blind = package.make(ident, observation_fn=importlib.import_module("navix.observations").none)
    outline = outline_of(RawNavix(blind), action_names=NAVIX_ACTIONS, max_steps=blind.max_steps)
    return outline, {"perceive": NavixPercept(), "predicate_names": DOOR_KEY_PREDICATES}
