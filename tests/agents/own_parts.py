"""Memories, parts of memories and exploration policies as users write them."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

import procmem_jax as pm
from procmem_jax.agents.policy import random_action
from procmem_jax.fixed_order import fixed_order_sum
from procmem_jax.records import setting
from procmem_jax.streams import coin_of


class LastWays(NamedTuple):
    library: pm.memory.SkillLibrary
    recent: jax.Array  # [L] int8, the last actions
    queue: jax.Array  # [L] int8, actions still to be taken, then -1


@dataclasses.dataclass(frozen=True)
class LastWay(pm.Memory):
    """One skill for each predicate, the last few actions before it came true: the last success wins."""

    num_steps: int = setting(4, "actions of a skill", minimum=1, maximum=16)

    def library_config(self, num_predicates, context_size):
        return pm.memory.LibraryConfig(num_predicates, 3, self.num_steps, num_predicates)

    def begin(self, percept, params):
        library = pm.memory.empty(self.library_config(percept.predicates.size, percept.context.size))
        return LastWays(library, jnp.zeros(self.num_steps, jnp.int8), jnp.full(self.num_steps, -1, jnp.int8))

    def decide(self, state, percept, word, params):
        ready = pm.memory.applicable(state.library, percept.predicates)
        starts = (state.queue[0] < 0) & jnp.any(ready) & (word % 2 == 0)
        queue = jnp.where(starts, state.library.actions[jnp.argmax(ready)], state.queue)
        return state._replace(queue=queue), queue[0] >= 0, queue[0].astype(jnp.int32)

    def observe(self, state, step, params, enabled):
        recent = jnp.append(state.recent[1:], step.action.astype(jnp.int8))
        news = step.after.predicates & ~step.before.predicates
        label = jnp.where(jnp.any(news), jnp.argmax(news), -1)
        conditions = (news, jnp.zeros_like(news), news, news)  # it wants to be false what it makes true
        skill = pm.memory.Skill(jnp.zeros(3), recent, self.num_steps, *conditions, label, 1, step.episode, step.tick)
        over = jnp.any(news) | step.terminated | step.truncated
        queue = jnp.where(over, -1, jnp.append(state.queue[1:], jnp.int8(-1)))
        return LastWays(pm.memory.store(state.library, skill, label), recent, queue)


def by_sign(context, embedding_size):
    """An embedding to which only directions count."""
    signs = jnp.sign(context)
    parts = jnp.concatenate([signs, jnp.full_like(signs, 0.5)])
    return jnp.pad(parts / jnp.sqrt(fixed_order_sum(parts * parts)), (0, embedding_size - parts.size))


def shortest(situation, params):
    """A choice: the shortest skill that applies and is not retired, as a whole."""
    usable = pm.memory.applicable(situation.library, situation.percept.predicates)
    usable = usable & (situation.rates >= params.retire_rate)
    lengths = jnp.where(usable, situation.library.lengths, 127)
    slot = jnp.argmin(lengths).astype(jnp.int32)
    yes, steps = jnp.ones((), jnp.bool_), lengths[slot].astype(jnp.float32)
    return pm.memory.Choice(slot, found=jnp.any(usable), whole=yes, steps=steps, promises=~yes)


def newest(library, rates):
    """An eviction rule: the skill that was stored last."""
    return jnp.argmax(library.skill_ids).astype(jnp.int32)


@dataclasses.dataclass(frozen=True)
class Network(pm.ExplorationPolicy):
    """Two dense layers over the observation: the action of the largest output, or in half of all steps any."""

    num_inputs: int
    num_actions: int
    hidden: int = 8

    uses_observation = True

    def default_params(self):
        sizes = (self.num_inputs, self.hidden, self.num_actions)
        keys = jax.random.split(jax.random.key(0))
        return [
            {"weights": jax.random.normal(key, (size, other)), "bias": jnp.zeros(other)}
            for key, size, other in zip(keys, sizes[:-1], sizes[1:], strict=True)
        ]

    def act(self, state, percept, observation, word, params):
        inputs = jnp.ravel(observation).astype(jnp.float32)
        hidden = jnp.tanh(pm.dense(inputs, **params[0]))
        best = jnp.argmax(pm.dense(hidden, **params[1]))
        return state, jnp.where(coin_of(word) < 0.5, random_action(word, self.num_actions), best)


class Counts(NamedTuple):
    explored: jax.Array  # steps that it chose in its life
    in_episode: jax.Array  # steps of the episode, whoever chose them


@dataclasses.dataclass(frozen=True)
class Counting(pm.RandomPolicy):
    """Random actions, every fourth of its own a fixed one."""

    def begin(self, params):
        return Counts(jnp.int32(0), jnp.int32(0))

    def act(self, state, percept, observation, word, params):
        assert observation is None
        _, action = super().act((), percept, observation, word, params)
        explored = state.explored + 1
        return state._replace(explored=explored), jnp.where(explored % 4 == 0, 1, action)

    def observe(self, state, step, ended, params):
        return state._replace(in_episode=jnp.where(ended, 0, state.in_episode + 1))
