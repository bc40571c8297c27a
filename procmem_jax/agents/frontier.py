"""An explorer of grids that are seen in part: it goes to the nearest cell not seen yet, or thing not tried yet."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.policy import ExplorationPolicy, PolicyParams
from procmem_jax.envs.foreign.door_key import step_ahead
from procmem_jax.envs.foreign.grid_percept.survey import AHEAD, LEFT, NOWHERE, Survey, first_step
from procmem_jax.envs.legal import is_legal, random_legal_action
from procmem_jax.envs.protocol import Environment, EnvParams, EnvState
from procmem_jax.memory.protocol import Step
from procmem_jax.records import param, params_record, state_record
from procmem_jax.streams import coin_of, mixed

_ONWARDS, _RIGHTWARDS, _LEFTWARDS, _LETS_GO = range(4)  # rows of `moves`
_MOST = 30000  # moves that are counted
_LONG_AGO = 1 << 20
_ENDED = 1 << 21


@params_record
class FrontierParams:
    """The numbers of the frontier explorer (traced)."""

    wandering: jax.Array | float = param(
        0.1, jnp.float32, "probability of a uniformly random action under frontier", minimum=0.0, maximum=1.0
    )


@state_record
class FrontierState:
    """What was found out of the actions, and what was tried in this episode.

    Attributes:
        moves: `[4, A]` int16, how often an action went ahead, turned right, turned left, let go of what was carried.
        pose: `[3]` int32, row, column and heading when the last action was chosen.
        carried: `()` int32, what was carried then.
        action: `()` int32, that action.
        age: `()` int32, steps since then; `_ENDED` if the episode has ended since.
        tried: `[2, H, W]` int16, how many actions were tried on what is in a cell, with empty hands and with full ones.
        held: `()` int32, what was carried when the second of these was begun.
        gave_up: `()` bool, whether nothing was left to try when the last action was chosen.
    """

    moves: jax.Array
    pose: jax.Array
    carried: jax.Array
    action: jax.Array
    age: jax.Array
    tried: jax.Array
    held: jax.Array
    gave_up: jax.Array


class _Aim(NamedTuple):
    """What a frontier explorer wants.

    Attributes:
        action: `()` int32; A where nothing is left to try on what is ahead.
        is_known: `()` bool, whether there is such an action.
        tries: `()` bool, whether it is tried on what is ahead.
        gives_up: `()` bool, whether nothing is left to see or to try.
    """

    action: jax.Array
    is_known: jax.Array
    tries: jax.Array
    gives_up: jax.Array


@dataclasses.dataclass(frozen=True)
class Frontier(ExplorationPolicy):
    """The shortest way over cells that were seen to the nearest cell that was not, or to a thing.

    In front of a thing (a shut door, a goal, what can be picked up) it tries one action after the other, but those that
    turn the agent, once with empty hands and once with each thing in them. Where nothing is left to try it lets go of
    what it carries; where its hands are empty then, everything but what it has put down is tried again. Which actions
    go ahead, turn and let go is found out by acting at random, which is also what it does where it has no other aim.

    It needs a percept that keeps a map, with a method `survey(notes) -> Survey`: a `GridPercept`.

    Source: Yamauchi 1997, "A frontier-based approach for autonomous exploration".

    Attributes:
        num_actions: A, as many as the environment has.
        shape: (H, W) of the map.
    """

    num_actions: int = 0
    shape: tuple[int, int] = (0, 0)

    Params = FrontierParams

    def check(self, environment: Environment, params: FrontierParams) -> None:
        """See `ExplorationPolicy`."""
        super().check(environment, params)
        if not keeps_map(environment):
            raise ValueError(
                "explorer='frontier' needs a percept that keeps a map, such as GridPercept() or a task NAME@grid; "
                "use explorer='random'"
            )

    def for_environment(self, environment: Environment) -> "Frontier":
        """See `ExplorationPolicy`."""
        return dataclasses.replace(self, num_actions=environment.num_actions, shape=_map_shape(environment))

    def begin(self, params: FrontierParams) -> FrontierState:
        """See `ExplorationPolicy`."""
        del params
        zero = jnp.zeros((), jnp.int32)
        return FrontierState(
            moves=jnp.zeros((4, self.num_actions), jnp.int16),
            pose=jnp.zeros((3,), jnp.int32),
            carried=zero,
            action=zero,
            age=jnp.full((), _ENDED, jnp.int32),
            tried=jnp.zeros((2, *self.shape), jnp.int16),
            held=zero,
            gave_up=jnp.zeros((), jnp.bool_),
        )

    def look(self, environment: Environment, state: EnvState, params: EnvParams) -> Survey:
        """See `ExplorationPolicy`."""
        del params
        return environment.survey(state)

    def act(self, state, percept, observation, word, params):
        """See `ExplorationPolicy`."""
        legal = jnp.ones((self.num_actions,), jnp.bool_)
        return self.act_legally(state, percept, observation, word, params, legal)

    def act_legally(self, state, percept, observation, word, params, legal):
        """See `ExplorationPolicy`; a random legal action where the one that it wants is illegal."""
        del percept
        survey: Survey = observation
        moves, tried = _learn_moves(state, survey), _still_tried(state, survey)
        aim = self._aim(moves, tried, survey, legal)
        wanders = coin_of(mixed(word + jnp.uint32(2))) < params.wandering
        wanders = wanders | ~aim.is_known | ~is_legal(aim.action, legal)
        action = jnp.where(wanders, random_legal_action(word, legal), aim.action)
        new = FrontierState(
            moves=moves,
            pose=jnp.stack([survey.row, survey.column, survey.heading]),
            carried=survey.carried,
            action=action,
            age=jnp.zeros((), jnp.int32),
            tried=self._note_tried(tried, survey, aim, wanders),
            held=jnp.where(survey.carried != 0, survey.carried, state.held),
            gave_up=aim.gives_up,
        )
        return new, action

    def _aim(self, moves: jax.Array, tried: jax.Array, survey: Survey, legal: jax.Array) -> _Aim:
        """Returns what to do; arguments as in `FrontierState`, and `legal` `[A]` bool."""
        is_full = survey.carried != 0
        here = jnp.where(is_full, tried[1], tried[0])
        to_try = survey.things & (here < self.num_actions)
        side, ahead = first_step(survey, to_try | survey.unseen), survey.is_ahead()
        tries, gives_up = (side == AHEAD) & jnp.any(ahead & to_try), side == NOWHERE
        numbers = jnp.arange(self.num_actions, dtype=jnp.int32)
        turns = jnp.max(moves[_RIGHTWARDS : _LEFTWARDS + 1], axis=0) > 0
        tried_here = jnp.max(jnp.where(ahead, here, jnp.int16(0))).astype(jnp.int32)
        can_try = ~turns & legal & (numbers >= tried_here)
        attempt = jnp.min(jnp.where(can_try, numbers, self.num_actions))
        move = jnp.where(side == AHEAD, _ONWARDS, jnp.where(side == LEFT, _LEFTWARDS, _RIGHTWARDS))
        counts = moves[jnp.where(gives_up, _LETS_GO, move)]
        can_move = (jnp.max(counts) > 0) & (~gives_up | is_full & jnp.any(ahead & survey.free))
        action = jnp.where(tries, attempt, jnp.argmax(counts).astype(jnp.int32))
        return _Aim(action, jnp.where(tries, attempt < self.num_actions, can_move), tries, gives_up)

    def _note_tried(self, tried: jax.Array, survey: Survey, aim: _Aim, wanders: jax.Array) -> jax.Array:
        """Returns what is tried after this action, `[2, H, W]` int16."""
        is_full, ahead = survey.carried != 0, survey.is_ahead()
        again, used = aim.gives_up & ~is_full, aim.tries & (~wanders | ~aim.is_known) & ahead
        count = jnp.minimum(aim.action + 1, self.num_actions).astype(jnp.int16)
        nothing = jnp.int16(0)
        with_empty = jnp.where(used & ~is_full, count, jnp.where(again & ~ahead, nothing, tried[0]))
        with_full = jnp.where(used & is_full, count, jnp.where(again, nothing, tried[1]))
        return jnp.stack([with_empty, with_full])

    def observe(self, state: FrontierState, step: Step, ended: jax.Array, params: PolicyParams) -> FrontierState:
        """See `ExplorationPolicy`."""
        del step, params
        older = jnp.where(state.age >= _ENDED, _ENDED, jnp.minimum(state.age + 1, _LONG_AGO))
        return dataclasses.replace(state, age=jnp.where(ended, _ENDED, older))


def keeps_map(environment: Environment) -> bool:
    """Returns whether the percept in an environment keeps a map that a frontier can be found on."""
    return hasattr(getattr(environment, "perceive", None), "survey")


@functools.lru_cache(maxsize=256)
def _map_shape(environment: Environment) -> tuple[int, int]:
    return environment.survey_outline().free.shape


def _learn_moves(state: FrontierState, survey: Survey) -> jax.Array:
    """Returns the counts of moves after what the last action did, if it was this policy's."""
    row, column, heading = state.pose
    down, across = step_ahead(heading)
    stays = (survey.row == row) & (survey.column == column)
    goes = (survey.row == row + down) & (survey.column == column + across) & (survey.heading == heading)
    turn = (survey.heading - heading) & 3
    let_go = (state.carried != 0) & (survey.carried == 0) & jnp.any(survey.is_ahead() & survey.things)
    did = jnp.stack([goes, stays & (turn == 1), stays & (turn == 3), let_go]) & (state.age == 1)
    taken = np.arange(state.moves.shape[1]) == state.action
    more = jnp.logical_and(did[:, None], taken[None, :]) & (state.moves < _MOST)
    return state.moves + more.astype(jnp.int16)


def _still_tried(state: FrontierState, survey: Survey) -> jax.Array:
    """Returns what was tried, `[2, H, W]` int16: nothing in a new episode, nothing yet with a new thing in hand."""
    put_down = state.gave_up & (state.carried != 0) & (survey.carried == 0) & survey.is_ahead()
    with_empty = jnp.where(put_down, jnp.int16(state.moves.shape[1]), state.tried[0])
    other = (survey.carried != 0) & (survey.carried != state.held)
    tried = jnp.stack([with_empty, jnp.where(other, jnp.int16(0), state.tried[1])])
    return jnp.where(state.age >= _ENDED, jnp.int16(0), tried)
