"""The grid as a Gymnasium `Env`. `GridWorldEnv` is made when it is first asked for: Gymnasium is optional."""

import functools
from typing import Any

import jax
import numpy as np

from procmem_jax.envs.foreign.observation import as_floats
from procmem_jax.envs.foreign.peers import import_peer
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.export.gymnasium_interface import (
    METADATA,
    check_options,
    check_render_mode,
    class_of_peer,
    draw,
    make_program,
    make_spaces,
    reset_needed,
)
from procmem_jax.export.gymnasium_vector_env import vector_env_class
from procmem_jax.export.seeded_episodes import (
    SeededState,
    begin_next,
    begin_seeded,
    first_info,
    seed_words,
    step_chosen,
)


def as_gymnasium(task: str | GridWorld, *, num_envs: int | None = None, **settings) -> Any:
    """Returns a Gymnasium `Env` of a task, or with `num_envs` a `VectorEnv` of so many, without the registry.

    Args:
        task: a name such as "random-5", or a grid.
        num_envs: how many environments one compiled program steps; None: one `Env`.
        settings: as `GridWorldEnv` and `GridWorldVectorEnv` take them.

    Raises:
        TypeError, ValueError: the task or a setting is unknown, a number out of bounds, or Gymnasium missing.
    """
    if num_envs is None:
        return _env_class()(task, **settings)
    return vector_env_class()(num_envs, task, **settings)


class _GridWorldEnv:
    """One grid behind Gymnasium's interface.

    `reset(seed=s)` begins the first episode of seed `s`, each later `reset()` the next one: together the episodes of
    agent 0 of `run_key(s)`. Without any seed one is drawn from `np_random`. Observations are float32 `[13]`, in the
    order of `OBSERVATION_NAMES`; the time limit is the world's own, so that no `TimeLimit` is needed; `info` tells the
    action that was carried out, and with skills what `as_gymnax` says of them, `action_mask` as int8 and also from
    `reset`. What steps after the end of an episode do is not defined.
    """

    metadata = METADATA

    def __init__(
        self,
        task: str | GridWorld = "random-5",
        render_mode: str | None = None,
        skills: Any = None,
        discount: float | None = None,
        **changes,
    ):
        """Makes the environment; it begins with the first `reset`.

        Args:
            task: a name such as "random-5", or a grid.
            render_mode: "rgb_array", "ansi" or None.
            skills, discount: further actions, as `as_gymnax` takes them.
            changes: fields of `GridWorldParams`, such as `size` or `sticky`.

        Raises:
            TypeError, ValueError: the task or a setting is unknown, a number out of bounds, or skills do not fit.
        """
        self.metadata = dict(METADATA)  # its own: Gymnasium's SyncVectorEnv writes into it
        self.render_mode = check_render_mode(render_mode)
        self._world, self._params, self._choices = make_program(task, changes, skills, discount)
        self.observation_space, self.action_space = make_spaces(self._world, self._params, self._choices)
        self._state: SeededState | None = None

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        """Returns (observation, info) of the first episode of `seed`, or of the next; info is empty without skills.

        Raises:
            TypeError, ValueError: `seed` is not a whole number from 0 to 2^64 - 1; there are no options.
        """
        check_options(options, ())
        words = None if seed is None else seed_words(seed)
        super().reset(seed=seed)
        if words is None and self._state is None:
            words = seed_words(int(self.np_random.integers(2**32)))
        if words is None:
            self._state, told = _begin_next(self._state, self._params, self._world, self._choices)
        else:
            self._state, told = _begin_seeded(words, self._params, self._world, self._choices)
        obs, info = jax.device_get(told)
        return np.array(obs), _as_info(info)

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Returns (observation, reward, terminated, truncated, info).

        Raises:
            ResetNeeded: there was no reset yet.
            ValueError: the action is none of the space.
        """
        if self._state is None:
            raise reset_needed("step")
        if not self.action_space.contains(action):
            raise ValueError(f"action={action!r} is none of 0 to {self.action_space.n - 1}; give one of these")
        self._state, told = _step(self._state, np.int32(action), self._params, self._world, self._choices)
        obs, reward, terminated, truncated, info = jax.device_get(told)
        return np.array(obs), float(reward), bool(terminated), bool(truncated), _as_info(info)

    def render(self) -> np.ndarray | str | None:
        """Returns the grid as the render mode wants it: `[H, W, 3]` uint8, text, or nothing.

        Raises:
            ResetNeeded: there was no reset yet.
        """
        if self._state is None:
            raise reset_needed("render")
        return draw(self._state, self._params, self._world, self.render_mode)


def _as_info(told: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: np.array(value) if value.ndim else value.item() for name, value in told.items()}


@functools.partial(jax.jit, static_argnames=("world", "choices"))
def _begin_seeded(words, params, world, choices):
    state = begin_seeded(words, world, params)
    return state, (as_floats(world.observe(state.world, params)), first_info(state, params, choices))


@functools.partial(jax.jit, static_argnames=("world", "choices"))
def _begin_next(state, params, world, choices):
    state = begin_next(state, world, params)
    return state, (as_floats(world.observe(state.world, params)), first_info(state, params, choices))


@functools.partial(jax.jit, static_argnames=("world", "choices"))
def _step(state, action, params, world, choices):
    state, *told = step_chosen(state, action, world, params, choices)
    return state, (as_floats(world.observe(state.world, params)), *told)


@functools.cache
def _env_class() -> type:
    return class_of_peer(__name__, "GridWorldEnv", _GridWorldEnv, import_peer("gymnasium").Env)


def __getattr__(name: str) -> type:
    """Returns the class that Gymnasium's registry and pickles ask this module for."""
    if name == "GridWorldEnv":
        return _env_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
