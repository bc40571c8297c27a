"""Tabular Q-learning on the same percept as the memory: the learner to beat.

Source: Watkins & Dayan 1992, "Q-learning"; initial values above what can be reached make it explore (Sutton & Barto
2018, "Reinforcement Learning", section 2.6).
"""

import jax
import jax.numpy as jnp

from procmem_jax.agents.settings import AgentParams
from procmem_jax.percept import Percept
from procmem_jax.records import state_record
from procmem_jax.streams import scale_word


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


def begin(num_rows: int, num_actions: int, params: AgentParams) -> QTable:
    """Returns a table in which every value is `initial_value`."""
    return QTable(jnp.full((num_rows, num_actions), 1.0, jnp.float32) * params.initial_value)


def decide(table: QTable, index: jax.Array, word: jax.Array, coin: jax.Array, params: AgentParams) -> jax.Array:
    """Returns the epsilon-greedy action, `()` int32; ties are broken at random.

    Args:
        table: one example.
        index: `()` int32, of the situation.
        word: `()` uint32, a random word.
        coin: `()` float32, uniform in [0, 1).
        params: the agent's numbers.
    """
    num_actions = table.values.shape[1]
    values = table.values[index]
    random_action, _ = scale_word(word, num_actions)
    order = (jnp.arange(num_actions, dtype=jnp.int32) + random_action) % num_actions
    first = jnp.min(jnp.where(values == jnp.max(values), order, num_actions))
    greedy = (first - random_action) % num_actions
    return jnp.where(coin < params.q_epsilon, random_action, greedy)


def learn(
    table: QTable,
    index: jax.Array,
    action: jax.Array,
    reward: jax.Array,
    next_index: jax.Array,
    terminated: jax.Array,
    enabled: jax.Array,
    params: AgentParams,
) -> QTable:
    """Returns the table after one update: Q += learning_rate * (reward + discount * max Q' - Q).

    Nothing follows a terminated episode; a truncated one is learned from as if it went on.

    Args:
        table: one example.
        index, next_index: `()` int32, of the situations around the step.
        action: `()` int32.
        reward: `()` float32.
        terminated: `()` bool.
        enabled: `()` bool; False leaves the table as it is.
        params: the agent's numbers.
    """
    future = jnp.where(terminated, 0.0, jnp.max(table.values[next_index]))
    error = reward + params.discount * future - table.values[index, action]
    change = jnp.where(enabled, params.learning_rate * error, 0.0)
    return QTable(table.values.at[index, action].add(change))
