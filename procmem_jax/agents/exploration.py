"""What an agent does when no skill runs: random and scripted actions, and the names of all exploration policies."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.counting import LeastTried, NearestUntried
from procmem_jax.agents.frontier import Frontier
from procmem_jax.agents.persistent import Adaptive, Persistent
from procmem_jax.agents.policy import ExplorationPolicy, PolicyParams, random_action
from procmem_jax.envs.legal import random_legal_action
from procmem_jax.envs.protocol import Environment
from procmem_jax.records import check_count, param, params_record, state_record
from procmem_jax.streams import scale_word

SCRIPTED = -1  # the script's choice on a tape, and what a script says that has none


@dataclasses.dataclass(frozen=True)
class RandomPolicy(ExplorationPolicy):
    """Uniformly random actions.

    Attributes:
        num_actions: the actions 0, 1, ...; 0: as many as the environment has.
    """

    num_actions: int = 0

    def check(self, environment: Environment, params: PolicyParams) -> None:
        """See `ExplorationPolicy`."""
        super().check(environment, params)
        check_count("num_actions", self.num_actions, 0, environment.num_actions)

    def for_environment(self, environment: Environment) -> "RandomPolicy":
        """See `ExplorationPolicy`."""
        return dataclasses.replace(self, num_actions=self.num_actions or environment.num_actions)

    def act(self, state, percept, observation, word, params):
        """See `ExplorationPolicy`."""
        del percept, observation, params
        return state, random_action(word, self.num_actions)

    def act_legally(self, state, percept, observation, word, params, legal):
        """See `ExplorationPolicy`; beyond the first `num_actions` only where none of these is legal."""
        del percept, observation, params
        first = legal & (np.arange(legal.shape[0]) < self.num_actions)
        return state, random_legal_action(word, jnp.where(jnp.any(first), first, legal))


@dataclasses.dataclass(frozen=True)
class ScriptedPolicy(ExplorationPolicy):
    """The environment's script; a random action where it has none to offer.

    Attributes:
        environment: whose script it is; None: the one that the agent lives in.
    """

    environment: Environment | None = None

    uses_observation = True

    def for_environment(self, environment: Environment) -> "ScriptedPolicy":
        """See `ExplorationPolicy`."""
        return self if self.environment else dataclasses.replace(self, environment=environment)

    def check(self, environment: Environment, params: PolicyParams) -> None:
        """See `ExplorationPolicy`."""
        super().check(environment, params)
        if not environment.has_script:
            raise ValueError(
                f"explorer={name_of_policy(self)!r}: this environment has no script; use explorer='random'"
            )

    def act(self, state, percept, observation, word, params):
        """See `ExplorationPolicy`."""
        del percept, params
        scripted = self.environment.scripted_action(observation)
        return state, jnp.where(scripted == SCRIPTED, random_action(word, self.environment.num_actions), scripted)


@params_record
class EpsilonParams:
    """The numbers of the epsilon policy (traced)."""

    epsilon: jax.Array | float = param(
        0.1, jnp.float32, "probability of a random action under the epsilon explorer", minimum=0.0, maximum=1.0
    )


@dataclasses.dataclass(frozen=True)
class EpsilonPolicy(ScriptedPolicy):
    """A random action with probability epsilon, else the environment's script."""

    Params = EpsilonParams

    def act(self, state, percept, observation, word, params):
        """See `ExplorationPolicy`."""
        del percept
        scripted = self.environment.scripted_action(observation)
        action, leftover = scale_word(word, self.environment.num_actions)
        coin = (leftover >> 8).astype(jnp.float32) * 2.0**-24
        return state, jnp.where((scripted == SCRIPTED) | (coin < params.epsilon), action, scripted)


@state_record
class Tape:
    """Recorded exploration: entry by entry, an action or the scripted choice.

    Attributes:
        entries: `[T]` int8 (int16 if an action is above 127), an action, or -1 for the scripted choice.
        next_action: `[T]` int32, the first index from here on whose entry is an action; T if there is none.
    """

    entries: jax.Array
    next_action: jax.Array


def make_tape(entries, length: int) -> Tape:
    """Returns the tape of a list of entries, padded with -1 to `length`.

    Raises:
        OverflowError: an entry is above 32,767.
        ValueError: there are more than `length` entries.
    """
    dtype = np.int16 if np.max(entries, initial=SCRIPTED) > 127 else np.int8
    entries = np.asarray(entries, dtype)
    if entries.size > length:
        raise ValueError(f"tape of {entries.size} entries exceeds length={length}; raise length")
    padded = np.full(length, SCRIPTED, dtype)
    padded[: entries.size] = entries
    index = np.where(padded == SCRIPTED, length, np.arange(length))
    next_action = np.minimum.accumulate(index[::-1])[::-1].astype(np.int32)
    return Tape(jnp.asarray(padded), jnp.asarray(next_action))


def play_tape(tape: Tape, index: jax.Array, scripted: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (action `()` int32, index of the next entry `()` int32) of a recorded explorer.

    An entry of -1 stands for the scripted choice. Where the script has none to offer, entries are consumed up to and
    including the next one that is an action, and that is taken. An index above T afterwards says that the tape ran out.

    Args:
        tape: one example.
        index: `()` int32, the next entry.
        scripted: `()` int32, the script's choice, -1 where it has none.
    """
    length = tape.entries.shape[0]
    here = jnp.minimum(index, length - 1)
    searching = (tape.entries[here] == SCRIPTED) & (scripted == SCRIPTED)
    found = jnp.where(searching, tape.next_action[here], here)
    entry = tape.entries[jnp.minimum(found, length - 1)].astype(jnp.int32)
    ran_out = (index >= length) | (found >= length)
    action = jnp.where(entry == SCRIPTED, scripted, entry)
    return jnp.where(ran_out, 0, action), jnp.where(ran_out, length + 1, found + 1)


@dataclasses.dataclass(frozen=True)
class TapePolicy(ScriptedPolicy):
    """Recorded choices. Its numbers are a `Tape`, its state is the index of the next entry, `()` int32."""

    Params = Tape

    def default_params(self) -> Tape:
        """Raises a ValueError: there is no tape but the one that is given."""
        raise ValueError("the tape policy needs a tape; give params whose exploration is make_tape(...)")

    def check(self, environment: Environment, params: Tape) -> None:
        """See `ExplorationPolicy`."""
        super().check(environment, params)
        if not isinstance(params, Tape):
            raise TypeError(f"params.exploration is a {type(params).__name__}; give make_tape(...)")

    def begin(self, params: Tape) -> jax.Array:
        """See `ExplorationPolicy`."""
        del params
        return jnp.zeros((), jnp.int32)

    def act(self, state, percept, observation, word, params):
        """See `ExplorationPolicy`."""
        del percept, word
        action, index = play_tape(params, state, self.environment.scripted_action(observation))
        return index, action


POLICIES = {
    "scripted": ScriptedPolicy,
    "random": RandomPolicy,
    "epsilon": EpsilonPolicy,
    "tape": TapePolicy,
    "least-tried": LeastTried,
    "nearest-untried": NearestUntried,
    "frontier": Frontier,
    "persistent": Persistent,
    "adaptive": Adaptive,
}


def name_of_policy(policy: ExplorationPolicy) -> str:
    """Returns the name of a policy that has one on the command line, else where it can be imported from."""
    for name, known in POLICIES.items():
        if type(policy) is known:
            return name
    return f"{type(policy).__module__}:{type(policy).__qualname__}"
