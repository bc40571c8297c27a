"""The tutorial's verbs, and that a loop over `run_episode` is `train`."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.own_parts import LastWay
from memory.handmade import HAS_KEY, NOTHING, as_library
from plain_default import PlainSkill
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.verbs import execute_skill, explore, extract_skill, run_episode
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.memory.insertion import insert
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key
from quick import quick_first

EPISODES = 12


def one_agent(task="tutorial-5", number=0, seed=0, preset="tutorial", **changes):
    config, params = make_experiment(task, preset, **changes)
    agent, arrays, streams = ProceduralAgent(config), as_arrays(params), open_streams(run_key(seed))
    inputs = agent.make_inputs(jnp.uint32(number), EPISODES)
    return agent, arrays, streams, inputs, agent.begin(arrays, streams, inputs, EPISODES)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "explorer"), [("tutorial-6", "epsilon:0.4"), ("random-5", "random")])
def test_run_episode_in_a_loop_equals_train(task, explorer):
    agent, params, streams, inputs, state = one_agent(task, 3, 5, explorer=explorer)
    rows = []
    for _ in range(EPISODES):
        state, metrics = run_episode(agent, params, streams, inputs, state)
        rows.append(metrics)
    config, concrete = make_experiment(task, "tutorial", explorer=explorer)
    trained = train(run_key(5), config, concrete, 1, EPISODES, first_agent=3)
    columns = jax.tree.map(lambda *values: np.stack(values)[None], *rows)
    jax.tree.map(np.testing.assert_array_equal, columns, trained.metrics)
    jax.tree.map(
        lambda one, batch: np.testing.assert_array_equal(one, batch[0]), state.memory.library, trained.libraries
    )
    assert trained.metrics.steps.sum() > 0


@pytest.mark.slow
def test_a_frozen_agent_runs_no_episode():
    agent, params, streams, inputs, state = one_agent()
    for _ in range(EPISODES):
        state, _ = run_episode(agent, params, streams, inputs, state)
    after, _ = run_episode(agent, params, streams, inputs, state)
    jax.tree.map(np.testing.assert_array_equal, state, after)


def test_explore_follows_the_script_and_stops_at_the_goal():
    agent, params, streams, inputs, state = one_agent()
    state, trajectory, success = explore(agent, params, streams, inputs, state, max_steps=20)
    assert success and trajectory.length == 10
    assert trajectory.actions.tolist() == [3, 3, 0, 0, 4, 3, 0, 5, 3, 0] + [0] * 10
    assert float(jnp.sum(trajectory.rewards)) == pytest.approx(12.3, abs=1e-5)
    assert trajectory.end_predicates.tolist() == [True, True, True]
    assert (int(state.env_state.x), int(state.env_state.y), int(state.tick)) == (4, 4, 10)


def test_explore_stops_after_max_steps():
    agent, params, streams, inputs, state = one_agent()
    state, trajectory, success = explore(agent, params, streams, inputs, state, max_steps=4)
    assert not success and trajectory.length == 4
    assert (int(state.env_state.x), int(state.env_state.y)) == (2, 2)


@pytest.mark.slow
def test_extracted_skill_is_the_one_that_training_stores():
    agent, params, streams, inputs, state = one_agent()
    _, trajectory, _ = explore(agent, params, streams, inputs, state, max_steps=20)
    skill, is_one = extract_skill(agent, inputs, trajectory)
    assert is_one and skill.actions.tolist() == [3, 0, 5, 3, 0] and int(skill.label) == 1
    after, _ = run_episode(agent, params, streams, inputs, state)
    stored, _ = insert(state.memory.library, skill, agent.config.library)
    jax.tree.map(np.testing.assert_array_equal, stored, after.memory.library)


def test_one_step_is_no_skill():
    agent, params, streams, inputs, state = one_agent()
    _, trajectory, _ = explore(agent, params, streams, inputs, state, max_steps=1)
    _, is_one = extract_skill(agent, inputs, trajectory)
    assert not is_one


def test_execute_skill_runs_it_to_its_end_and_counts():
    agent, params, streams, inputs, state = one_agent()
    learned, _ = run_episode(agent, params, streams, inputs, state)
    # In the corner the skill (right, up, open, right, up) opens nothing: five steps without success.
    after, trajectory, total, success = execute_skill(agent, params, streams, inputs, learned, jnp.int32(0))
    assert not success and trajectory.length == 5 and float(total) == pytest.approx(-0.5)
    assert (int(after.env_state.x), int(after.env_state.y)) == (2, 2)
    assert after.memory.library.use_counts[0] == 1 and after.memory.library.success_counts[0] == 1
    # With the key at (2, 2) it ends in success.
    at_key, _, _ = explore(agent, params, streams, inputs, learned, max_steps=5)
    after, trajectory, total, success = execute_skill(agent, params, streams, inputs, at_key, jnp.int32(0))
    assert success and float(total) == pytest.approx(-0.3 + 2.0 + 10.0)
    assert after.memory.library.success_counts[0] == 2


@pytest.mark.parametrize("memory", quick_first((None, LastWay(num_steps=2))), ids=("default", "own"))
def test_execute_skill_counts_in_any_memory(memory):
    """In the default one, which looks at its library through an index, and in one whose state is a named tuple."""
    agent, params, streams, inputs, state = one_agent("random-3", preset="default", memory=memory)
    embed = {None: np.zeros(agent.config.library.embedding_size)}.get
    known = as_library([PlainSkill(None, (0, 1), NOTHING, HAS_KEY)], agent.config.library, embed)
    state = dataclasses.replace(state, memory=agent.memory.with_library(state.memory, known))
    after, trajectory, total, success = execute_skill(agent, params, streams, inputs, state, jnp.int32(0))
    assert trajectory.actions[:2].tolist() == [0, 1] and trajectory.length == 2 and not success
    library = agent.memory.library(after.memory)
    counts = (library.use_counts, library.success_counts, library.failure_counts)
    assert [int(count[0]) for count in counts] == [1, 0, 1]
    assert (after.skill_steps, agent.memory.num_uses(after.memory), agent.memory.num_skills(after.memory)) == (2, 1, 1)


def test_execute_skill_without_memory_is_refused():
    agent, params, streams, inputs, state = one_agent(use_skills=False)
    with pytest.raises(ValueError, match="use_skills=False"):
        execute_skill(agent, params, streams, inputs, state, jnp.int32(0))
