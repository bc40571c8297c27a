"""How far success is from each state of the predicates, in steps, learned from how they change.

Which predicates hold is the state of a small decision process of its own: each change of them is a step in it, and
takes some time. Its values tell which changes lead closer. So to put a key down is progress where what is wanted can be
taken with free hands only, and to pick it up again is none. Sources: Q-learning (Watkins 1989, "Learning from delayed
rewards") over steps of any duration (Sutton, Precup & Singh 1999, "Between MDPs and semi-MDPs"), with what skills need
and bring about as states (Konidaris, Kaelbling & Lozano-Perez 2018, "From skills to symbols").
"""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.memory.protocol import Step
from procmem_jax.records import state_record

FARTHEST = 1024.0  # steps: so far away is success where no way to it is known
_MOST_PREDICATES = 6  # whose combinations have a row each; with more, some share one
_RATE = 0.125  # of learning: a power of two, so that its products are not rounded


@state_record
class Values:
    """What an agent knows of the ways to success.

    Attributes:
        nearness: `[S, P]` float32, `FARTHEST` less the steps to success from a state of the predicates if P is what
            changes next; 0 where nothing is known.
        nearest: `()` float32, the highest nearness of a state in this episode.
        visited: `[S]` bool, the states of this episode.
        steps: `()` int32, taken since the predicates changed last in this episode.
    """

    nearness: jax.Array
    nearest: jax.Array
    visited: jax.Array
    steps: jax.Array


def no_values(num_predicates: int) -> Values:
    """Returns the values of an agent that has seen no success."""
    rows = 2 ** min(num_predicates, _MOST_PREDICATES)
    return Values(
        nearness=jnp.zeros((rows, num_predicates), jnp.float32),
        nearest=jnp.zeros((), jnp.float32),
        visited=jnp.zeros((rows,), jnp.bool_),
        steps=jnp.zeros((), jnp.int32),
    )


def row_of(predicates: jax.Array) -> jax.Array:
    """Returns the row of a state of the predicates (`[..., P]` bool), `[...]` int32.

    The row after a change is the row before, xor that of the predicates that change.
    """
    row = jnp.zeros(predicates.shape[:-1], jnp.int32)
    for number in range(predicates.shape[-1]):
        row = row ^ jnp.where(predicates[..., number], jnp.int32(1 << number % _MOST_PREDICATES), jnp.int32(0))
    return row


def nearness_of(values: Values, predicates: jax.Array) -> jax.Array:
    """Returns how near success is where `predicates` (`[P]` bool) hold, `()` float32; the last one is success."""
    return jnp.where(predicates[-1], jnp.float32(FARTHEST), jnp.max(values.nearness[row_of(predicates)]))


def change_of(post_mask: jax.Array, post_value: jax.Array) -> jax.Array:
    """Returns what `steps_after` is to know of what skills change (`[..., P]` bool), `[...]` int32."""
    rows = 2 ** min(post_mask.shape[-1], _MOST_PREDICATES)
    return jnp.where(post_mask[..., -1] & post_value[..., -1], jnp.int32(rows), row_of(post_mask))


def steps_after(values: Values, predicates: jax.Array, changes: jax.Array) -> jax.Array:
    """Returns how many steps from success skills end, `[...]` float32; where nothing is known of that, as many as now.

    Args:
        values: of the agent.
        predicates: `[P]` bool, those that hold before.
        changes: `[...]` int32, see `change_of`.
    """
    nearness = jnp.append(jnp.max(values.nearness, axis=1), jnp.float32(FARTHEST))
    there = nearness[_rows_after(values, predicates, changes)]
    return FARTHEST - jnp.where(there == 0, nearness_of(values, predicates), there)


def leads_back(values: Values, predicates: jax.Array, changes: jax.Array) -> jax.Array:
    """Returns whether skills end in a state of this episode that is no nearer to success, `[...]` bool.

    Args: as for `steps_after`.
    """
    visited = jnp.append(values.visited, False)[_rows_after(values, predicates, changes)]
    nearness = nearness_of(values, predicates)
    return visited & (nearness > 0) & (steps_after(values, predicates, changes) >= FARTHEST - nearness)


def _rows_after(values: Values, predicates: jax.Array, changes: jax.Array) -> jax.Array:
    rows = values.nearness.shape[0]
    return jnp.where(changes == rows, changes, changes ^ row_of(predicates))


def learn_change(values: Values, step: Step, enabled: jax.Array) -> tuple[Values, jax.Array, jax.Array]:
    """Returns (values, whether the step led closer, whether closer than ever in this episode), `()` bool each.

    The steps of an episode that ends without a change were in vain: success is as far away as before. So a way that is
    seldom found does not pass for a short one because it was short whenever it was found.

    Args:
        values: one example.
        step: the step just taken.
        enabled: `()` bool; False leaves what is known as it is.
    """
    before, after = step.before.predicates, step.after.predicates
    changed = jnp.any(before != after)
    there, taken = nearness_of(values, after), values.steps + 1
    closer, closest = changed & (there > nearness_of(values, before)), changed & (there > values.nearest)
    gained, row = after & ~before, row_of(before)
    known = values.nearness[row]
    of_change = jnp.argmax(jnp.where(jnp.any(gained), gained, before & ~after))
    which = jnp.where(changed, of_change, jnp.argmax(known))
    old = known[which]
    found = jnp.maximum(jnp.where(changed, there, old) - taken.astype(jnp.float32), 0.0)
    new = jnp.where(old == 0, found, old + _RATE * (found - old))
    learns = (changed | step.terminated | step.truncated) & enabled
    place = jnp.where(learns, row, values.nearness.shape[0])  # out of range, and so dropped
    return (
        Values(
            nearness=values.nearness.at[place, which].set(new, mode="drop"),
            nearest=jnp.where(changed, jnp.maximum(values.nearest, there), values.nearest),
            visited=values.visited.at[row_of(after)].set(True),
            steps=jnp.where(changed, 0, taken),
        ),
        closer,
        closest,
    )


def begin_episode(values: Values, predicates: jax.Array, now: jax.Array) -> Values:
    """Returns the values in the first situation of an episode, where `now` (`()` bool)."""
    first = jnp.zeros_like(values.visited).at[row_of(predicates)].set(True)
    return dataclasses.replace(
        values,
        visited=jnp.where(now, first, values.visited),
        nearest=jnp.where(now, nearness_of(values, predicates), values.nearest),
        steps=jnp.where(now, 0, values.steps),
    )
