<<<<<<< HEAD
"""What a memory inherits: other skills in its state, and all of its hooks in the order of the agent."""
=======
"""What a memory of one's own inherits."""
>>>>>>> c9c075b555e8e4a5fdb1b620cc66cbefa32cf082

import dataclasses
from typing import NamedTuple

<<<<<<< HEAD
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
=======
import chex
import jax
import jax.numpy as jnp
import pytest

from memory.handmade import as_library, plain_skill
from procmem_jax.memory.library import EMPTY, SkillLibrary, empty
from procmem_jax.memory.protocol import Memory, NoParams
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import setting, state_record

CONFIG = LibraryConfig(capacity=4, embedding_size=4)
SKILLS = as_library([plain_skill(0, uses=3), None, plain_skill(1, uses=2)], CONFIG)


class Pair(NamedTuple):
    library: SkillLibrary
    other: jax.Array


@state_record
class Recorded:
    library: SkillLibrary
    other: jax.Array


@dataclasses.dataclass(frozen=True)
class Bare(Memory):
    """Nothing but what is inherited."""


@dataclasses.dataclass(frozen=True)
class Learning(Memory):
    learn: bool = setting(True, "whether it learns")


@pytest.mark.parametrize("kind", (Pair, Recorded, lambda library, other: library), ids=("tuple", "record", "bare"))
def test_a_state_with_skills_may_be_of_any_kind(kind):
    memory, state = Bare(), kind(empty(CONFIG), jnp.int32(7))
    assert (int(memory.num_skills(state)), int(memory.num_uses(state))) == (0, 0)
    after = memory.with_library(state, SKILLS)
    chex.assert_trees_all_equal(after, kind(SKILLS, jnp.int32(7)))
    assert memory.library(after) is SKILLS
    assert (int(memory.num_skills(after)), int(memory.num_uses(after))) == (2, 5)
    assert memory.num_skills(after).dtype == memory.num_uses(after).dtype == jnp.int32
    chex.assert_trees_all_equal(memory.library(state), empty(CONFIG))  # as it was


@pytest.mark.parametrize(
    "state", ((), {"table": 1}, (empty(CONFIG), 1), Pair(None, 1)), ids=("nothing", "dict", "no field", "no library")
)
def test_a_state_without_skills_takes_none(state):
    memory = Bare()
    assert memory.library(state) is None
    assert (int(memory.num_skills(state)), int(memory.num_uses(state))) == (0, 0)
    with pytest.raises(ValueError) as caught:
        memory.with_library(state, SKILLS)
    assert str(caught.value) == "Bare has no skills; use another memory to start from a library"


def test_what_is_inherited_does_nothing():
    memory, state, no = Bare(), Pair(SKILLS, jnp.int32(7)), jnp.zeros((), jnp.bool_)
    assert (memory.settles, memory.period, memory.keeps_still, memory.default_params()) == (False, 0, False, NoParams())
    assert memory.for_environment(None, None) is memory and memory.make_inputs(jnp.uint32(0), 6) is None
    assert memory.view("percept", None, None) == "percept"
    assert memory.enter(state, None, no, None) is state
    assert memory.end_episode(state, None, no, None, no) is state
    assert memory.consolidate(state, None, no) is state
    assert memory.is_unconsolidated(state)
    assert memory.running(state).slot == EMPTY and not memory.is_busy(state)
    assert memory.library_config(2, 5).num_predicates == 2
    assert memory.embedding_name(5).endswith(":Bare of 5 coordinates")


@pytest.mark.parametrize(
    ("method", "args", "signature"),
    (
        ("begin", (None, None), "begin(percept, params)"),
        ("decide", (None,) * 4, "decide(state, percept, word, params)"),
        ("observe", (None,) * 4, "observe(state, step, params, enabled)"),
    ),
)
def test_what_must_be_written_says_so(method, args, signature):
    with pytest.raises(NotImplementedError) as caught:
        getattr(Bare(), method)(*args)
    assert str(caught.value) == f"Bare lacks {signature}"


def test_a_memory_that_settles_must_say_when():
    class Settling(Memory):
        settles = True

    with pytest.raises(NotImplementedError, match=r"Settling settles, but lacks is_unsettled\(state\)"):
        Settling().is_unsettled(())


def test_a_memory_is_frozen_by_its_own_setting_or_not_at_all():
    assert Learning().frozen() == Learning(learn=False)
    assert Bare().frozen() is None
>>>>>>> c9c075b555e8e4a5fdb1b620cc66cbefa32cf082
