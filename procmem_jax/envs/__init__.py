"""Environments: our key/door/goal grid, and those of other packages in our terms."""

from typing import TYPE_CHECKING

from procmem_jax.lazy import lazy_names

if TYPE_CHECKING:
    from procmem_jax.envs.foreign.adapted import AdaptedEnvironment as AdaptedEnvironment
    from procmem_jax.envs.foreign.adapted import AdaptedState as AdaptedState
    from procmem_jax.envs.foreign.grid_percept.encoding import GridEncoding as GridEncoding
    from procmem_jax.envs.foreign.grid_percept.percept import GridPercept as GridPercept
    from procmem_jax.envs.foreign.grid_percept.sights import GridSight as GridSight
    from procmem_jax.envs.foreign.grid_percept.survey import Survey as Survey
    from procmem_jax.envs.foreign.projected import ProjectedPercept as ProjectedPercept
    from procmem_jax.envs.foreign.suites.brax import from_brax as from_brax
    from procmem_jax.envs.foreign.suites.jumanji import from_jumanji as from_jumanji
    from procmem_jax.envs.foreign.suites.navix import from_navix as from_navix
    from procmem_jax.envs.foreign.suites.pgx import from_pgx as from_pgx
    from procmem_jax.envs.foreign.suites.stoa import from_stoa as from_stoa
    from procmem_jax.envs.foreign.suites.xland import from_xland as from_xland
    from procmem_jax.envs.grid.layouts import Layout as Layout
    from procmem_jax.envs.grid.render import render_rgb as render_rgb
    from procmem_jax.envs.grid.render import render_text as render_text
    from procmem_jax.envs.grid.tasks import make_task as make_task
    from procmem_jax.envs.grid.world import GridWorld as GridWorld
    from procmem_jax.envs.grid.world import GridWorldParams as GridWorldParams
    from procmem_jax.envs.grid.world import GridWorldState as GridWorldState
    from procmem_jax.envs.protocol import Environment as Environment

_NAMES = {
    "foreign.adapted": "AdaptedEnvironment AdaptedState",
    "foreign.grid_percept.encoding": "GridEncoding",
    "foreign.grid_percept.percept": "GridPercept",
    "foreign.grid_percept.sights": "GridSight",
    "foreign.grid_percept.survey": "Survey",
    "foreign.projected": "ProjectedPercept",
    "foreign.suites.jumanji": "from_jumanji",
    "foreign.suites.pgx": "from_pgx",
    "foreign.suites.brax": "from_brax",
    "foreign.suites.navix": "from_navix",
    "foreign.suites.stoa": "from_stoa",
    "foreign.suites.xland": "from_xland",
    "grid.layouts": "Layout",
    "grid.render": "render_rgb render_text",
    "grid.tasks": "make_task",
    "grid.world": "GridWorld GridWorldParams GridWorldState",
    "protocol": "Environment",
}
_MOVED = {"procmem_jax.export": "as_gymnasium as_gymnax register_gymnasium"}
__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES, moved=_MOVED)
