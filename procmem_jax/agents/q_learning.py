"""Tabular Q-learning on the same percept as the memory: the learner to beat.

Source: Watkins & Dayan 1992, "Q-learning"; initial values above what can be reached make it explore (Sutton & Barto
2018, "Reinforcement Learning", section 2.6).
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.memory.protocol import Memory, Step, World, check_grid, grid_size
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.percept import Percept
from procmem_jax.records import check_settings, param, params_record, setting, state_record
from procmem_jax.streams import coin_of, scale_word


@params_record
class QLearningParams:
    """The numbers of Q-learning (traced), tuned on random-8."""

    learning_rate: jax.Array | float = param(
        1.0, jnp.float32, "part of the error that an update takes away", minimum=0.0, maximum=1.0
    )
    discount: jax.Array | float = param(
        0.95, jnp.float32, "what the next step's value is worth now", minimum=0.0, maximum=1.0
    )
    q_epsilon: jax.Array | float = param(
        0.02, jnp.float32, "probability of a random action, in steps of 1/128", minimum=0.0, maximum=1.0
    )
    initial_value: jax.Array | float = param(1.0, jnp.float32, "value of everything untried", minimum=-1e6, maximum=1e6)


@state_record
class QTable:
    """Values of actions.

    Attributes:
        values: `[S, num_actions]` float32, by situation.
    """

    values: jax.Array


def num_situations(predicates: int, context_size: int, max_size: int) -> int:
    """Returns S: all predicates' values times all offsets times all facts of a context.

    Args:
        predicates: P.
        context_size: C: two offsets, then facts that are 0 or 1.
        max_size: cells along a side of the largest grid.
    """
    return 2**predicates * (2 * max_size - 1) ** 2 * 2 ** (context_size - 2)


def situation_index(percept: Percept, max_size: int) -> jax.Array:
    """Returns the number of a situation, `()` int32, below `num_situations`."""
    offsets = percept.context[:2].astype(jnp.int32) + (max_size - 1)
    index = offsets[0] * (2 * max_size - 1) + offsets[1]
    for fact in [*percept.context[2:], *percept.predicates]:
        index = 2 * index + fact.astype(jnp.int32)
    return index


@dataclasses.dataclass(frozen=True)
class QLearning(Memory):
    """Tabular Q-learning in the place of a memory: it always acts, and has no skills. It knows the grid only.

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    max_size: int = setting(8, "cells along a side of the largest grid that the table covers", minimum=3, maximum=64)
    num_actions: int = 6

    Params = QLearningParams
    title = "Q-learning"
    has_skills = False
    keeps_still = True

    def __post_init__(self):
        check_settings(self)

    def check(self, environment: World, environment_params: Any, params: QLearningParams) -> None:
        """See `Memory`."""
        super().check(environment, environment_params, params)
        check_grid("Q-learning", environment, environment_params, self.max_size)

    def for_environment(self, environment: World, environment_params: Any) -> "QLearning":
        """See `Memory`."""
        size = grid_size(environment, environment_params, self.max_size)
        return dataclasses.replace(self, max_size=size, num_actions=environment.num_actions)

    def library_config(self, num_predicates: int, context_size: int) -> LibraryConfig:
        """See `Memory`; nothing is ever stored in it."""
        return LibraryConfig(
            capacity=1,
            embedding_size=max(3, 2 * context_size),
            max_skill_length=8,
            num_predicates=num_predicates,
            eviction="utility",
        )

    def begin(self, percept: Percept, params: QLearningParams) -> QTable:
        """Returns a table in which every value is `initial_value`."""
        rows = num_situations(percept.predicates.shape[0], percept.context.shape[0], self.max_size)
        return QTable(jnp.full((rows, self.num_actions), 1.0, jnp.float32) * params.initial_value)

    def decide(
        self, state: QTable, percept: Percept, word: jax.Array, params: QLearningParams
    ) -> tuple[QTable, jax.Array, jax.Array]:
        """Returns (table, True, the epsilon-greedy action `()` int32); ties are broken at random."""
        num_actions = state.values.shape[1]
        values = state.values[situation_index(percept, self.max_size)]
        random_action, _ = scale_word(word, num_actions)
        order = (jnp.arange(num_actions, dtype=jnp.int32) + random_action) % num_actions
        first = jnp.min(jnp.where(values == jnp.max(values), order, num_actions))
        greedy = (first - random_action) % num_actions
        action = jnp.where(coin_of(word) < params.q_epsilon, random_action, greedy)
        return state, jnp.ones((), jnp.bool_), action

    def observe(self, state: QTable, step: Step, params: QLearningParams, enabled: jax.Array) -> QTable:
        """Returns the table after one update: Q += learning_rate * (reward + discount * max Q' - Q).

        Nothing follows a terminated episode; a truncated one is learned from as if it went on.

        Args:
            state: one example.
            step: the step, before any reset.
            params: its numbers.
            enabled: `()` bool; False leaves the table as it is.
        """
        index, next_index = (situation_index(percept, self.max_size) for percept in (step.before, step.after))
        future = jnp.where(step.terminated, 0.0, jnp.max(state.values[next_index]))
        error = step.reward + params.discount * future - state.values[index, step.action]
        change = jnp.where(enabled, params.learning_rate * error, 0.0)
        return QTable(state.values.at[index, step.action].add(change))

    def is_busy(self, state: QTable) -> jax.Array:
        """See `Memory`: there are no skills to be busy with."""
        del state
        return jnp.zeros((), jnp.bool_)
