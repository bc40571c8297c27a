"""The key/door/goal grid: pure reset and step over immutable state."""

import dataclasses

import chex
import jax
import jax.numpy as jnp

from procmem_jax.envs.grid import layouts, script
from procmem_jax.envs.grid.actions import (
    ACTION_NAMES,
    MOVE_DOWN,
    MOVE_LEFT,
    MOVE_RIGHT,
    MOVE_UP,
    OPEN_DOOR,
    PICKUP_KEY,
)
from procmem_jax.envs.grid.layouts import Layout
from procmem_jax.percept import Percept
from procmem_jax.records import (
    as_arrays,
    check_numbers,
    check_range,
    check_settings,
    param,
    params_record,
    setting,
    state_record,
)

LAYOUTS = ("tutorial", "random", "doorkey", "shifting")
PREDICATE_NAMES = ("has_key", "door_open", "goal_reached")
_FEWEST_STEPS = 5  # from the start to the goal, whatever the layout
SURROUNDINGS = ((1, 0), (1, 1), (1, -1), (0, 1), (0, -1), (-1, 0))  # cells beside the agent that it sees as blocked
OBSERVATION_NAMES = (
    *("agent_x", "agent_y", "key_x", "key_y", "door_x", "door_y", "goal_x", "goal_y", "box_x", "box_y"),
    *("has_key", "door_open", "at_goal"),
)


# So that no return of an episode of 2^30 steps is beyond float32.
_REWARDS = {"minimum": -1e28, "maximum": 1e28}


@params_record
class GridWorldParams:
    """The numbers of a grid (traced): all may differ between the lanes of one `vmap`."""

    size: jax.Array | int = param(5, jnp.int32, "cells along a side", minimum=3, maximum=64)
    max_steps: jax.Array | int = param(
        100, jnp.int32, "steps until an episode is truncated; 0: no limit", minimum=0, maximum=2**30
    )
    step_reward: jax.Array | float = param(
        -0.1, jnp.float32, "reward of a step at which nothing else happens", **_REWARDS
    )
    key_reward: jax.Array | float = param(1.0, jnp.float32, "reward for taking the key", **_REWARDS)
    door_reward: jax.Array | float = param(2.0, jnp.float32, "reward for opening the door", **_REWARDS)
    goal_reward: jax.Array | float = param(10.0, jnp.float32, "reward at the goal with the door open", **_REWARDS)
    door_pays_again: jax.Array | bool = param(
        False, jnp.bool_, "opening an open door pays again (a quirk of the tutorial)"
    )
    sticky: jax.Array | float = param(
        0.0,
        jnp.float32,
        "probability that the action executed last is carried out again instead of the chosen one",
        minimum=0.0,
        maximum=1.0,
    )
    shift_every: jax.Array | int = param(
        50, jnp.int32, "episodes on one layout before the next (layout shifting)", minimum=1, maximum=2**30
    )
    key_x: jax.Array | int = param(2, jnp.int32, "column of the key on the tutorial layout", minimum=0)
    key_y: jax.Array | int = param(2, jnp.int32, "row of the key on the tutorial layout", minimum=0)
    door_x: jax.Array | int = param(3, jnp.int32, "column of the door on the tutorial layout", minimum=0)
    door_y: jax.Array | int = param(3, jnp.int32, "row of the door on the tutorial layout", minimum=0)
    box_x: jax.Array | int = param(1, jnp.int32, "column of the box on the tutorial layout", minimum=0)
    box_y: jax.Array | int = param(3, jnp.int32, "row of the box on the tutorial layout", minimum=0)


@state_record
class GridWorldState:
    """One world in the middle of an episode.

    Attributes:
        x, y: `()` int8, the agent's cell.
        has_key, door_open: `()` bool.
        step: `()` int32, steps since the episode began.
        last_action: `()` int32, the action executed last; 0 before the first step.
        layout: where everything stood at its start.
    """

    x: jax.Array
    y: jax.Array
    has_key: jax.Array
    door_open: jax.Array
    step: jax.Array
    last_action: jax.Array
    layout: Layout


@dataclasses.dataclass(frozen=True)
class GridWorld:
    """The key/door/goal world: fetch the key, open the door, reach the goal.

    An object without state, hashable, static under `jit`. All methods take one example; `vmap` them for batches. One
    compiled program serves all sizes: the size is a number in `GridWorldParams`.

    Raises:
        TypeError, ValueError: there is no such layout.
    """

    layout: str = setting(
        "random",
        "where objects stand: tutorial: fixed; random: drawn at each reset; doorkey: drawn, with a wall between the "
        "rooms; shifting: three drawn layouts in turn",
        choices=LAYOUTS,
    )

    costly_reset = False
    has_success = True
    percept_name = "key-door grid"
    has_script = True
    is_grid = True
    action_names = ACTION_NAMES
    predicate_names = PREDICATE_NAMES
    observation_names = OBSERVATION_NAMES

    def __post_init__(self):
        check_settings(self)

    @property
    def num_actions(self) -> int:
        """The number of actions; actions are the integers below it."""
        return len(ACTION_NAMES)

    @property
    def context_size(self) -> int:
        """C, the length of a percept's context."""
        return 2 + (len(SURROUNDINGS) if self.has_walls else 0)

    @property
    def has_walls(self) -> bool:
        """Whether a column of walls parts the grid in two rooms."""
        return self.layout == "doorkey"

    @property
    def draws_layout(self) -> bool:
        """Whether a reset uses its random words."""
        return self.layout != "tutorial"

    def default_params(self, **changes) -> GridWorldParams:
        """Returns checked concrete params; `size` is 5 cells unless given, the time limit 4 size^2 steps."""
        params = GridWorldParams(**changes)
        if "max_steps" not in changes:
            params = dataclasses.replace(params, max_steps=4 * params.size**2)
        self.check_params(params)
        return params

    def time_limit(self, params: GridWorldParams) -> jax.Array | int:
        """Returns the steps after which an episode is truncated, 0 for never."""
        return params.max_steps

    def check_params(self, params: GridWorldParams) -> None:
        """Raises a ValueError if the concrete `params` (scalars or batches) make no world of this layout."""
        check_numbers(params)
        if self.layout == "tutorial":
            smallest = int(jnp.min(jnp.asarray(params.size)))
            if smallest < 4:
                raise ValueError(
                    f"size={smallest} is below 4: the tutorial's door stands at (3, 3); use size 4 or more"
                )
            for name in ("key_x", "key_y", "door_x", "door_y", "box_x", "box_y"):
                check_range(name, getattr(params, name), 0, smallest - 1)

        if self.has_walls:
            check_range("size of a doorkey world", params.size, 5, 16)

    def layout_number(self, episode: jax.Array, params: GridWorldParams) -> jax.Array:
        """Returns the counter of the episode stream that draws the layout of `episode`, `()` int32."""
        if self.layout == "shifting":
            # Not `//` and `%`: with what they do for numbers below 0, LLVM in jaxlib 0.12 compiles for five minutes.
            turn = jax.lax.div(episode, params.shift_every)
            return jax.lax.rem(turn, jnp.full_like(turn, layouts.NUM_SHIFTING))
        return episode

    def draw_layout(self, words: tuple[jax.Array, jax.Array] | None, params: GridWorldParams) -> Layout:
        """Returns where things stand in an episode, a function of two random words (`()` uint32 each)."""
        params = as_arrays(params)
        if self.has_walls:
            return layouts.doorkey_layout(words, params.size)
        if self.draws_layout:
            return layouts.random_layout(words, params.size)
        return layouts.tutorial_layout(params)

    def begin(self, layout: Layout, params: GridWorldParams) -> GridWorldState:
        """Returns the first state of an episode on `layout`."""
        del params
        no, zero = jnp.zeros((), jnp.bool_), jnp.zeros((), jnp.int32)
        return GridWorldState(layout.start_x, layout.start_y, no, no, zero, zero, layout)

    def reset_from_words(self, words: tuple[jax.Array, jax.Array] | None, params: GridWorldParams) -> GridWorldState:
        """Returns the first state of an episode, a function of two random words (`()` uint32 each)."""
        return self.begin(self.draw_layout(words, params), params)

    def shortest_episode(self, params: GridWorldParams) -> jax.Array:
        """Returns a number of steps that no episode stays below, `()` int32.

        On the way to the goal key, door and goal cost a step each, and so do taking the key and opening the door; with
        walls the key may be taken beside the door, but then the goal is two steps behind it.
        """
        params = as_arrays(params)
        limit = jnp.where(params.max_steps > 0, params.max_steps, _FEWEST_STEPS)
        return jnp.minimum(limit, _FEWEST_STEPS)

    def step_from_words(
        self,
        words: tuple[jax.Array, jax.Array],
        state: GridWorldState,
        action: jax.Array,
        params: GridWorldParams,
    ) -> tuple[GridWorldState, jax.Array, jax.Array, jax.Array, dict]:
        """Returns (state, reward, terminated, truncated, info); `step` with random words in place of a key.

        The first word decides whether the executed action sticks.
        """
        params = as_arrays(params)
        executed = self._stick(words[0], state, action, params) if words is not None else action
        layout = state.layout
        x, y = self._move(state, executed, params)
        takes_key = (executed == PICKUP_KEY) & (x == layout.key_x) & (y == layout.key_y) & ~state.has_key
        opens = (executed == OPEN_DOOR) & self._at_door(state) & state.has_key
        pays_door = opens & (params.door_pays_again | ~state.door_open)
        new = GridWorldState(
            x,
            y,
            state.has_key | takes_key,
            state.door_open | opens,
            state.step + 1,
            executed.astype(jnp.int32),
            layout,
        )
        terminated = self.is_terminated(new)
        reward = jnp.where(takes_key, params.key_reward, params.step_reward)
        reward = jnp.where(pays_door, params.door_reward, reward)
        reward = jnp.where(terminated, params.goal_reward, reward)
        truncated = self.is_truncated(new, params)
        return new, reward, terminated, truncated, {"executed_action": executed}

    def is_terminated(self, state: GridWorldState) -> jax.Array:
        """Returns whether the goal was reached with the door open, `()` bool."""
        return state.door_open & (state.x == state.layout.goal_x) & (state.y == state.layout.goal_y)

    def succeeded(self, state: GridWorldState, params: GridWorldParams) -> jax.Array:
        """See `Environment`: the goal was reached."""
        del params
        return self.is_terminated(state)

    def truncates(self, state: GridWorldState, params: GridWorldParams) -> jax.Array:
        """See `Environment`: `max_steps` is the only limit."""
        del state, params
        return jnp.zeros((), jnp.bool_)

    def is_truncated(self, state: GridWorldState, params: GridWorldParams) -> jax.Array:
        """Returns whether `max_steps` ran out before the goal was reached, `()` bool."""
        return ~self.is_terminated(state) & (params.max_steps > 0) & (state.step >= params.max_steps)

    def _stick(self, word: jax.Array, state: GridWorldState, action: jax.Array, params: GridWorldParams) -> jax.Array:
        """Returns the executed action: with probability `sticky`, and never on the first step, the previous one.

        Source: Machado et al. 2018, "Revisiting the Arcade Learning Environment", section 5.2.
        """
        coin = (word >> 8).astype(jnp.float32) * 2.0**-24
        return jnp.where((coin < params.sticky) & (state.step > 0), state.last_action, action.astype(jnp.int32))

    def _move(self, state: GridWorldState, action: jax.Array, params: GridWorldParams) -> tuple[jax.Array, jax.Array]:
        """Returns the cell (x, y) after `action`; walls, the closed door and the edge leave it as it was."""
        last = (params.size - 1).astype(jnp.int8)
        x = jnp.clip(state.x + _signed(action, MOVE_RIGHT, MOVE_LEFT), 0, last)
        y = jnp.clip(state.y + _signed(action, MOVE_UP, MOVE_DOWN), 0, last)
        if not self.has_walls:
            return x, y
        stays = layouts.is_blocked(state.layout, state.door_open, x, y)
        return jnp.where(stays, state.x, x), jnp.where(stays, state.y, y)

    def _at_door(self, state: GridWorldState) -> jax.Array:
        """Returns whether the door can be opened from here: on its cell, or, where it is in a wall, beside it."""
        far_x, far_y = jnp.abs(state.x - state.layout.door_x), jnp.abs(state.y - state.layout.door_y)
        return (far_x + far_y == 1) if self.has_walls else (far_x + far_y == 0)

    def reset(self, key: jax.Array, params: GridWorldParams) -> tuple[jax.Array, GridWorldState]:
        """Returns (observation `[13]` int32, first state). `key` is consumed."""
        state = self.reset_from_words(_words(key), params)
        return self.observe(state, params), state

    def step(
        self, key: jax.Array, state: GridWorldState, action: jax.Array, params: GridWorldParams
    ) -> tuple[jax.Array, GridWorldState, jax.Array, jax.Array, jax.Array, dict]:
        """Returns (observation, state, reward, terminated, truncated, info) of one raw transition, without a reset.

        `terminated` says that the goal was reached with the door open; `truncated` that `max_steps` ran out first, so
        never both. The observation and state are the true last ones of the episode; what further steps do after its
        end is that of the tutorial's world, which moves on. An action outside 0 to 5 costs a step and does nothing.

        Args:
            key: consumed.
            state: one example.
            action: `()` integer, an index into `ACTION_NAMES`.
            params: concrete or traced.
        """
        chex.assert_rank(action, 0)
        state, reward, terminated, truncated, info = self.step_from_words(_words(key), state, action, params)
        return self.observe(state, params), state, reward, terminated, truncated, info

    def observe(self, state: GridWorldState, params: GridWorldParams) -> jax.Array:
        """Returns the observation of `state`, `[13]` int32 in the order of `OBSERVATION_NAMES`."""
        del params
        layout = state.layout
        cells = (layout.key_x, layout.key_y, layout.door_x, layout.door_y, layout.goal_x, layout.goal_y)
        bits = (state.has_key, state.door_open, (state.x == layout.goal_x) & (state.y == layout.goal_y))
        numbers = (state.x, state.y, *cells, layout.box_x, layout.box_y, *bits)
        return jnp.stack([number.astype(jnp.int32) for number in numbers])

    def perceive(self, obs: jax.Array, state: GridWorldState, params: GridWorldParams) -> Percept:
        """Returns the percept of one observation.

        Its context `[C]` is the offset (x, y), in cells, from the agent to what the next predicate is about: the key,
        then the door, then the goal; with walls also, as 0 or 1, which of the `SURROUNDINGS` are blocked.
        `goal_reached` means success, not merely standing on the goal.

        Source: agent-centred descriptions that transfer, Konidaris & Barto 2007, "Building portable options".
        """
        del obs, params
        layout = state.layout
        target_x = jnp.where(state.door_open, layout.goal_x, layout.door_x)
        target_y = jnp.where(state.door_open, layout.goal_y, layout.door_y)
        offset_x = jnp.where(state.has_key, target_x, layout.key_x) - state.x
        offset_y = jnp.where(state.has_key, target_y, layout.key_y) - state.y
        context = [offset_x, offset_y]
        if self.has_walls:
            for beside_x, beside_y in SURROUNDINGS:
                blocked = layouts.is_blocked(layout, state.door_open, state.x + beside_x, state.y + beside_y)
                context.append(blocked.astype(jnp.int8))
        return Percept(
            predicates=jnp.stack([state.has_key, state.door_open, self.is_terminated(state)]),
            context=jnp.stack(context).astype(jnp.float32),
            fingerprint=_fingerprint(state),
        )

    def perceive_state(self, state: GridWorldState, params: GridWorldParams) -> Percept:
        """Returns the percept of `state`."""
        return self.perceive(self.observe(state, params), state, params)

    def observe_state(self, state: GridWorldState, params: GridWorldParams) -> jax.Array:
        """Returns the observation of `state`, as `observe`."""
        return self.observe(state, params)

    def with_observations(self) -> "GridWorld":
        """Returns an environment whose `observe_state` works: this one."""
        return self

    def scripted_action(self, obs: jax.Array) -> jax.Array:
        """Returns the script's action on an observation, `()` int32, -1 where it has none to offer."""
        return script.scripted_action(dict(zip(OBSERVATION_NAMES, obs, strict=True)), self.layout)

    def optimal_steps(self, state: GridWorldState) -> jax.Array:
        """Returns the fewest steps from the start of `state`'s episode to its end, `()` int32."""
        return layouts.optimal_steps(state.layout, walls=self.has_walls)


def _signed(action: jax.Array, up: int, down: int) -> jax.Array:
    return (action == up).astype(jnp.int8) - (action == down).astype(jnp.int8)


def _fingerprint(state: GridWorldState) -> jax.Array:
    parts = (state.x, state.y, state.has_key, state.door_open)
    x, y, has_key, door_open = (part.astype(jnp.uint32) for part in parts)
    return x | (y << 6) | (has_key << 12) | (door_open << 13)


def _words(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    words = jax.random.bits(key, (2,), jnp.uint32)
    return words[0], words[1]
