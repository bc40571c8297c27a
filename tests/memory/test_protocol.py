"""What a memory inherits: other skills in its state, and all of its hooks in the order of the agent."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import procmem_jax as pm
from procmem_jax.agents.rollout import begin_agents, record_ticks
from procmem_jax.memory import LibraryConfig, SkillLibrary, Step, empty
from procmem_jax.records import as_arrays
from procmem_jax.streams import draw_words, open_streams

TICKS = 320


class State(NamedTuple):
    library: SkillLibrary
    count: jax.Array


def test_a_state_that_is_a_named_tuple_takes_other_skills():
    library = empty(LibraryConfig(capacity=2))
    state = State(library, jnp.int32(3))
    changed = pm.Memory().with_library(state, dataclasses.replace(library, clock=jnp.int32(7)))
    assert isinstance(changed, State)
    assert (int(changed.library.clock), int(changed.count)) == (7, 3)


class Diary(pm.Memory):
    """Writes down which hooks were called."""

    settles = True
    period = 4

    def observe(self, state, step, params, enabled):
        return state.at[0].add(1)

    def end_episode(self, state, step, ended, params, enabled):
        return state.at[1].add(ended.astype(jnp.int32))

    def enter(self, state, percept, is_first, params):
        return state.at[2].add(is_first.astype(jnp.int32))

    def is_unsettled(self, state):
        return state[1] > state[3]

    def settle(self, state, inputs, params):
        return state.at[3].set(inputs * state[1])

    def is_unconsolidated(self, state):
        return state[0] > 4

    def consolidate(self, state, params, enabled):
        return state.at[4].add(state[0])


def test_a_loop_of_ones_own_calls_every_hook_when_it_is_due():
    state, percept = jnp.zeros(5, jnp.int32), pm.Percept(jnp.ones(1, bool), jnp.zeros(1), jnp.uint32(0))
    for tick in range(9):
        step = Step(percept, percept, jnp.int32(0), 0.0, tick == 2, tick == 5, tick=tick)
        state = Diary().advance(state, step, percept, None, jnp.int32(1))
    # Nine steps, two ends, each settled; of two consolidations, after 4 and 8 steps, the first had nothing to do.
    assert state.tolist() == [9, 2, 2, 2, 8]


@pytest.mark.slow
def test_a_loop_of_ones_own_is_the_agent_to_the_bit():
    config, params = pm.make_experiment("random-5", overrides={"capacity": 16})
    agent, params, streams = pm.agents.ProceduralAgent(config), as_arrays(params), open_streams(pm.run_key(3))
    env, memory, numbers = config.environment, config.memory, params.environment

    def live(agent_id):
        inputs = agent.make_inputs(agent_id, 10**6)

        def tick(carry, now):
            state, world, episode = carry
            words = draw_words(streams.tick, now, agent_id)
            before = env.perceive_state(world, numbers)
            state, acts, action = memory.decide(state, before, words[0], params.memory)
            action = jnp.where(acts, action, pm.agents.random_action(words[0], env.num_actions))
            world, reward, *ends, _ = env.step_from_words((words[1], words[1]), world, action, numbers)
            step = Step(before, env.perceive_state(world, numbers), action, reward, *ends, episode, now)
            ended = ends[0] | ends[1]
            fresh = env.begin(agent.draw_layout(params, streams, inputs, episode + 1), numbers)
            world = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, world)
            state = memory.advance(state, step, env.perceive_state(world, numbers), params.memory)
            return (state, world, episode + ended.astype(jnp.int32)), action

        world = env.begin(agent.draw_layout(params, streams, inputs, jnp.int32(0)), numbers)
        carry = memory.begin(env.perceive_state(world, numbers), params.memory), world, jnp.int32(0)
        return jax.lax.scan(tick, carry, jnp.arange(TICKS, dtype=jnp.int32))

    ids = jnp.arange(16, dtype=jnp.uint32)
    (state, _, episodes), actions = jax.jit(jax.vmap(live))(ids)
    assert episodes.sum() > 16 and state.num_skills.sum() > 16  # there was something to differ in
    inputs = jax.vmap(agent.make_inputs, in_axes=(0, None))(ids, 10**6)
    agents = begin_agents(agent, params, streams, inputs, num_recorded=16)
    agents, transitions = record_ticks(agent, params, streams, inputs, agents, num_ticks=TICKS)
    np.testing.assert_array_equal(actions.T, transitions.action)
    jax.tree.map(np.testing.assert_array_equal, state, agents.memory)
