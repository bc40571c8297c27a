"""Which actions kill where: the agent keeps off what has killed it, time and again, in surroundings like these.

Skills are blamed for deaths (`blame`), but most steps that kill are exploration's. What came of each action is counted
for each thing around the agent, for all of them and the predicates together, or, where a percept names no surroundings,
for the state. An action that killed nearly every time beside one of these is left out of the draw, and a skill breaks
off before it. Now and then nothing is left out, so that a wrong belief cannot last. Sources: intrinsic fear (Lipton et
al. 2016, "Combating reinforcement learning's Sisyphean curse with intrinsic fear"), shields (Alshiekh et al. 2018,
"Safe reinforcement learning via shielding").
"""

import functools

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.memory.default.knowledge.values import row_of
from procmem_jax.memory.default.used_slots import least_that_serves
from procmem_jax.memory.protocol import Step
from procmem_jax.percept import Percept
from procmem_jax.records import state_record
from procmem_jax.streams import coin_of, mixed

_ACTIONS = 64  # that are told apart beside one thing
_BUCKETS = 512  # of surroundings, facts and actions, twice, by two hashes: what shares both is taken for the same
_MOST = 1000  # times that are counted
_KILLED = 2**16  # what a death adds to a count
_FEWEST_DEATHS = 3
_SURVIVED = 8  # an action is deadly where the agent survived fewer than one in so many times
_DARING = 1.0 / 128.0  # share of steps in which nothing is left out


@state_record
class Dangers:
    """What came of actions, B = 192 for each of the S coordinates that tell what is around, and 1,024 more.

    Attributes:
        counts: `[B]` int32, how often an action was taken where a coordinate is negative, zero or positive; then, by
            two hashes, in the same surroundings with the same predicates. Each is `taken + 65,536 killed`, of which
            `killed` is how often it killed.
        least_reward: `()` float32, the lowest reward, 0 at most, of a step that did not end an episode.
        any_deadly: `()` bool, whether any count has deaths enough for an action to be left out.
    """

    counts: jax.Array
    least_reward: jax.Array
    any_deadly: jax.Array


def no_dangers(num_surroundings: int) -> Dangers:
    """Returns the knowledge of an agent to which nothing has happened: zeros."""
    counts = jnp.zeros((3 * num_surroundings * _ACTIONS + 2 * _BUCKETS,), jnp.int32)
    return Dangers(counts, jnp.zeros((), jnp.float32), jnp.zeros((), jnp.bool_))


def taken_and_killed(counts: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (how often actions were taken, how often they killed), each of the shape of some `counts`, int32."""
    return counts & (_KILLED - 1), counts >> 16


def numbers_of(dangers: Dangers) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns (taken `[B]`, killed `[B]`, the least reward `()`), float32."""
    taken, killed = taken_and_killed(dangers.counts)
    return taken.astype(jnp.float32), killed.astype(jnp.float32), dangers.least_reward


def dangers_of(numbers: tuple[jax.Array, jax.Array, jax.Array]) -> Dangers:
    """Returns the dangers of which `numbers_of` made `numbers`."""
    taken, killed, least_reward = numbers
    counts = taken.astype(jnp.int32) + _KILLED * killed.astype(jnp.int32)
    return Dangers(counts, least_reward, jnp.any(killed >= _FEWEST_DEATHS))


def is_death(step: Step) -> jax.Array:
    """Returns whether a step ended the episode by termination, gained no predicate and paid nothing, `()` bool."""
    return _ends_badly(step, last_only=False)


def _ends_badly(step: Step, *, last_only: bool) -> jax.Array:
    gained = (step.after.predicates & ~step.before.predicates)[-1 if last_only else 0 :]
    return step.terminated & ~jnp.any(gained) & (step.reward <= 0)


def learn_dangers(
    dangers: Dangers, step: Step, num_surroundings: int, enabled: jax.Array, *, success_is_last: bool = False
) -> Dangers:
    """Returns the dangers after a step.

    What kills is as in `is_death`, with two differences. Where the last predicate means success, no other makes an end
    a good one. Where steps cost something, to end an episode may be what is wanted: there only an end that costs more
    than any other step did is a death.

    Args:
        dangers: one example.
        step: the step just taken.
        num_surroundings: static, coordinates at the end of contexts that tell what is around the agent; 0: none.
        enabled: `()` bool; False leaves what is known as it is.
        success_is_last: static, whether the last predicate means success.
    """
    killed = _ends_badly(step, last_only=success_is_last) & (
        (dangers.least_reward == 0) | (step.reward < dangers.least_reward)
    )
    places = _places(step.before, step.action, num_surroundings)
    old = dangers.counts.at[places].get(mode="promise_in_bounds")
    is_counted = enabled & (taken_and_killed(old)[0] < _MOST)
    new = old + jnp.where(is_counted, jnp.where(killed, _KILLED + 1, 1), 0)
    goes_on = enabled & ~step.terminated & ~step.truncated
    return Dangers(
        counts=dangers.counts.at[places].set(new, mode="promise_in_bounds", unique_indices=True),
        least_reward=jnp.minimum(dangers.least_reward, jnp.where(goes_on, step.reward, 0.0)),
        any_deadly=dangers.any_deadly | jnp.any(taken_and_killed(new)[1] >= _FEWEST_DEATHS),
    )


def safe_actions(
    dangers: Dangers | None, percept: Percept, word: jax.Array, num_actions: int, num_surroundings: int
) -> jax.Array | None:
    """Returns which actions are not known to kill, `[A]` bool; in some of the steps all. None if nothing is learned.

    Where none has killed often enough, which is so in most environments, a CPU looks nothing up.

    Args:
        dangers: one example, or None.
        percept: of the present situation.
        word: `()` uint32, a random word.
        num_actions: static, A.
        num_surroundings: static, as for `learn_dangers`.
    """
    if dangers is None:
        return None
    look_up = functools.partial(_not_deadly, num_actions=num_actions, num_surroundings=num_surroundings)
    ways = [lambda *_: jnp.ones((num_actions,), jnp.bool_), look_up]
    return least_that_serves(dangers.any_deadly.astype(jnp.int32), ways, dangers.counts, percept, word)


def _not_deadly(
    counts: jax.Array, percept: Percept, word: jax.Array, num_actions: int, num_surroundings: int
) -> jax.Array:
    """Returns what `safe_actions` does, from the `counts` of dangers."""
    actions = jnp.arange(num_actions, dtype=jnp.int32)
    places = computed_once(_places(percept, actions, num_surroundings))
    taken, killed = taken_and_killed(counts.at[places].get(mode="promise_in_bounds"))
    survived, killed = _once_for_all(taken - killed), _once_for_all(killed)
    deadly = (killed >= _FEWEST_DEATHS) & (_SURVIVED * survived < survived + killed)
    # Of a word of its own: what is drawn from these actions is drawn by `word`.
    dares = coin_of(mixed(word + jnp.uint32(1))) < _DARING
    return ~jnp.any(deadly, axis=0) | dares


def _once_for_all(counts: jax.Array) -> jax.Array:
    """Returns counts at `_places`, `[S + 2, A]`, as `[S + 1, A]`: of the two for all the lower, which more are not in.

    Source: Cormode & Muthukrishnan 2005, "An improved data stream summary: the count-min sketch".
    """
    return jnp.concatenate([counts[:-2], jnp.minimum(counts[-2:-1], counts[-1:])])


def _places(percept: Percept, actions: jax.Array, num_surroundings: int) -> jax.Array:
    """Returns where the counts of actions (`[...]` int32) are: for each thing around, twice for all, `[S + 2, ...]`."""
    around = percept.context[percept.context.shape[0] - num_surroundings :]
    things = jnp.arange(num_surroundings, dtype=jnp.int32) * 3 + jnp.sign(around).astype(jnp.int32) + 1
    of_things = [thing * _ACTIONS + actions % _ACTIONS for thing in things]
    numbers = jnp.arange(num_surroundings, dtype=jnp.uint32)
    whole = jnp.sum(mixed(jax.lax.bitcast_convert_type(around, jnp.uint32) + numbers), dtype=jnp.uint32)
    whole += row_of(percept.predicates).astype(jnp.uint32) * jnp.uint32(0x85EBCA6B)
    whole = whole if num_surroundings else percept.fingerprint
    hashes = mixed(whole + actions.astype(jnp.uint32) * jnp.uint32(0x9E3779B1))
    first, second = hashes % _BUCKETS, _BUCKETS + (hashes >> 16) % _BUCKETS
    start = 3 * num_surroundings * _ACTIONS
    return jnp.stack([*of_things, *(start + place.astype(jnp.int32) for place in (first, second))])
