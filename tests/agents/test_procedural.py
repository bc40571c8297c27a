"""The agent tick by tick: limits, freezing, returns, one trace."""

import dataclasses
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.states import ENDS
from procmem_jax.envs.grid.actions import MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.memory.insertion import insert
from procmem_jax.memory.skills import Skill
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key
from quick import quick_first

STREAMS = open_streams(run_key(3))


def skill(actions, config, *, has_key=False, door_open=False):
    """A handmade skill that asks for these two predicates, with an embedding like nothing else."""
    padded = np.zeros(config.max_skill_length, np.int8)
    padded[: len(actions)] = actions
    no = jnp.zeros(3, jnp.bool_)
    return Skill(
        embedding=jnp.zeros(config.embedding_size, jnp.float32).at[-1].set(1.0),
        actions=jnp.asarray(padded),
        length=jnp.int8(len(actions)),
        pre_mask=jnp.asarray([True, True, False]),
        pre_value=jnp.asarray([has_key, door_open, False]),
        post_mask=no,
        post_value=no,
        label=jnp.int8(-1),
        successes=jnp.int32(0),
    )


def start(task, *, count=1, episodes=3, skills=(), explorer=None, use_skills=True, **overrides):
    """(agent, params, inputs, state) of `count` agents that begin with the given skills."""
    config, params = make_experiment(task, "tutorial", explorer=explorer, use_skills=use_skills, overrides=overrides)
    agent, params = ProceduralAgent(config), as_arrays(params)
    inputs = jax.vmap(lambda number: agent.make_inputs(number, episodes))(jnp.arange(count, dtype=jnp.uint32))
    state = rollout.begin_agents(agent, params, STREAMS, inputs, num_recorded=episodes)
    for actions, has_key, door_open in skills:
        new = skill(actions, config.library, has_key=has_key, door_open=door_open)
        library, done = jax.vmap(lambda old, new=new: insert(old, new, config.library))(state.memory.library)
        assert not done.merged.any()
        state = dataclasses.replace(state, memory=jax.vmap(agent.memory.with_library)(state.memory, library))
    return agent, params, inputs, state


def record(agent, params, inputs, state, num_ticks):
    return rollout.record_ticks(agent, params, STREAMS, inputs, state, num_ticks=num_ticks)


def metric_rows(state, agent=0):
    metrics = jax.tree.map(lambda column: column[agent].tolist(), state.metrics)
    return {field.name: getattr(metrics, field.name) for field in dataclasses.fields(metrics)}


DOWNWARDS = ([MOVE_DOWN] * 5, False, False)  # leads nowhere, always applies


def test_the_environments_limit_truncates_inside_a_skill():
    world = start("tutorial-5", skills=[DOWNWARDS], max_steps=7, step_budget=0)
    state, transitions = record(*world, 22)
    assert transitions.truncated[:, 0].tolist() == ([False] * 6 + [True]) * 3 + [False]
    assert not transitions.terminated.any()
    assert transitions.active[:, 0].tolist() == [True] * 21 + [False]
    assert metric_rows(state) == {
        "episode_return": pytest.approx([-0.7] * 3, abs=1e-6),
        "steps": [7] * 3,
        "success": [False] * 3,
        "skills": [1] * 3,
        "skill_uses": [2, 4, 6],  # the one that was cut off counts as used
        "skill_steps": [7] * 3,
        "end": [ENDS.index("max_steps")] * 3,
    }
    library = state.memory.library
    assert (library.use_counts[0, 0], library.failure_counts[0, 0], library.success_counts[0, 0]) == (6, 6, 0)


def test_the_budget_is_looked_at_only_between_skills():
    state, transitions = record(*start("tutorial-5", skills=[DOWNWARDS], step_budget=7), 22)
    assert not transitions.truncated.any()
    rows = metric_rows(state)
    assert (rows["steps"][:2], rows["skill_uses"][:2], rows["skill_steps"][:2]) == ([10, 10], [2, 4], [10, 10])
    assert (state.episode[0], state.steps[0]) == (2, 2)


def test_the_budget_ends_an_exploring_agent_on_the_step():
    for changes in ({"use_skills": False}, {}):
        state, _ = record(*start("tutorial-5", step_budget=7, **changes), 22)
        assert metric_rows(state)["steps"] == [7] * 3


def test_whichever_limit_comes_first_ends_the_episode():
    state, transitions = record(*start("tutorial-5", skills=[DOWNWARDS], step_budget=8, max_steps=9), 22)
    assert metric_rows(state)["steps"][:2] == [9, 9]  # between the skill's end at 5 and the one at 10
    assert transitions.truncated[:, 0].nonzero()[0].tolist() == [8, 17]
    state, transitions = record(*start("tutorial-5", skills=[DOWNWARDS], step_budget=5, max_steps=9), 22)
    assert metric_rows(state)["steps"] == [5, 5, 5]


def test_the_goal_ends_a_skill_and_counts_as_its_success():
    """The script fetches the key; the skill goes on to the door and to the goal, and has one step to spare."""
    to_goal = ([MOVE_RIGHT, MOVE_UP, OPEN_DOOR, MOVE_RIGHT, MOVE_UP, MOVE_LEFT], True, False)
    world = start("tutorial-5", skills=[to_goal], max_skill_length=6)
    state, transitions = record(*world, 12)
    wanted = [MOVE_RIGHT, MOVE_RIGHT, MOVE_UP, MOVE_UP, PICKUP_KEY, *to_goal[0][:5]]
    assert transitions.action[:10, 0].tolist() == wanted
    assert transitions.terminated[:, 0].nonzero()[0].tolist() == [9]
    # The next episode begins in the next tick, not with the step to spare but with the skill learned in this one.
    assert (transitions.action[10, 0], transitions.env_state.x[9, 0], transitions.env_state.x[10, 0]) == (
        PICKUP_KEY,
        4,
        0,
    )
    rows = metric_rows(state)
    assert rows["episode_return"][0] == pytest.approx(12.3, abs=1e-5)
    assert (rows["steps"][0], rows["success"][0], rows["skill_uses"][0], rows["skill_steps"][0]) == (10, True, 1, 5)
    assert rows["skills"][0] == 2  # the last six steps, from picking up the key on, are another skill
    library = state.memory.library
    assert (library.use_counts[0, 0], library.success_counts[0, 0], library.failure_counts[0, 0]) == (1, 1, 0)
    assert library.actions[0, 1].tolist() == wanted[4:]


def leaves(tree):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


@pytest.mark.parametrize("skills", quick_first([(), ((DOWNWARDS,),)]), ids=["learning", "using"])
def test_a_frozen_agent_changes_no_more(skills):
    """An agent of 2 episodes beside ones of 5: its library, counts and metrics stay while theirs go on."""
    agent, params, inputs, state = start("tutorial-5", count=3, episodes=5, skills=skills, explorer="epsilon:0.4")
    inputs = dataclasses.replace(inputs, num_episodes=jnp.asarray([5, 2, 5], jnp.int32))
    state, _ = record(agent, params, inputs, state, 120)
    assert state.episode[1] == 2
    before = leaves((state.memory.library, state.memory.num_uses, state.metrics, state.episode, state.exploration))
    for _ in range(3):
        state, transitions = record(agent, params, inputs, state, 120)
        assert not transitions.active[:, 1].any()
    after = leaves((state.memory.library, state.memory.num_uses, state.metrics, state.episode, state.exploration))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old[1], new[1])
    assert not all(np.array_equal(old[[0, 2]], new[[0, 2]]) for old, new in zip(before, after, strict=True))
    assert state.metrics.steps[1].tolist()[2:] == [0, 0, 0]
    assert (state.memory.library.skill_ids[1] >= 0).any()  # it has something to lose


@pytest.mark.slow
def test_returns_are_exact_sums_over_long_episodes():
    world = start("random-16", count=8, episodes=1, explorer="random", step_budget=0, max_steps=6000)
    state, transitions = record(*world, 6000)
    rewards = np.asarray(transitions.reward)
    active = np.asarray(transitions.active)
    long = np.asarray(state.metrics.steps[:, 0]) > 3000
    assert long.sum() >= 3
    plain_errors = []
    for index in np.flatnonzero(long):
        exact = math.fsum(rewards[active[:, index], index].tolist())
        assert float(state.metrics.episode_return[index, 0]) == pytest.approx(exact, rel=1e-7)
        plain = np.add.accumulate(rewards[active[:, index], index])[-1]
        plain_errors.append(abs(plain - exact) / abs(exact))
    assert max(plain_errors) > 1e-6  # a plain float32 sum would not do


def test_memory_off_stores_and_uses_nothing():
    agent, params, inputs, state = start("tutorial-5", use_skills=False)
    assert state.memory is None
    state, _ = record(agent, params, inputs, state, 30)
    assert state.memory is None
    rows = metric_rows(state)
    assert rows["success"] == [True] * 3
    assert rows["skills"] == rows["skill_uses"] == rows["skill_steps"] == [0] * 3


def test_shared_code_tables_are_those_of_no_one_in_particular():
    shared, *_, inputs, _ = start("random-5", count=3, code_tables="shared")
    per_agent = start("random-5", count=3)[2]
    assert (inputs.memory.position_codes == inputs.memory.position_codes[:1]).all()
    assert not (per_agent.memory.position_codes[0] == per_agent.memory.position_codes[1]).all()
    assert (per_agent.agent_id == inputs.agent_id).all()


def one_agent():
    agent, params, inputs, state = start("random-4", episodes=2, explorer="epsilon:0.5", max_steps=2, step_budget=0)
    return agent, params, *jax.tree.map(lambda leaf: leaf[0], (inputs, state))


def test_tick_is_traced_once():
    chex.clear_trace_counter()
    agent, params, inputs, state = one_agent()
    tick = jax.jit(chex.assert_max_traces(agent.tick, n=1))
    for _ in range(6):
        state, _ = tick(params, STREAMS, inputs, state)
    assert (state.tick, state.episode) == (6, 2)


@pytest.mark.slow
def test_tick_equals_the_tick_without_jit():
    agent, params, inputs, state = one_agent()
    plain = state
    for _ in range(3):
        state, transition = jax.jit(agent.tick)(params, STREAMS, inputs, state)
        with jax.disable_jit():
            plain, plain_transition = agent.tick(params, STREAMS, inputs, plain)
        chex.assert_trees_all_equal_shapes_and_dtypes((state, transition), (plain, plain_transition))
        chex.assert_trees_all_close((state, transition), (plain, plain_transition), rtol=1e-6)
    assert (state.tick, plain.episode) == (3, 1)
