"""Trained agents, one by one, against the plain reference."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from plain_tutorial import TUTORIAL_TARGET, PlainAgent, PlainWorld, scripted_choice
from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.memory.naming import skill_name
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key
from quick import quick_first

KEY = run_key(21)
EPISODES = 15
NUM_AGENTS = 16


class CountingWorld(PlainWorld):
    """A world that knows how many steps have been taken in it, over all episodes."""

    num_steps = 0

    def step(self, action):
        self.num_steps += 1
        return super().step(action)


def plain_run(number, config, params, explore):
    """(per-episode columns, library) of the plain agent with this agent's hashed code tables."""
    with_codes = dataclasses.replace(config, use_skills=True)
    codes = ProceduralAgent(with_codes).make_inputs(jnp.uint32(number), EPISODES).memory
    world = CountingWorld(params.environment.size)
    agent = PlainAgent(
        world,
        codes.position_codes.tolist(),
        codes.action_codes.tolist(),
        config.library.embedding_size,
        explore=explore,
        use_skills=config.use_skills,
        budget=params.step_budget,
        merge_threshold=params.memory.merge_threshold,
    )
    return agent.train(EPISODES)


def assert_agrees(plain, metrics, library, index):
    """Row `index` of the trained metrics and libraries is the plain agent's run."""
    wanted = plain["per_episode"]
    np.testing.assert_allclose(metrics.episode_return[index], wanted["rewards"], atol=1e-5)
    assert metrics.steps[index].tolist() == wanted["steps"]
    assert metrics.success[index].tolist() == wanted["success"]
    if library is None:
        return
    assert metrics.skills[index].tolist() == wanted["skills_learned"]
    assert metrics.skill_uses[index].tolist() == wanted["skill_uses"]
    library = jax.tree.map(lambda leaf: np.asarray(leaf[index]), library)
    assert library.num_evictions == 0
    assert library.used.sum() == len(plain["library"])
    for slot, skill in enumerate(plain["library"]):
        length = int(library.lengths[slot])
        assert library.skill_ids[slot] == slot
        assert skill_name(int(library.labels[slot]), length, ("has_key", "door_open")) == skill["name"]
        assert library.pre_value[slot].tolist() == [skill["has_key"], skill["door_open"], False]
        assert library.actions[slot, :length].tolist() == skill["actions"]
        np.testing.assert_allclose(library.embeddings[slot], skill["embedding"], atol=1e-5)
        assert library.success_counts[slot] == skill["success_count"]
        assert library.use_counts[slot] == skill["times_used"]


@pytest.mark.parametrize(("size", "use_skills"), quick_first([(4, True), (5, True), (4, False)]))
def test_the_scripted_agent(size, use_skills):
    overrides = {"size": size} | ({"max_size": 5} if use_skills else {})  # one program for both sizes
    config, params = make_experiment("tutorial-5", "tutorial", use_skills=use_skills, overrides=overrides)
    result = train(KEY, config, params, NUM_AGENTS, EPISODES, first_agent=100)
    for index in range(NUM_AGENTS):
        plain = plain_run(100 + index, config, params, lambda world: scripted_choice(world, TUTORIAL_TARGET))
        assert_agrees(plain, result.metrics, result.libraries if use_skills else None, index)
    trapped = use_skills and size == 4
    assert result.metrics.success[:, 1:].any() != trapped  # what the plain agent is known to do


def recorded_run(config, params):
    """(final state, actions `[T, A]`) of a run with this config, long enough to end."""
    agent, arrays, streams = ProceduralAgent(config), as_arrays(params), open_streams(KEY)
    inputs = jax.vmap(lambda number: agent.make_inputs(number, EPISODES))(jnp.arange(NUM_AGENTS, dtype=jnp.uint32))
    state = rollout.begin_agents(agent, arrays, streams, inputs, num_recorded=EPISODES)
    longest = (params.step_budget + config.library.max_skill_length) * EPISODES
    state, transitions = rollout.record_ticks(agent, arrays, streams, inputs, state, num_ticks=longest)
    assert (state.episode == EPISODES).all()
    return state, np.asarray(transitions.action)


@pytest.mark.parametrize(
    ("size", "merge_threshold"), quick_first([(6, 0.9), (7, 0.9), (8, 0.9), (8, 0.999), (4, 0.999)])
)
def test_the_noisy_agent(size, merge_threshold):
    """The plain agent explores with the recorded actions, and must choose and learn the same skills by itself."""
    overrides = {"max_size": 8, "size": size, "merge_threshold": merge_threshold}
    config, params = make_experiment("tutorial-8", "tutorial", explorer="epsilon:0.3", overrides=overrides)
    state, actions = recorded_run(config, params)
    result = train(KEY, config, params, NUM_AGENTS, EPISODES)
    jax.tree.map(np.testing.assert_array_equal, result.metrics, jax.device_get(state.metrics))
    for index in range(NUM_AGENTS):
        plain = plain_run(index, config, params, lambda world, i=index: int(actions[world.num_steps, i]))
        assert_agrees(plain, result.metrics, result.libraries, index)
    assert result.metrics.skill_uses[:, -1].max() > 10
