"""The fewest steps, recomputed after a run, and that every arm of a comparison sees the same layouts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.worlds import layout_numbers
from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments import optimum
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.presets import PRESETS, make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams, run_key

KEY = run_key(31)
NUM_AGENTS, EPISODES = 20, 2


def test_a_script_without_memory_takes_exactly_the_fewest_steps():
    config, params = make_experiment("random-5", "tutorial", use_skills=False)
    steps = train(KEY, config, params, NUM_AGENTS, EPISODES, first_agent=50, lanes=16).metrics.steps
    found = optimal_steps(KEY, config, params, NUM_AGENTS, EPISODES, first_agent=50)
    np.testing.assert_array_equal(found, steps)
    assert (found.dtype, found.shape) == (np.int32, (NUM_AGENTS, EPISODES))
    assert len(np.unique(found)) > 5


@pytest.mark.parametrize(("task", "steps"), [("tutorial-4", 8), ("tutorial-5", 10), ("tutorial-64", 128)])
def test_the_tutorials_optimum_by_hand(task, steps):
    """2 (N - 1) moves, the key, the door."""
    config, params = make_experiment(task, "tutorial")
    assert (optimal_steps(KEY, config, params, 3, 4) == steps).all()


def test_other_positions_count():
    config, params = make_experiment(
        "tutorial-6", "tutorial", overrides={"key_x": 0, "key_y": 5, "door_x": 5, "door_y": 0}
    )
    assert optimal_steps(KEY, config, params, 1, 1).tolist() == [[5 + 1 + 10 + 1 + 5]]


@pytest.mark.parametrize("block", [1, 7, 40, 1000])
def test_blocks_leave_no_trace(monkeypatch, block):
    config, params = make_experiment("random-8", "tutorial")
    whole = optimal_steps(KEY, config, params, 8, 5)
    monkeypatch.setattr(optimum, "_BLOCK", block)
    np.testing.assert_array_equal(optimal_steps(KEY, config, params, 8, 5), whole)
    for agent in (0, 7):
        alone = optimal_steps(KEY, config, params, 1, 5, first_agent=agent)
        np.testing.assert_array_equal(alone[0], whole[agent])


def test_agent_numbers_reach_to_the_end_of_uint32():
    config, params = make_experiment("random-8", "tutorial")
    last = optimal_steps(KEY, config, params, 3, 5, first_agent=2**32 - 3)
    np.testing.assert_array_equal(optimal_steps(KEY, config, params, 1, 5, first_agent=2**32 - 1)[0], last[2])
    assert not np.array_equal(last, optimal_steps(KEY, config, params, 3, 5))


# The layouts of a run

ARMS = {
    "tutorial, random, no memory": {
        "preset": "tutorial",
        "explorer": "random",
        "use_skills": False,
        "overrides": {"max_steps": 25, "step_budget": 0},
    },
    "tutorial, noisy": {
        "preset": "tutorial",
        "explorer": "epsilon:0.5",
        "overrides": {"max_steps": 60, "step_budget": 0, "capacity": 2, "counting": "outcomes", "goal_reward": 3.0,
                      "merge_threshold": 0.2, "code_tables": "shared"},
    },
}  # fmt: skip
ARMS |= {preset: {"preset": preset} for preset in PRESETS if preset != "tutorial"}
NUM_TICKS = 320


@functools.cache
def layouts_of(arm, first_agent=7):
    """{(agent, episode): cells} of all layouts that a run of some hundred ticks meets."""
    config, params = make_experiment("random-5", **ARMS[arm])
    agent, arrays, streams = ProceduralAgent(config), as_arrays(params), open_streams(KEY)
    numbers = first_agent + np.arange(6)
    inputs = jax.vmap(lambda number: agent.make_inputs(number, 100))(jnp.asarray(numbers, jnp.uint32))
    state = rollout.begin_agents(agent, arrays, streams, inputs, num_recorded=100)
    state, transitions = rollout.record_ticks(agent, arrays, streams, inputs, state, num_ticks=NUM_TICKS)
    ended = np.asarray(transitions.terminated | transitions.truncated)
    episodes = np.cumsum(ended, axis=0) - ended
    cells = layout_numbers(transitions.env_state.layout)
    seen = {}
    for tick in range(NUM_TICKS):
        for lane, number in enumerate(numbers.tolist()):
            place = (number, int(episodes[tick, lane]))
            assert seen.setdefault(place, tuple(cells[tick, lane].tolist())) == tuple(cells[tick, lane].tolist())
    return seen


SLOW_ARMS = ("default", "tutorial, noisy")


@pytest.mark.parametrize(
    "arm", [pytest.param(arm, marks=[pytest.mark.slow] if arm in SLOW_ARMS else []) for arm in list(ARMS)[1:]]
)
def test_the_layouts_are_the_same_in_every_arm(arm):
    ours, theirs = layouts_of(arm), layouts_of(next(iter(ARMS)))
    common = ours.keys() & theirs.keys()
    assert len(common) > 20
    assert all(ours[place] == theirs[place] for place in common)
    assert len(set(ours.values())) == len(ours)  # 6.4 million layouts, a few dozen draws


def test_the_optimum_is_that_of_the_layouts_met():
    config, params = make_experiment("random-5", "tutorial")
    found = optimal_steps(KEY, config, params, 6, 100, first_agent=7)
    for (agent, episode), (start_x, start_y, key_x, key_y, door_x, door_y, goal_x, goal_y, _, _) in layouts_of(
        next(iter(ARMS))
    ).items():
        way = [(start_x, start_y), (key_x, key_y), (door_x, door_y), (goal_x, goal_y)]
        moves = sum(abs(a - c) + abs(b - d) for (a, b), (c, d) in zip(way, way[1:], strict=False))
        assert found[agent - 7, episode] == moves + 2
