"""The default agent is the same agent alone, in any batch, chunk or place, jitted or not; and lowers for a GPU."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key
from quick import quick_first

NUM_AGENTS, NUM_EPISODES = 300, 5
SETTINGS = {
    "random-6": ("random", {"sticky": 0.1, "capacity": 12}),
    "doorkey-6": ("epsilon:0.5", {}),
}
TASKS = ("random-6", pytest.param("doorkey-6", marks=pytest.mark.slow))
ALONE, PART = (1, 0, 16, 1), (21, 3, 16, 33)  # number of agents, first of them, lanes, ticks of a chunk


def play(task, num_agents, **where):
    """(metrics, libraries) of a run."""
    explorer, overrides = SETTINGS[task]
    config, params = make_experiment(task, explorer=explorer, overrides=overrides)
    result = train(run_key(6), config, params, num_agents, NUM_EPISODES, **where)
    return result.metrics, result.libraries


@functools.cache
def whole_batch(task):
    """All agents at once."""
    return play(task, NUM_AGENTS, lanes=512, chunk_ticks=256)


@pytest.mark.parametrize(
    ("task", "num_agents", "first_agent", "lanes", "chunk_ticks"),
    [
        ("random-6", *ALONE),
        *[pytest.param("random-6", *case, marks=pytest.mark.optimized) for case in (
            (1, 299, 512, 256), PART, (NUM_AGENTS, 0, 512, 1), (NUM_AGENTS, 0, 16, 256),
        )],
        *[pytest.param("doorkey-6", *case, marks=pytest.mark.slow) for case in (ALONE, PART)],
        # A program is compiled for each width and task.
        *[pytest.param("random-6", *case, marks=pytest.mark.exhaustive) for case in (
            (7, 150, 64, 33), (NUM_AGENTS, 0, 64, 33),
        )],
        *[pytest.param("doorkey-6", *case, marks=pytest.mark.exhaustive) for case in (
            (1, 299, 512, 256), (7, 150, 64, 33), (NUM_AGENTS, 0, 512, 1), (NUM_AGENTS, 0, 64, 33),
            (NUM_AGENTS, 0, 16, 256),
        )],
    ],
)  # fmt: skip
def test_an_agent_is_the_same_wherever_it_runs(task, num_agents, first_agent, lanes, chunk_ticks):
    found = play(task, num_agents, first_agent=first_agent, lanes=lanes, chunk_ticks=chunk_ticks)
    expected = jax.tree.map(lambda leaf: leaf[first_agent : first_agent + num_agents], whole_batch(task))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


@pytest.mark.parametrize("task", TASKS)
def test_these_runs_have_something_to_lose(task):
    """Evictions, renewed and merged skills, episodes of many lengths: agents are frozen while others go on."""
    metrics, libraries = whole_batch(task)
    if task == "random-6":
        assert (libraries.num_evictions > 0).mean() > 0.1
        assert libraries.merge_counts.sum() > 100 and libraries.failure_counts.sum() > 100
        assert len(set(metrics.steps.sum(axis=1).tolist())) > 50
    else:
        assert metrics.success.mean() > 0.3
        assert (libraries.labels == 1).any() and (libraries.labels == 2).any()
    assert np.all(libraries.success_counts + libraries.failure_counts <= libraries.use_counts)
    assert np.all(np.diff(metrics.skill_uses, axis=1) >= 0)
    assert np.all(metrics.skill_steps <= metrics.steps)


def start(task, preset="default", num_agents=None, *, explorer=None, use_skills=True, **overrides):
    """(agent, params, streams, inputs, state) of agents, or of one without the axis."""
    config, params = make_experiment(task, preset, explorer=explorer, use_skills=use_skills, overrides=overrides)
    agent, params, streams = ProceduralAgent(config), as_arrays(params), open_streams(run_key(6))

    def begin(number):
        inputs = agent.make_inputs(number, 3)
        return inputs, agent.begin(params, streams, inputs, 3)

    numbers = jnp.uint32(5) if num_agents is None else jnp.arange(num_agents, dtype=jnp.uint32)
    inputs, state = jax.jit(begin if num_agents is None else jax.vmap(begin))(numbers)
    return agent, params, streams, inputs, state


@pytest.mark.slow
def test_ticks_equal_ticks_without_jit_and_are_traced_once():
    """Through changes of predicates, consolidations and the end of an episode."""
    chex.clear_trace_counter()
    agent, params, streams, inputs, state = start("random-3", explorer="scripted", max_steps=9)
    tick = jax.jit(chex.assert_max_traces(agent.tick, n=1))
    consolidate = jax.jit(chex.assert_max_traces(agent.consolidate, n=1))
    plain = state
    for number in range(12):
        state, transition = tick(params, streams, inputs, state)
        with jax.disable_jit():
            plain, plain_transition = agent.tick(params, streams, inputs, plain)
        if number in (5, 11):
            state = consolidate(params, inputs, state)
            with jax.disable_jit():
                plain = agent.consolidate(params, inputs, plain)
        chex.assert_trees_all_equal_shapes_and_dtypes((state, transition), (plain, plain_transition))
        chex.assert_trees_all_close((state, transition), (plain, plain_transition), rtol=1e-6, atol=1e-6)
    assert state.memory.library.used.sum() >= 3 and state.episode >= 1


@pytest.mark.parametrize("preset", quick_first(("default", "tutorial")))
def test_a_run_lowers_for_a_gpu(preset):
    agent, params, streams, inputs, state = start("random-5", preset, num_agents=16)

    def run(params, streams, inputs, state, count):
        return rollout.run_ticks.__wrapped__(agent, params, streams, inputs, state, count)

    exported = jax.export.export(jax.jit(run), platforms=["cuda"])(params, streams, inputs, state, jnp.int32(3))
    assert exported.platforms == ("cuda",)
    shapes = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state)
    assert shapes == jax.tree.unflatten(jax.tree.structure(state), [(a.shape, a.dtype) for a in exported.out_avals])


def test_one_program_serves_all_params_of_a_config():
    agent, params, streams, inputs, state = start("random-3", num_agents=16, use_skills=False)
    before = rollout.run_ticks._cache_size()
    for sticky, count in ((0.0, 1), (0.3, 2), (0.9, 7)):
        grid = dataclasses.replace(params.environment, sticky=jnp.float32(sticky))
        changed = dataclasses.replace(params, environment=grid)
        state = rollout.run_ticks(agent, changed, streams, inputs, state, jnp.int32(count))
    assert rollout.run_ticks._cache_size() == before + 1
