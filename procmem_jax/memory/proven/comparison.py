"""Two arms, "with" a memory and "without", compared by the returns of their episodes: which one is next?

The arm without is what it is; the arm with may be anything, learn, spoil, or be made by an adversary. So it has a
budget, and what the arm without may be worth is estimated from above:

    with, if   mean return with + budget * R / episodes with   is above   what is plausible as the mean without,

R being the range of the returns. Plausible is a mean q that the Chernoff bound does not rule out: n kl(m, q) < ln(t+1)
after n episodes without, of mean m, and t in all (Garivier & Cappe 2011, "The KL-UCB algorithm for bounded stochastic
bandits"; Auer et al. 2002, "Finite-time analysis of the multiarmed bandit problem"). The budget is the one of Wu et al.
2016, "Conservative bandits". Where the arm with has failed, a new trial of it with a new budget begins whenever the
number of episodes has doubled.

What can it cost? Before the last episode of a trial of N episodes with, the test was passed. So these return, together,
at most `R (1 + budget)` less than as many without; where the mean forgets, N being above the window W, at most
`R (1 + budget (1 + 1 / W + ln(N / W)))`. In E episodes there are no more than 2 + log2(E) trials. This is `worst_cost`,
of the order log(E)^2; by default it is 4% of 1,000 episodes. It holds whatever the arm with does, as long as the mean
without is plausible; after n episodes without it is not with a probability of 1 / (t + 1) at most.

Returns that no episode has shown yet are not in R, unless the range is given: what is rarer than the few episodes
without, or comes while all returns are equal and the arms take turns, can be missed. Therefore no episode counts for
more than one unit of ln(t + 1), so that the arm without gets one whenever the number of episodes has grown by e.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from procmem_jax.fixed_order import rounded_product
from procmem_jax.records import state_record


@state_record
class Comparison:
    """What an agent knows of the two arms.

    Attributes:
        episodes: `()` int32, episodes in all.
        without_count: `()` int32, episodes without.
        without_mean: `()` float32, their mean return.
        with_count: `()` int32, episodes with in this trial.
        with_mean: `()` float32, their mean return, of the last ones above all.
        lowest, highest: `()` float32, of all returns.
    """

    episodes: jax.Array
    without_count: jax.Array
    without_mean: jax.Array
    with_count: jax.Array
    with_mean: jax.Array
    lowest: jax.Array
    highest: jax.Array


def no_episodes(lowest: float = math.inf, highest: float = -math.inf) -> Comparison:
    """Returns a comparison before the first episode; returns are known to reach from `lowest` to `highest`."""
    zero, real_zero = jnp.zeros((), jnp.int32), jnp.zeros((), jnp.float32)
    bounds = jnp.asarray(lowest, jnp.float32), jnp.asarray(highest, jnp.float32)
    return Comparison(zero, zero, real_zero, zero, real_zero, *bounds)


def choose_arm(known: Comparison, budget: float) -> tuple[jax.Array, jax.Array]:
    """Returns (whether the next episode is with, whether a new trial begins with it), `()` bool each.

    While all returns are equal, the arms take turns.
    """
    spread = known.highest - known.lowest
    differ = spread > 0
    mean = jnp.clip((known.without_mean - known.lowest) / spread, 0.0, 1.0)
    reached = (known.with_mean - known.lowest) / spread + budget / _real(known.with_count)
    reached = jnp.minimum(reached, 1.0)
    evidence = _real(known.without_count) * jnp.minimum(_divergence(mean, reached), 1.0)
    passes = (reached > mean) & (evidence >= jnp.log(_real(known.episodes + 1)))
    passes = passes | (known.with_count == 0)
    doubled = (known.episodes & (known.episodes - 1)) == 0
    again = differ & doubled & ~passes
    return jnp.where(differ, passes | again, known.with_count <= known.without_count), again


def _divergence(p: jax.Array, q: jax.Array) -> jax.Array:
    """Returns kl(p, q) of two Bernoulli distributions, 0 <= p < q <= 1: infinite at q = 1."""
    hit = rounded_product(p, jnp.log(p / q))
    miss = rounded_product(1.0 - p, jnp.log((1.0 - p) / (1.0 - q)))
    return jnp.where(p > 0, hit, 0.0) + miss


def _real(count: jax.Array) -> jax.Array:
    return count.astype(jnp.float32)


def count_episode(known: Comparison, used: jax.Array, total: jax.Array, window: int) -> Comparison:
    """Returns the comparison after an episode of return `total` (`()` float32), with the memory where `used`."""
    used = jnp.asarray(used)
    used_count = known.with_count + used.astype(jnp.int32)
    without_count = known.without_count + (~used).astype(jnp.int32)
    weight = _real(jnp.minimum(used_count, window))
    with_mean = known.with_mean + (total - known.with_mean) / weight
    without_mean = known.without_mean + (total - known.without_mean) / _real(without_count)
    return Comparison(
        episodes=known.episodes + 1,
        without_count=without_count,
        without_mean=jnp.where(used, known.without_mean, without_mean),
        with_count=used_count,
        with_mean=jnp.where(used, with_mean, known.with_mean),
        lowest=jnp.minimum(known.lowest, total),
        highest=jnp.maximum(known.highest, total),
    )


def is_better(known: Comparison) -> jax.Array:
    """Returns whether the episodes with paid more than those without, `()` bool: what an agent has decided so far."""
    return (known.episodes > known.without_count) & (known.with_mean > known.without_mean)


def as_numbers(known: Comparison) -> jax.Array:
    """Returns the fields in their order, `[7]` float32; counts above 2^24 are rounded."""
    return jnp.stack([leaf.astype(jnp.float32) for leaf in jax.tree.leaves(known)])


def from_numbers(numbers: jax.Array) -> Comparison:
    """Returns what `as_numbers` made `[7]` numbers of."""
    like = no_episodes()
    names = [field.name for field in dataclasses.fields(Comparison)]
    return Comparison(**{name: numbers[i].astype(getattr(like, name).dtype) for i, name in enumerate(names)})


NUM_NUMBERS = len(dataclasses.fields(Comparison))


def worst_cost(num_episodes: int, budget: float, window: int) -> float:
    """Returns the bound of the module's docstring, in ranges of the return: what E episodes can lose at most."""
    trial = 1 + budget * (1 + 1 / window + math.log(max(1.0, num_episodes / window)))
    return (2 + math.log2(num_episodes)) * trial
