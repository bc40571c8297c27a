"""gymnax environments without the reset inside their step, and what a memory may know of FourRooms.

Source: Lange 2022, "gymnax: a JAX-based reinforcement learning environment library".
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.forms.layers import inner_layers, layer_names, means_raw, told_by
from procmem_jax.envs.foreign.forms.no_reset import WithoutResets, split_end
from procmem_jax.percept import Percept

FOUR_ROOMS_ACTIONS = ("up", "right", "down", "left")
FOUR_ROOMS_PREDICATES = ("goal_reached",)
_WALL, _FLOOR, _GOAL, _AGENT = (77, 77, 77), (255, 255, 255), (44, 160, 44), (31, 119, 180)
_PIXELS = 16  # a cell


@dataclasses.dataclass(frozen=True)
class RawGymnax:
    """A gymnax environment (1.0, or 0.x with its five values), wrapped or not, as a `RawEnvironment`.

    Its raw transitions are played, or else the `step` of its wrappers without the reset inside.

    Attributes:
        env: the environment.

    Raises:
        ValueError: a wrapper cannot be honoured.
    """

    env: Any

    never_resets = True

    def __post_init__(self):
        plain = means_raw(self.env, "step", "step_env") and not inner_layers(self.env)
        object.__setattr__(self, "_without_resets", None if plain else WithoutResets(self.env))

    @property
    def name(self) -> str:
        """The environment's own, else that of its class."""
        return told_by(self.env, "name") or layer_names(self.env)

    @property
    def num_actions(self) -> int | None:
        """The number of actions, if it tells one."""
        return told_by(self.env, "num_actions")

    @property
    def default_params(self) -> Any:
        """The environment's own."""
        return told_by(self.env, "default_params")

    def action_space(self, params: Any) -> Any:
        """Returns the space of its actions, None if it tells none."""
        space = told_by(self.env, "action_space")
        return space(params) if callable(space) else space

    def reset(self, key: jax.Array, params: Any) -> tuple[Any, Any]:
        """Returns (observation, state)."""
        raw = means_raw(self.env, "reset", "reset_env")
        start = self.env.reset_env(key, params) if raw else self.env.reset(key, params)
        if not isinstance(start, tuple) or len(start) != 2:
            name = type(self.env).__name__
            raise ValueError(f"{layer_names(self.env)}: its reset gives no pair; give the environment inside {name}")
        return start

    def step(self, key: jax.Array, state: Any, action: jax.Array, params: Any) -> tuple:
        """Returns (observation, state, reward, terminated, truncated, info); see `split_end`."""
        arguments = (key, state, action, params)
        if self._without_resets is not None:
            return self._without_resets.step(*arguments)
        return split_end(self.env, self.env.step_env, arguments, self.env.step_env(*arguments))


@dataclasses.dataclass(frozen=True)
class RawFourRooms(RawGymnax):
    """gymnax's FourRooms, with a picture: its own drawing is a figure for a window."""

    def picture(self, state: Any, params: Any) -> np.ndarray:
        """Returns the walls, the agent (blue) and the goal (green), a square of 16 pixels each, `[H, W, 3]` uint8."""
        del params
        cells = np.where(np.asarray(self.env.occupied_map, bool)[..., None], _WALL, _FLOOR).astype(np.uint8)
        cells[tuple(np.asarray(state.goal))] = _GOAL
        cells[tuple(np.asarray(state.pos))] = _AGENT
        return cells.repeat(_PIXELS, axis=0).repeat(_PIXELS, axis=1)


def perceive_four_rooms(obs: jax.Array, state: AdaptedState, params: Any) -> Percept:
    """Returns what is known in FourRooms: the way (down, right) from the agent to the goal.

    The walls, which are not in the observation, make the best action another one from cell to cell, so that cells
    should differ as much as the embedding can tell: an offset of n cells is given as the n-th power of two (1, 2, 4,
    ...), with its sign.

    Args:
        obs: `[4]` integers, row and column of the agent and of the goal.
        state: of the episode.
        params: not used.
    """
    del params
    row, column, goal_row, goal_column = (obs[index].astype(jnp.int32) for index in range(4))
    offset = jnp.stack([goal_row - row, goal_column - column])
    distance = (1 << jnp.abs(offset)) >> 1
    cells = row + 16 * (column + 16 * (goal_row + 16 * goal_column))
    return Percept(
        predicates=state.rewarded[None],
        context=(jnp.sign(offset) * distance).astype(jnp.float32),
        fingerprint=cells.astype(jnp.uint32),
    )
