"""What the two interfaces of Gymnasium to the grid share: spaces, pictures, checks of what callers give."""

from typing import Any

import numpy as np

from procmem_jax.envs.foreign.observation import observation_bounds
from procmem_jax.envs.foreign.peers import import_peer
from procmem_jax.envs.grid.render import render_rgb, render_text
from procmem_jax.envs.grid.tasks import make_task
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.export.options import Choices, make_choices
from procmem_jax.export.seeded_episodes import SeededState
from procmem_jax.records import as_arrays

METADATA = {"render_modes": ["rgb_array", "ansi"], "render_fps": 4}


def check_render_mode(mode: str | None) -> str | None:
    """Returns `mode`.

    Raises:
        ValueError: there is no such mode.
    """
    modes = METADATA["render_modes"]
    if mode is not None and mode not in modes:
        raise ValueError(f"render_mode={mode!r} is unknown; choose from {', '.join(modes)} or None")
    return mode


def check_options(options: dict | None, known: tuple[str, ...]) -> None:
    """Raises a ValueError for the first option of a reset that is not among the `known`."""
    for name in options or {}:
        if name not in known:
            raise ValueError(f"option {name!r} of reset is unknown; {', '.join(known) or 'there are none'}")


def reset_needed(what: str) -> Exception:
    """Returns Gymnasium's error for calling `what` before the first reset."""
    return import_peer("gymnasium").error.ResetNeeded(f"{what} came before reset; call reset first")


def make_program(
    task: str | GridWorld, changes: dict, skills: Any, discount: float | None
) -> tuple[GridWorld, GridWorldParams, Choices | None]:
    """Returns (grid, params as arrays, its choices with skills) of a task."""
    grid, params = make_task(task, **changes)
    return grid, as_arrays(params), make_choices(skills, discount, grid)


def make_spaces(world: GridWorld, params: GridWorldParams, choices: Choices | None) -> tuple[Any, Any]:
    """Returns the (observation, action) space of one environment."""
    spaces = import_peer("gymnasium").spaces
    low, high = observation_bounds(world, int(params.size))
    return spaces.Box(low, high, dtype=np.float32), spaces.Discrete((choices or world).num_actions)


def draw(state: SeededState, params: GridWorldParams, world: GridWorld, mode: str | None) -> np.ndarray | str | None:
    """Returns a picture of one environment as `mode` wants it."""
    if mode is None:
        return None
    return (render_rgb if mode == "rgb_array" else render_text)(state.world, params, walls=world.has_walls)


def class_of_peer(module: str, name: str, *bases: type) -> type:
    """Returns a class of `module` with a base of a peer's; by its name pickles find it again."""
    return type(name, bases, {"__module__": module, "__qualname__": name, "__doc__": bases[0].__doc__})
