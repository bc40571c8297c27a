"""Skills of the default memory lead back to the tick and the episode that they were learned in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax import make_experiment, run_key
from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.memory.library import EMPTY
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams

NUM_AGENTS, NUM_TICKS = 48, 640


@pytest.mark.slow
def test_every_skill_knows_when_it_was_learned():
    """By the agent's counters: there its last action made true what it is named after."""
    config, params = make_experiment("random-3", overrides={"capacity": 8})
    agent, params, streams = ProceduralAgent(config), as_arrays(params), open_streams(run_key(2))
    inputs = jax.vmap(lambda number: agent.make_inputs(number, 1000))(jnp.arange(NUM_AGENTS, dtype=jnp.uint32))
    first = rollout.begin_agents(agent, params, streams, inputs, num_recorded=16)
    state, seen = rollout.record_ticks(agent, params, streams, inputs, first, num_ticks=NUM_TICKS)
    library, seen = jax.tree.map(np.asarray, (state.memory.library, seen))
    facts = np.stack([seen.env_state.has_key, seen.env_state.door_open, seen.terminated], axis=-1)
    over = seen.terminated | seen.truncated
    used = library.skill_ids != EMPTY
    for learned in (library.learned_tick, library.learned_episode):
        assert (learned[~used] == -1).all() and (learned[used] >= 0).all()
    for index, slot in zip(*np.nonzero(used), strict=True):
        now, length = library.learned_tick[index, slot], library.lengths[index, slot]
        assert library.learned_episode[index, slot] == over[:now, index].sum()
        assert library.actions[index, slot, length - 1] == seen.action[now, index]
        label = library.labels[index, slot]
        begins = now == 0 or over[now - 1, index]
        assert facts[now, index, label] and (begins or not facts[now - 1, index, label])
    assert used.sum() > 3 * NUM_AGENTS and len(np.unique(library.learned_episode)) > 6
    assert library.num_evictions.sum() > 10 and library.merge_counts.sum() > 10
