"""Shifting layouts: three of an agent's own in turn, the same in every arm."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.worlds import layout_numbers
from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.envs.grid.layouts import random_layout
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.presets import PRESETS, make_experiment
from procmem_jax.records import as_arrays
from procmem_jax.streams import draw_words, open_streams, run_key
from quick import quick_first

NUM_AGENTS, NUM_EPISODES = 16, 14
NUMBERS = np.arange(3, 3 + NUM_AGENTS, dtype=np.uint32)
STREAMS = open_streams(run_key(5))


def test_layout_numbers_by_hand():
    world = GridWorld("shifting")
    numbers = [int(world.layout_number(jnp.int32(e), as_arrays(world.default_params(shift_every=2)))) for e in range(9)]
    assert numbers == [0, 0, 1, 1, 2, 2, 0, 0, 1]
    every_50 = as_arrays(world.default_params())
    assert [int(world.layout_number(jnp.int32(e), every_50)) for e in (0, 49, 50, 99, 100, 149, 150, 299, 300)] == [
        *(0, 0, 1, 1, 2, 2, 0, 2, 0)
    ]


def test_other_worlds_draw_another_layout_every_episode():
    world = GridWorld("random")
    assert [int(world.layout_number(jnp.int32(e), as_arrays(world.default_params()))) for e in (0, 7, 151)] == [
        0,
        7,
        151,
    ]


def play(preset):
    """(layouts `[A, E, 10]` of agents whose episodes last a step, the optimum `[A, E]` as recomputed)."""
    limit = {"step_budget": 1} if preset == "tutorial" else {"max_steps": 1}
    config, params = make_experiment("shifting-5", preset, use_skills=False, explorer="random",
                                     overrides=limit | {"shift_every": 2})  # fmt: skip
    agent, arrays = ProceduralAgent(config), as_arrays(params)
    inputs = jax.jit(jax.vmap(lambda number: agent.make_inputs(number, NUM_EPISODES)))(NUMBERS)
    state = rollout.begin_agents(agent, arrays, STREAMS, inputs, num_recorded=NUM_EPISODES)
    _, transitions = rollout.record_ticks(agent, arrays, STREAMS, inputs, state, num_ticks=NUM_EPISODES)
    assert np.all(transitions.active)
    layouts = layout_numbers(transitions.env_state.layout).transpose(1, 0, 2)
    return layouts, optimal_steps(run_key(5), config, params, NUM_AGENTS, NUM_EPISODES, first_agent=3)


@functools.cache
def first_layouts():
    """The layouts that a random task of the same seed draws for its first three episodes, `[A, 3, 10]`."""
    words = draw_words(STREAMS.episode, jnp.arange(3)[None, :], NUMBERS[:, None])
    draw = jax.jit(jax.vmap(jax.vmap(lambda *pair: random_layout(pair, jnp.int32(5)))))
    return layout_numbers(draw(*words))


def check_turns(layouts):
    by_number = layouts[:, [0, 2, 4]]  # A, B and C of every agent
    order = [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2, 0, 0]
    np.testing.assert_array_equal(layouts, by_number[:, order])
    for agent in by_number:
        assert len({tuple(layout) for layout in agent}) == 3
    firsts = {tuple(layout) for layout in by_number[:, 0]}
    assert len(firsts) == NUM_AGENTS  # everybody has layouts of their own


@pytest.mark.parametrize("preset", quick_first(list(PRESETS)))
def test_three_layouts_in_turn_the_same_for_every_preset(preset):
    layouts, optimum = play(preset)
    check_turns(layouts)
    np.testing.assert_array_equal(layouts[:, [0, 2, 4]], first_layouts())
    start, key, door, goal = layouts[..., :8].reshape(NUM_AGENTS, NUM_EPISODES, 4, 2).transpose(2, 0, 1, 3).astype(int)
    legs = (np.abs(there - here).sum(-1) for here, there in ((start, key), (key, door), (door, goal)))
    np.testing.assert_array_equal(optimum, sum(legs) + 2)
