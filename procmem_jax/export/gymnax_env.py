"""The grid as a gymnax environment, for learners written for gymnax."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.observation import OBSERVATION_SHAPE, as_floats, observation_bounds
from procmem_jax.envs.foreign.peers import import_peer
from procmem_jax.envs.grid.tasks import make_task
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams, GridWorldState
from procmem_jax.export.options import WAIT, Choices, make_choices
from procmem_jax.records import params_record, state_record

_NO_LIMIT = 2**30  # steps; gymnax knows no endless episodes


@params_record
class GymnaxParams(GridWorldParams):
    """The numbers of a grid, by gymnax's names too."""

    @property
    def max_steps_in_episode(self) -> jax.Array:
        """The time limit, `()` int32; 2^30 where there is none."""
        limit = jnp.asarray(self.max_steps, jnp.int32)
        return jnp.where(limit > 0, limit, jnp.int32(_NO_LIMIT))

    def replace(self, **changes) -> "GymnaxParams":
        """Returns params with other numbers; the time limit goes by `max_steps` or `max_steps_in_episode`."""
        if "max_steps_in_episode" in changes:
            changes["max_steps"] = changes.pop("max_steps_in_episode")
        return dataclasses.replace(self, **changes)


@state_record
class GymnaxState(GridWorldState):
    """One world in the middle of an episode, by gymnax's names too."""

    @property
    def time(self) -> jax.Array:
        """`()` int32, steps since the episode began."""
        return self.step

    def replace(self, **changes) -> "GymnaxState":
        """Returns a state with other values."""
        if "time" in changes:
            changes["step"] = changes.pop("time")
        return dataclasses.replace(self, **changes)


@dataclasses.dataclass(frozen=True)
class _GymnaxGrid:
    """What gymnax's `Environment` leaves to its subclasses. Two of equal fields are equal and share programs.

    Attributes:
        world: the grid.
        numbers: the default params, Python numbers.
    """

    world: GridWorld
    numbers: GymnaxParams

    @property
    def name(self) -> str:
        """Such as "random-5-procmem"."""
        return f"{self.world.layout}-{self.numbers.size}-procmem"

    @property
    def num_actions(self) -> int:
        """The number of actions."""
        return self.world.num_actions

    @property
    def default_params(self) -> GymnaxParams:
        """The numbers of the task."""
        return self.numbers

    def reset_env(self, key: jax.Array, params: GymnaxParams) -> tuple[jax.Array, GymnaxState]:
        """Returns (observation `[13]` float32, first state). `key` is consumed."""
        obs, state = self.world.reset(key, params)
        return as_floats(obs), _gymnax_state(state)

    def step_env(
        self, key: jax.Array, state: GymnaxState, action: jax.Array, params: GymnaxParams
    ) -> tuple[jax.Array, GymnaxState, jax.Array, jax.Array, dict]:
        """Returns (observation, state, reward, terminated, info) of one raw transition. `key` is consumed."""
        action = jnp.asarray(action).astype(jnp.int32)
        obs, state, reward, terminated, _, info = self.world.step(key, state, action, params)
        return as_floats(obs), _gymnax_state(state), reward, terminated, info

    def observe(self, key: jax.Array, state: GymnaxState, action: Any, params: GymnaxParams) -> jax.Array:
        """Returns the observation of `state`, `[13]` float32."""
        del key, action
        return as_floats(self.world.observe(state, params))

    def is_terminated(self, state: GymnaxState, params: GymnaxParams) -> jax.Array:
        """Returns whether the goal was reached with the door open, `()` bool."""
        del params
        return self.world.is_terminated(state)

    def is_truncated(self, state: GymnaxState, params: GymnaxParams) -> jax.Array:
        """Returns whether the time ran out before the goal was reached, `()` bool."""
        return self.world.is_truncated(state, params)

    def action_space(self, params: GymnaxParams | None = None) -> Any:
        """Returns the six actions."""
        del params
        return _spaces().Discrete(self.num_actions)

    def observation_space(self, params: GymnaxParams | None = None) -> Any:
        """Returns the box of all observations on a grid of the task's size, since params may be traced."""
        del params
        low, high = observation_bounds(self.world, self.numbers.size)
        return _spaces().Box(low, high, OBSERVATION_SHAPE, jnp.float32)

    def state_space(self, params: GymnaxParams | None = None) -> Any:
        """Returns the space of what changes within an episode."""
        del params
        discrete, size = _spaces().Discrete, self.numbers.size
        cells = {"x": discrete(size), "y": discrete(size), "has_key": discrete(2), "door_open": discrete(2)}
        return _spaces().Dict({**cells, "time": discrete(_NO_LIMIT + 1), "last_action": discrete(self.num_actions)})


@dataclasses.dataclass(frozen=True)
class _GymnaxSkills(_GymnaxGrid):
    """The same with skills as further actions.

    Attributes:
        choices: the actions, its own and the skills.
    """

    choices: Choices

    @property
    def num_actions(self) -> int:
        """The number of actions and skills together."""
        return self.choices.num_actions

    def action_mask(self, state: GymnaxState, params: GymnaxParams | None = None) -> jax.Array:
        """Returns which actions and skills can begin in `state`, `[num_actions]` bool."""
        return self.choices.action_mask(state, self.numbers if params is None else params)

    def step(self, key: jax.Array, state: GymnaxState, action: jax.Array, params: GymnaxParams | None = None) -> tuple:
        """Returns what gymnax's `step` does; `info["action_mask"]` is of the state that it returns."""
        *told, info = super().step(key, state, action, params)
        return *told, {**info, "action_mask": self.action_mask(told[1], params)}

    def step_env(
        self, key: jax.Array, state: GymnaxState, action: jax.Array, params: GymnaxParams
    ) -> tuple[jax.Array, GymnaxState, jax.Array, jax.Array, dict]:
        """Returns (observation, state, reward, terminated, info) after an action or a whole skill. `key` is consumed.

        The first step of a skill draws from `key`, step t after it from `fold_in(key, t)`.
        """

        def move(state: GymnaxState, taken: jax.Array, action: jax.Array) -> tuple:
            own = jnp.where(taken == 0, key, jax.random.fold_in(key, taken))
            _, state, *told, info = self.world.step(own, state, action, params)
            return _gymnax_state(state), *told, info["executed_action"]

        choice, mask = jnp.asarray(action).astype(jnp.int32), self.action_mask(state, params)
        state, outcome = self.choices.carry_out(move, state, choice, mask)
        info = {name: getattr(outcome, name) for name in ("executed_action", "duration", "initiable")}
        return as_floats(self.world.observe(state, params)), state, outcome.reward, outcome.terminated, info

    def state_space(self, params: GymnaxParams | None = None) -> Any:
        """Returns the space of what changes within an episode; the last action may have been to wait."""
        space = super().state_space(params)
        last = _spaces().Box(WAIT, self.world.num_actions - 1, (), jnp.int32)
        return _spaces().Dict({**space.spaces, "last_action": last})


class _FiveValues:
    """The step of gymnax 0.x on top of that of 1.0."""

    def step(self, key: jax.Array, state: GymnaxState, action: jax.Array, params: GymnaxParams | None = None) -> tuple:
        """Returns (observation, state, reward, done, info); `info` tells `terminated` and `truncated` apart."""
        obs, state, reward, terminated, truncated, info = super().step(key, state, action, params)
        return obs, state, reward, terminated | truncated, info


def as_gymnax(
    task: str | GridWorld,
    *,
    five_values: bool = False,
    skills: Any = None,
    discount: float | None = None,
    **changes,
) -> tuple[Any, GymnaxParams]:
    """Returns (environment, params) of a task, as `gymnax.make` does.

    The environment is a `gymnax.environments.environment.Environment`. Its `reset` and `step` are gymnax's own: `step`
    resets by itself, and tells the last observation of an episode as `info["final_observation"]`. Observations are
    float32 `[13]`. Layout "shifting" is refused, because a gymnax reset cannot know the number of the episode.

    Args:
        task: a name such as "random-5", or a grid.
        five_values: whether `step` returns the (obs, state, reward, done, info) of gymnax 0.x, as learners written for
            it expect (rejax 0.1 is one).
        skills: path of an exported library of one agent, `SavedLibraries` or a `SkillLibrary`: its K skills that are
            not retired follow the A actions in the order of their slots, and each runs to its end within one step, or
            to that of the episode. `info` then tells `duration`, in primitive steps, as the time limit counts them;
            `initiable`; and `action_mask`, `[A + K]` bool, of the state returned, which `env.action_mask(state,
            params)` tells too. A skill whose precondition does not hold costs one step, in which nothing is done.
        discount: of the rewards inside a skill, from 0 to 1; None: 1, their plain sum, by which returns are those of
            the grid. SMDP learners give their own, and discount what follows a choice by `discount**duration`.
        changes: fields of `GridWorldParams`.

    Raises:
        TypeError, ValueError: the task is unknown, a number out of bounds, skills do not fit, or gymnax 1.0 or later is
            missing.
    """
    world, numbers = make_task(task, **changes)
    if world.layout == "shifting":
        raise ValueError(
            "layout='shifting' counts episodes, which the reset of gymnax cannot; use layout random, or Gymnasium"
        )
    choices = make_choices(skills, discount, world)
    grid, legacy = _classes(choices is not None)
    # Python numbers: the environment is hashed with them.
    plain = {field.name: np.asarray(getattr(numbers, field.name)).item() for field in dataclasses.fields(numbers)}
    params = GymnaxParams(**plain)
    return (legacy if five_values else grid)(world, params, *([] if choices is None else [choices])), params


@functools.cache
def _classes(with_skills: bool) -> tuple[type, type]:
    """Returns the environment's class, and that with five values."""
    environment = import_peer("gymnax").environments.environment
    if not hasattr(environment.Environment, "is_truncated"):
        raise ValueError("as_gymnax needs gymnax 1.0 or later; install it with: pip install 'gymnax>=1.0' six")
    own = _GymnaxSkills if with_skills else _GymnaxGrid
    grid = type("GridWorldEnvironment", (own, environment.Environment), {})
    return grid, type("FiveValueGridWorldEnvironment", (_FiveValues, grid), {})


def _spaces() -> Any:
    return import_peer("gymnax").environments.spaces


def _gymnax_state(state: GridWorldState) -> GymnaxState:
    return GymnaxState(**{field.name: getattr(state, field.name) for field in dataclasses.fields(GridWorldState)})
