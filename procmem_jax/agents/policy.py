"""The base of all exploration policies: what an agent asks of one.

A policy is a frozen, hashable object that owns its static settings and names the record of its traced numbers
(`Params`, any pytree: the weights of a network for example). It may keep a state of its own. All methods take one
example.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.envs.legal import is_legal, random_legal_action
from procmem_jax.envs.protocol import Environment, EnvParams, EnvState
from procmem_jax.memory.protocol import NoParams, Step
from procmem_jax.percept import Percept
from procmem_jax.records import check_numbers
from procmem_jax.streams import scale_word, threefry2x32

PolicyState = Any  # a pytree; which one is the policy's own business
PolicyParams = Any  # a pytree of numbers


class ExplorationPolicy:
    """The base of all exploration policies: `act` must be written, what else there is has a default.

    A policy's results are the same in any batch if it is made of operations that do not depend on the batch: sums in a
    fixed order (`fixed_order.dense`) instead of matrix products, random numbers from the given word alone.

    Attributes:
        Params: class of its numbers.
        uses_observation: whether `act` looks at the observation; if not, it gets None.
    """

    Params: type = NoParams
    uses_observation = False

    def default_params(self) -> PolicyParams:
        """Returns the numbers that it has unless others are given."""
        return self.Params()

    def check(self, environment: Environment, params: PolicyParams) -> None:
        """Raises a ValueError if it cannot act in `environment`, or a concrete number is out of bounds."""
        del environment
        if dataclasses.is_dataclass(params):
            check_numbers(params)

    def for_environment(self, environment: Environment) -> "ExplorationPolicy":
        """Returns this policy for an environment; by default as it is."""
        del environment
        return self

    def begin(self, params: PolicyParams) -> PolicyState:
        """Returns its state at the start of an agent's life; by default there is none."""
        del params
        return ()

    def look(self, environment: Environment, state: EnvState, params: EnvParams) -> Any:
        """Returns what `act` is given as the observation; by default that, or None if it is not used."""
        return environment.observe_state(state, params) if self.uses_observation else None

    def act(
        self, state: PolicyState, percept: Percept, observation: Any, word: jax.Array, params: PolicyParams
    ) -> tuple[PolicyState, jax.Array]:
        """Returns (state, action `()` int32). The state is taken over only where no skill runs.

        Args:
            state: one example.
            percept: of the situation.
            observation: of the situation, as the environment gives it; None unless `uses_observation`.
            word: `()` uint32, a random word.
            params: its numbers.
        """
        raise NotImplementedError(f"{type(self).__name__} lacks act(state, percept, observation, word, params)")

    def act_legally(
        self,
        state: PolicyState,
        percept: Percept,
        observation: Any,
        word: jax.Array,
        params: PolicyParams,
        legal: jax.Array,
    ) -> tuple[PolicyState, jax.Array]:
        """Returns what `act` does where `legal` (`[A]` bool) allows it, else a uniformly random legal action.

        Called in the place of `act` in environments that tell which actions are legal; one always is.
        """
        state, action = self.act(state, percept, observation, word, params)
        # The word has chosen what is not legal, and so is not random any more.
        fresh, _ = threefry2x32((jnp.uint32(0), jnp.uint32(0)), word, word)
        return state, jnp.where(is_legal(action, legal), action, random_legal_action(fresh, legal))

    def observe(self, state: PolicyState, step: Step, ended: jax.Array, params: PolicyParams) -> PolicyState:
        """Returns the state after a step, whoever chose it; `ended` (`()` bool): the episode ended with it."""
        del step, ended, params
        return state

    def observe_if(
        self, active: jax.Array, state: PolicyState, step: Step, ended: jax.Array, params: PolicyParams
    ) -> PolicyState:
        """Returns the state after `observe` if the agent is `active` (`()` bool), else as it is.

        A policy with a large state may say itself how, so that not all of it is selected in every tick.
        """
        observed = self.observe(state, step, ended, params)
        return jax.tree.map(lambda new, old: jnp.where(active, new, old), observed, state)


def random_action(word: jax.Array, num_actions: int) -> jax.Array:
    """Returns a uniform action, `()` int32, from one random word."""
    return scale_word(word, num_actions)[0]
