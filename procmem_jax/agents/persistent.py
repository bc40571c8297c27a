"""An explorer that keeps on with what it does, for a step or for many, unless that changes nothing."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.envs.foreign.keys import words_to_keys
from procmem_jax.envs.foreign.projected import ProjectedPercept, projected_in
from procmem_jax.envs.legal import is_legal, random_legal_action
from procmem_jax.envs.protocol import Environment
from procmem_jax.fixed_order import rounded_product, rounded_quotient
from procmem_jax.records import param, params_record, state_record
from procmem_jax.streams import mixed

_NONE = -1
_LARGEST_WORD = 0xFFFFFFFF


@params_record
class PersistentParams:
    """The numbers of the persistent explorer (traced)."""

    longest: jax.Array | int = param(
        100, jnp.int32, "steps for which persistent keeps to an action, at most", minimum=1, maximum=2**20
    )


@state_record
class Course:
    """What a persistent explorer is about.

    Attributes:
        action: `()` int32, the action that it keeps to; -1: none.
        left: `()` int32, steps for which it is still to be taken, if there is one.
        vain: `[A]` bool, actions that changed nothing since anything changed.
        seen: `()` uint32, a hash of what was seen when the last action was chosen.
    """

    action: jax.Array
    left: jax.Array
    vain: jax.Array
    seen: jax.Array


@dataclasses.dataclass(frozen=True)
class Persistent(ExplorationPolicy):
    """A random action, taken for n steps or more with probability 1 / n.

    One step is the most likely; but where a uniformly random explorer needs some n * n steps to get n far, this one may
    get there in n. A step that changes nothing ends it, and that action is not drawn again before something changes, or
    no other is left. Nothing has changed where the percept's fingerprint is as before, or with a `ProjectedPercept` all
    of the observation but its clocks.

    Source: Dabney, Ostrovski & Barreto 2021, "Temporally-extended epsilon-greedy exploration", section 3.2 (durations
    whose probability falls as the square; here epsilon is 1). To leave out what is in vain is ours.

    Attributes:
        num_actions: A, as many as the environment has.
        percept: that can tell what it sees without clocks; None: the fingerprint does, or there are no clocks.
    """

    num_actions: int = 0
    percept: ProjectedPercept | None = None

    Params = PersistentParams

    @property
    def uses_observation(self) -> bool:
        """See `ExplorationPolicy`."""
        return self.percept is not None

    def for_environment(self, environment: Environment) -> "Persistent":
        """See `ExplorationPolicy`."""
        percept = projected_in(getattr(environment, "perceive", None))
        percept = percept if percept is not None and percept.clocks else None
        return dataclasses.replace(self, num_actions=environment.num_actions, percept=percept)

    def begin(self, params: PersistentParams) -> Course:
        """See `ExplorationPolicy`."""
        del params
        zero = jnp.zeros((), jnp.int32)
        return Course(zero + _NONE, zero, jnp.zeros((self.num_actions,), jnp.bool_), jnp.zeros((), jnp.uint32))

    def act(self, state, percept, observation, word, params):
        """See `ExplorationPolicy`."""
        legal = jnp.ones((self.num_actions,), jnp.bool_)
        return self.act_legally(state, percept, observation, word, params, legal)

    def act_legally(self, state, percept, observation, word, params, legal):
        """See `ExplorationPolicy`."""
        seen = percept.fingerprint
        if self.percept is not None:
            seen = self.percept.hash_without_clocks(words_to_keys(observation))
        stands_still = seen == state.seen
        vain = stands_still & (state.vain | (np.arange(self.num_actions) == state.action))
        promising = legal & ~vain
        drawn = random_legal_action(word, jnp.where(jnp.any(promising), promising, legal))
        # One word serves for both: the action is of its high bits, of which this hash makes others.
        duration = jnp.uint32(_LARGEST_WORD) // jnp.maximum(mixed(word), jnp.uint32(1))
        duration = jnp.minimum(duration, params.longest.astype(jnp.uint32)).astype(jnp.int32)
        goes_on = (state.left > 0) & ~stands_still & is_legal(state.action, legal)
        action = jnp.where(goes_on, state.action, drawn)
        return Course(action, jnp.where(goes_on, state.left, duration) - 1, vain, seen), action

    def observe(self, state, step, ended, params):
        """See `ExplorationPolicy`."""
        del params
        is_over = ended | (step.action != state.action)  # a skill has run meanwhile
        return Course(jnp.where(is_over, _NONE, state.action), state.left, state.vain & ~ended, state.seen)


@state_record
class Tally:
    """What the episodes of two ways to explore have returned: uniformly random ones first, persistent ones second.

    Attributes:
        counts: `[2]` int32, episodes.
        means: `[2]` float32, their mean returns.
        mean: `()` float32, the mean return of all.
        squares: `()` float32, the squared differences of all returns from their mean, summed.
    """

    counts: jax.Array
    means: jax.Array
    mean: jax.Array
    squares: jax.Array


@state_record
class AdaptiveState:
    """The state of an adaptive explorer.

    Attributes:
        course: of the persistent explorer.
        persists: `()` bool, whether it explores in this episode.
        total: `()` float32, rewards of this episode.
        tally: of the episodes before.
    """

    course: Course
    persists: jax.Array
    total: jax.Array
    tally: Tally


@dataclasses.dataclass(frozen=True)
class Adaptive(Persistent):
    """In each episode uniformly random or persistent, whichever has paid more: a bandit in each agent decides.

    The next episode is of the kind whose mean return m after n episodes, with v the variance of all t returns, has the
    higher upper bound m + sqrt(2 v ln(t) / n); of two equals, of the kind with fewer episodes. So where nothing is ever
    paid, both take turns, and where one pays more, the other is left with some 2 v ln(t) / d^2 episodes, d being what
    they differ by.

    Source: Auer, Cesa-Bianchi & Fischer 2002, "Finite-time analysis of the multiarmed bandit problem" (upper bounds);
    Schaul et al. 2019, "Adapting behaviour for learning progress" (a bandit over ways to explore).
    """

    def begin(self, params: PersistentParams) -> AdaptiveState:
        """See `ExplorationPolicy`."""
        real = jnp.zeros((), jnp.float32)
        tally = Tally(jnp.zeros((2,), jnp.int32), jnp.zeros((2,), jnp.float32), real, real)
        return AdaptiveState(super().begin(params), jnp.zeros((), jnp.bool_), real, tally)

    def act_legally(self, state, percept, observation, word, params, legal):
        """See `ExplorationPolicy`."""
        course, action = super().act_legally(state.course, percept, observation, word, params, legal)
        state = dataclasses.replace(state, course=course)
        return state, jnp.where(state.persists, action, random_legal_action(word, legal))

    def observe(self, state, step, ended, params):
        """See `ExplorationPolicy`."""
        course = super().observe(state.course, step, ended, params)
        total = state.total + step.reward
        tally = jax.tree.map(lambda new, old: jnp.where(ended, new, old), _counted(state, total), state.tally)
        persists = jnp.where(ended, _pays_more(tally), state.persists)
        return AdaptiveState(course, persists, jnp.where(ended, 0.0, total), tally)


def _counted(state: AdaptiveState, total: jax.Array) -> Tally:
    """Returns the tally after an episode that returned `total`."""
    tally, kind = state.tally, np.arange(2) == state.persists.astype(jnp.int32)
    counts = tally.counts + kind.astype(jnp.int32)
    means = tally.means + rounded_quotient(total - tally.means, _real(counts))
    mean = tally.mean + rounded_quotient(total - tally.mean, _real(jnp.sum(counts)))
    more = rounded_product(total - tally.mean, total - mean)
    return Tally(counts, jnp.where(kind, means, tally.means), mean, tally.squares + more)


def _pays_more(tally: Tally) -> jax.Array:
    """Returns whether the next episode is a persistent one, `()` bool."""
    episodes = _real(jnp.sum(tally.counts))
    doubt = rounded_product(2.0 * tally.squares / episodes, jnp.log(episodes))
    bounds = tally.means + jnp.sqrt(doubt / _real(tally.counts))
    fewer = tally.counts[1] < tally.counts[0]
    return jnp.where(bounds[0] == bounds[1], fewer, bounds[1] > bounds[0]) | (tally.counts[1] == 0)


def _real(counts: jax.Array) -> jax.Array:
    return jnp.maximum(counts, 1).astype(jnp.float32)
