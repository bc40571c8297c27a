"""What an agent sees, where it stands and what it carries, out of the observations and states of each package."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.door_key import from_view
from procmem_jax.envs.foreign.forms.layers import is_of

_NAVIX_REACH = 7  # cells across of MiniGrid's view
_NAVIX_AGENT = 10
_NAVIX_KINDS = {"door": 4, "key": 5, "ball": 6, "box": 7, "goal": 8}
_XLAND_NO_TILE = (0, 6)  # goals that name none: the empty one, and to be in a place


class GridSight(NamedTuple):
    """What an agent sees of a grid, and knows of itself.

    Attributes:
        view: `[V, V, channels]` integers, V odd; the agent is in the middle of the last row and looks up. What is in
            its own cell is not looked at.
        row, column, heading: `()` int32, its pose; headings are 0 up, 1 right, 2 down, 3 left.
        shape: static, (H, W) of the grid, in cells.
        carried: `[channels]`, what it carries, as in a cell of the view; any other than a thing is nothing. None where
            only `pocket` tells.
        pocket: `()` int, whatever tells one thing carried from another, -1 nothing; what it is, is then what was seen
            ahead before. None where `carried` tells; where both are None, nothing is ever carried.
        mission: `[2]` int32, the numbers of object and colour that the mission names; an object of 0 is any. None
            where there is no mission.
    """

    view: jax.Array
    row: jax.Array
    column: jax.Array
    heading: jax.Array
    shape: tuple[int, int]
    carried: jax.Array | None = None
    pocket: jax.Array | None = None
    mission: jax.Array | None = None


LookFunction = Callable[[Any, AdaptedState, Any], GridSight]


def look_for(state: AdaptedState) -> LookFunction:
    """Returns what looks at the observations of the package that a state is of.

    Raises:
        TypeError: it is of none that is known.
    """
    for package, look in (("xminigrid", look_xland), ("navix", look_navix)):
        if is_of(state.env, package):
            return look
    kind = type(state.env)
    raise TypeError(
        f"GridPercept does not know the states {kind.__module__}.{kind.__qualname__}; "
        "give look=function, (obs, state, params) -> GridSight"
    )


def look_xland(obs: Any, state: AdaptedState, params: Any) -> GridSight:
    """Returns what is seen in XLand-MiniGrid: pose and pocket are the state's, the mission a goal in the observation.

    Its states have a goal in every world; who is not shown it (`RulesAndGoalsObservationWrapper`) is not told.
    """
    del params
    view, mission = obs, None
    if isinstance(obs, Mapping):
        view, goal = obs["img"], obs.get("goal_encoding")
        if goal is not None:
            named = ~jnp.isin(goal[0], jnp.asarray(_XLAND_NO_TILE, goal.dtype))
            mission = jnp.where(named, goal[1:3].astype(jnp.int32), jnp.asarray((0, -1), jnp.int32))
    agent, grid = state.env.state.agent, state.env.state.grid
    row, column, heading = (part.astype(jnp.int32) for part in (*agent.position, agent.direction))
    return GridSight(view, row, column, heading, grid.shape[:2], carried=agent.pocket, mission=mission)


def look_navix(obs: Any, state: AdaptedState, params: Any) -> GridSight:
    """Returns what is seen in NAVIX: pose, pocket and mission are the state's.

    Of an observation of the whole grid (`symbolic`, the default there) the view of 7 x 7 cells is cut out.

    Raises:
        TypeError: the observation is not symbolic.
    """
    del params
    world = state.env.state
    player = world.entities["player"]
    row, column = player.position[0].astype(jnp.int32)
    heading = (player.direction[0].astype(jnp.int32) + 1) & 3  # NAVIX counts from the right
    pose, shape = (row, column, heading), world.grid.shape
    if getattr(obs, "ndim", 0) != 3 or obs.shape[-1] != 3 or not jnp.issubdtype(obs.dtype, jnp.integer):
        raise TypeError("GridPercept needs symbolic views; make it with observation_fn=symbolic_first_person of navix")
    view = obs
    if obs.shape[:2] == shape:  # perhaps of the whole grid, which alone shows the agent where it is
        view = cut_view(obs, *pose, _NAVIX_REACH)
        if obs.shape == view.shape:
            view = jnp.where(obs[row, column, 0] == _NAVIX_AGENT, view, obs)
    mission = _navix_mission(world) if world.mission else None
    return GridSight(view, *pose, shape, pocket=player.pocket[0], mission=mission)


def _navix_mission(world: Any) -> jax.Array:
    """Returns object and colour of the first target, `[2]` int32; the object is 0 where the target is an empty cell."""
    target = world.mission[0]
    kind = jnp.zeros((), jnp.int32)
    for name, number in _NAVIX_KINDS.items():
        if name in world.entities:
            there = jnp.any(jnp.all(world.entities[name].position == target.position, axis=-1))
            kind = jnp.where(there, jnp.int32(number), kind)
    return jnp.stack([kind, target.colour.astype(jnp.int32).reshape(())])


def cut_view(grid: jax.Array, row: jax.Array, column: jax.Array, heading: jax.Array, size: int) -> jax.Array:
    """Returns the view of an agent in a grid, `[size, size, channels]`; zeros outside of the grid.

    Args:
        grid: `[H, W, channels]`.
        row, column, heading: `()` int32, its pose.
        size: static, odd.
    """
    cells = jnp.arange(size, dtype=jnp.int32)
    ahead, right = jnp.meshgrid(cells[::-1], cells - size // 2, indexing="ij")
    down, across = from_view(ahead, right, heading)
    rows, columns = row + down, column + across
    inside = (rows >= 0) & (rows < grid.shape[0]) & (columns >= 0) & (columns < grid.shape[1])
    shown = grid[jnp.clip(rows, 0, grid.shape[0] - 1), jnp.clip(columns, 0, grid.shape[1] - 1)]
    return jnp.where(inside[..., None], shown, 0)
