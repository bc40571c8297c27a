"""A block of ticks gives what the same ticks give one by one, bit for bit, and serves the few who need it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.agents import rollout
from procmem_jax.agents.blocks import Reports, _queue, _serve_few, _write
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key

NUM_AGENTS, NUM_EPISODES = 160, 40  # more agents than a narrow batch holds
CASES = {
    "default": ("random-5", "default", {"capacity": 8, "sticky": 0.1}),
    "odd interval": ("random-5", "default", {"consolidation_interval": 3, "capacity": 8, "max_steps": 30}),
    "long interval": ("doorkey-5", "default", {"consolidation_interval": 80, "capacity": 8}),
    "groups": ("random-5", "default", {"group_size": 4, "capacity": 8, "max_steps": 30, "deaths_teach": True}),
    "shortest episodes": ("random-4", "default", {"capacity": 8, "max_steps": 1}),
    "own budget": ("random-4", "tutorial", {"max_steps": 0, "step_budget": 2}),
    "tutorial": ("random-4", "tutorial", {"min_success_steps": 1}),
    "fixed layout": ("tutorial-4", "tutorial", {"min_success_steps": 1}),
}


def begin(case, batched_params=False):
    """(agent, params, streams, inputs, state) of a batch of agents, each with its own budget if asked for."""
    task, preset, overrides = CASES[case]
    explorer = {"own budget": "random"}.get(case)
    config, params = make_experiment(task, preset, explorer=explorer, overrides=overrides)
    agent, params, streams = ProceduralAgent(config), as_arrays(params), open_streams(run_key(4))
    if batched_params:
        params = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (NUM_AGENTS,)), params)
        grid = dataclasses.replace(params.environment, max_steps=jnp.arange(1, NUM_AGENTS + 1, dtype=jnp.int32))
        params = dataclasses.replace(params, environment=grid)
    numbers = jnp.arange(NUM_AGENTS, dtype=jnp.uint32)
    inputs = jax.vmap(lambda number: agent.make_inputs(number, NUM_EPISODES))(numbers)
    make = rollout.begin_agents
    state = make(agent, params, streams, inputs, num_recorded=NUM_EPISODES, batched_params=batched_params)
    return agent, params, streams, inputs, state


@pytest.mark.parametrize(
    ("case", "batched_params"),
    [
        pytest.param("default", True, marks=pytest.mark.optimized),
        pytest.param("odd interval", False, marks=pytest.mark.slow),
        pytest.param("long interval", False, marks=pytest.mark.slow),
        pytest.param("groups", True, marks=pytest.mark.slow),
        pytest.param("shortest episodes", False, marks=pytest.mark.slow),
        pytest.param("own budget", False, marks=pytest.mark.slow),
        ("tutorial", False),
        pytest.param("fixed layout", False, marks=pytest.mark.slow),
    ],
)
def test_a_block_is_its_ticks(case, batched_params):
    agent, params, streams, inputs, state = begin(case, batched_params)
    period = int(np.lcm(agent.block_ticks, agent.period))
    num_ticks = -(-96 // period) * period
    record = rollout.record_ticks
    ticks, _ = record(agent, params, streams, inputs, state, num_ticks=num_ticks, batched_params=batched_params)
    *_, state = begin(case, batched_params)
    num_blocks = jnp.int32(num_ticks // agent.block_ticks)
    blocks = rollout.run_ticks(agent, params, streams, inputs, state, num_blocks, batched_params=batched_params)
    jax.tree.map(np.testing.assert_array_equal, blocks, ticks)
    assert np.asarray(ticks.episode).sum() > NUM_AGENTS  # so that some end more than one
    if case not in ("shortest episodes", "own budget"):  # too short to learn from
        assert np.asarray(ticks.memory.num_skills).sum() > 0


@pytest.mark.parametrize(
    ("preset", "interval", "block_ticks"),
    [("default", 16, 16), ("default", 1, 1), ("default", 80, 40), ("default", 67, 1), ("tutorial", 16, 16)],
)
def test_blocks_end_where_skills_are_taken_in(preset, interval, block_ticks):
    overrides = {"consolidation_interval": interval} if preset == "default" else {}
    config, _ = make_experiment("random-5", preset, overrides=overrides)
    assert ProceduralAgent(config).block_ticks == block_ticks


@pytest.mark.parametrize("num_pending", [0, 1, 15, 16, 17, 40])
def test_the_queue_holds_who_is_pending_in_order(num_pending):
    pending = np.zeros(40, np.bool_)
    pending[np.random.default_rng(num_pending).permutation(40)[:num_pending]] = True
    queue, count = _queue(jnp.asarray(pending), 16)
    assert count == num_pending
    assert queue.tolist() == [*np.flatnonzero(pending), *[40] * (48 - num_pending)]


@pytest.mark.parametrize("width", [2, 16, 17])
def test_nobody_is_served_where_nobody_is_pending(width):
    """However narrow the batch: what XLA takes out of the loop runs in every tick."""
    calls = []

    def serve(param, value, other):
        shape = jax.ShapeDtypeStruct((), jnp.int32)
        return value + jax.pure_callback(lambda x: calls.append(1) or x, shape, other, vmap_method="broadcast_all")

    @jax.jit
    def five_ticks(lanes):
        def tick(number, values):
            return _serve_few(serve, (lanes == 1) & (number == 2), 0, None, values, lanes)

        return jax.lax.fori_loop(0, 5, tick, jnp.zeros_like(lanes))

    assert five_ticks(jnp.arange(width, dtype=jnp.int32)).tolist() == [0, 1, *[0] * (width - 2)]
    assert len(calls) == 1


@pytest.mark.parametrize("width", [300, 3088])
def test_only_the_pending_are_served_each_once_with_its_own_numbers(width):
    pending = jnp.asarray(np.random.default_rng(0).random(width) < 0.7)
    numbers = jnp.arange(width)
    served = _serve_few(
        lambda param, value, other: value + param * other, pending, numbers, 0, jnp.full(width, 1000), numbers + 1
    )
    expected = np.where(pending, 1000 + np.arange(width) * np.arange(1, width + 1), 1000)
    np.testing.assert_array_equal(served, expected)


def test_every_episode_of_a_block_is_written_where_it_belongs():
    """An agent may end one in every tick; what has no place left is dropped."""
    _, _, _, _, state = begin("tutorial")
    ended = np.zeros((16, NUM_AGENTS), np.bool_)
    ended[[3, 4, 5, 15], 7] = ended[0, 8] = ended[2, 9] = True
    episode = np.cumsum(ended, axis=0, dtype=np.int32) - ended
    episode[2, 9] = NUM_EPISODES
    steps = np.arange(1, 17, dtype=np.int32)[:, None] * np.ones(NUM_AGENTS, np.int32)
    rows = jax.tree.map(lambda column: jnp.zeros((16, NUM_AGENTS), column.dtype), state.metrics)
    rows = dataclasses.replace(rows, steps=jnp.asarray(steps))
    found = np.asarray(_write(state, Reports(jnp.asarray(ended), jnp.asarray(episode), rows)).metrics.steps)
    expected = np.asarray(state.metrics.steps).copy()
    expected[7, :4], expected[8, 0] = [4, 5, 6, 16], 1
    np.testing.assert_array_equal(found, expected)
