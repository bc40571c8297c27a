"""Explorers with a small table of what was tried where: the least-tried action, and the way to the nearest untried one.

A row of the table belongs to a state, found by a hash of the percept's fingerprint. Two states may share a row; then
their numbers mix, and nothing worse happens. With a clock in the fingerprint no state comes twice, each row is new, and
the actions are uniformly random.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.policy import ExplorationPolicy, PolicyParams
from procmem_jax.envs.legal import random_legal_action
from procmem_jax.envs.protocol import Environment
from procmem_jax.memory.protocol import Step
from procmem_jax.records import param, params_record, setting, state_record

_GOLDEN = 0x9E3779B1  # 2**32 over the golden ratio, odd: neighbouring numbers end up far apart (Knuth 1973, 6.4)
_MOST = 65535


@params_record
class TableParams:
    """The numbers of explorers with a table (traced)."""

    uniform: jax.Array | float = param(
        0.0, jnp.float32, "probability of a uniformly random action under least-tried and nearest-untried",
        minimum=0.0, maximum=1.0,
    )  # fmt: skip


@state_record
class Table:
    """What was tried where.

    Attributes:
        rows: `[T, A]` uint16; `[T, A + 1]` if a row is of one episode only: its number, modulo 65,536, comes last.
        episode: `()` uint16, the number of the running one, from 1 on; None if rows outlive their episode.
    """

    rows: jax.Array
    episode: jax.Array | None


@dataclasses.dataclass(frozen=True)
class LeastTried(ExplorationPolicy):
    """One of the actions that were least often tried in this state; a random word breaks ties.

    Each step counts, whoever chose it, up to 65,535.

    Source: Thrun 1992, "Efficient exploration in reinforcement learning" (counter-based exploration); Koenig &
    Szymanski 1999, "Value-update rules for real-time search" (edge counting).

    Attributes:
        num_actions: A, as many as the environment has.
    """

    table_rows: int = setting(
        1024, "states that least-tried and nearest-untried tell apart at most, a power of two", minimum=1, maximum=2**20
    )
    per_episode: bool = setting(False, "least-tried and nearest-untried begin each episode with an empty table")
    num_actions: int = 0

    Params = TableParams

    def check(self, environment: Environment, params: PolicyParams) -> None:
        """See `ExplorationPolicy`."""
        super().check(environment, params)
        if self.table_rows.bit_count() != 1:
            above = 1 << self.table_rows.bit_length()
            raise ValueError(f"table_rows={self.table_rows} is no power of two; give {above // 2} or {above}")

    def for_environment(self, environment: Environment) -> "LeastTried":
        """See `ExplorationPolicy`."""
        return dataclasses.replace(self, num_actions=environment.num_actions)

    def begin(self, params: TableParams) -> Table:
        """See `ExplorationPolicy`."""
        del params
        rows = jnp.zeros((self.table_rows, self.num_actions + self.per_episode), jnp.uint16)
        return Table(rows, jnp.ones((), jnp.uint16) if self.per_episode else None)

    def act(self, state, percept, observation, word, params):
        """See `ExplorationPolicy`."""
        legal = jnp.ones((self.num_actions,), jnp.bool_)
        return self.act_legally(state, percept, observation, word, params, legal)

    def act_legally(self, state, percept, observation, word, params, legal):
        """See `ExplorationPolicy`."""
        del observation
        row = self._read(state, percept.fingerprint)
        lowest = jnp.min(jnp.where(legal, row, _MOST))
        # The action comes from the high bits of the word; in the high bits of the product all bits have a part.
        coin = ((word * jnp.uint32(_GOLDEN)) >> 8).astype(jnp.float32) * 2.0**-24
        return state, random_legal_action(word, legal & ((row == lowest) | (coin < params.uniform)))

    def observe_if(self, active, state, step, ended, params):
        """See `ExplorationPolicy`."""
        del params
        old = self._read(state, step.before.fingerprint)
        taken = np.arange(self.num_actions) == step.action
        row, episode = jnp.where(taken, self._entries(state, step, old), old), state.episode
        if self.per_episode:
            row, episode = jnp.append(row, episode), episode + (active & ended).astype(jnp.uint16)
        place = jnp.where(active, self._place(step.before.fingerprint), self.table_rows)  # past the end: not written
        return Table(state.rows.at[place].set(row, mode="drop"), episode)

    def _entries(self, state: Table, step: Step, row: jax.Array) -> jax.Array:
        """Returns the entries of a row after a step, `[A]` uint16, each as if its action had been taken."""
        del state, step
        return _one_more(row)

    def _place(self, fingerprint: jax.Array) -> jax.Array:
        bits = self.table_rows.bit_length() - 1
        return (((fingerprint * jnp.uint32(_GOLDEN)) >> 1) >> (31 - bits)).astype(jnp.int32)

    def _read(self, state: Table, fingerprint: jax.Array) -> jax.Array:
        """Returns the row of a state, `[A]` uint16."""
        row = state.rows.at[self._place(fingerprint)].get(mode="promise_in_bounds")
        return jnp.where(row[-1] == state.episode, row[:-1], jnp.uint16(0)) if self.per_episode else row


@dataclasses.dataclass(frozen=True)
class NearestUntried(LeastTried):
    """The action from which the fewest steps lead to an action never tried, as far as is known.

    An entry is a lower bound of these steps, 1 more than the lowest entry where the action led; a step that ends the
    episode counts as with `LeastTried`. Once all is tried, states are visited in turn. An action that is illegal where
    a step leads counts as untried there: in environments with illegal actions only one step is looked ahead.

    Source: Koenig & Simmons 1993, "Complexity analysis of real-time reinforcement learning" (zero-initialised
    Q-learning, undiscounted, each action costs 1): in deterministic worlds it gets everywhere in polynomial time, where
    random walks, and counts alone, may take exponential time.
    """

    def _entries(self, state, step, row):
        nearest = jnp.min(self._read(state, step.after.fingerprint))
        led_on = jnp.maximum(row, _one_more(nearest))
        return jnp.where(step.terminated | step.truncated, _one_more(row), led_on)


def _one_more(entries: jax.Array) -> jax.Array:
    return jnp.minimum(entries, _MOST - 1) + jnp.uint16(1)
