"""The default agent against its reference in plain Python: every step, every episode, every skill."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memory.handmade import check_library
from plain_default import PlainAgent, PlainMemory, make_embedding, make_similarity
from plain_doorkey import PlainDoorKey
from plain_tutorial import PlainWorld
from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.library import success_rates
from procmem_jax.records import as_arrays
from procmem_jax.streams import draw_words, open_streams, run_key
from quick import rest_exhaustive

STREAMS = open_streams(run_key(41))


@functools.cache
def codes_of(num_coordinates, largest):
    """The (cosine, sine) of every coordinate's value, over the root of the number of coordinates."""
    values = range(-largest, largest + 1)
    contexts = jnp.array([[value] * num_coordinates for value in values], jnp.float32)
    embed = jax.jit(jax.vmap(lambda context: direction_embedding(context, 2 * num_coordinates)))
    pairs = np.asarray(embed(contexts))[:, [0, num_coordinates]]
    return {value: tuple(pair) for value, pair in zip(values, pairs, strict=True)}


def draw_all(stream, counters, num_agents):
    """The words of a stream, `[len(counters), num_agents, 2]`."""
    agents = jnp.arange(num_agents, dtype=jnp.uint32)
    return np.stack(jax.jit(draw_words)(stream, jnp.asarray(counters)[:, None], agents[None, :]), axis=-1)


def plain_worlds(config, params, num_agents, num_episodes):
    """`begin_world(agent, episode)` with the layouts of the JAX agents."""
    world, arrays = ProceduralAgent(config).environment, as_arrays(params.environment)
    counters = jax.vmap(lambda episode: world.layout_number(episode, arrays))(jnp.arange(num_episodes))
    reset = jax.jit(jax.vmap(jax.vmap(lambda pair: world.reset_from_words((pair[0], pair[1]), arrays).layout)))
    layouts = jax.tree.map(np.asarray, reset(jnp.asarray(draw_all(STREAMS.episode, counters, num_agents))))

    def begin_world(agent, episode):
        cells = {}
        for name in ("start", "key", "door", "goal"):
            columns = getattr(layouts, f"{name}_x"), getattr(layouts, f"{name}_y")
            cells[name] = tuple(int(column[episode, agent]) for column in columns)
        kind = PlainDoorKey if world.has_walls else PlainWorld
        return kind(int(params.environment.size), door_pays_again=False, **cells)

    return begin_world


def play(config, params, num_agents, num_ticks, num_episodes, num_recorded):
    """(final state, rows `[T, A, 8]`) of the JAX agents; rows as `PlainAgent.tick` reports, and whether active."""
    agent, arrays = ProceduralAgent(config), as_arrays(params)
    numbers = jnp.arange(num_agents, dtype=jnp.uint32)
    inputs = jax.jit(jax.vmap(lambda number: agent.make_inputs(number, num_episodes)))(numbers)
    state = rollout.begin_agents(agent, arrays, STREAMS, inputs, num_recorded=num_recorded)
    state, transitions = rollout.record_ticks(agent, arrays, STREAMS, inputs, state, num_ticks=num_ticks)
    world = transitions.env_state
    columns = (transitions.action, world.x, world.y, world.has_key, world.door_open)
    columns += (transitions.terminated, transitions.truncated, transitions.active)
    return jax.device_get(state), np.stack([np.asarray(column, np.int32) for column in columns], axis=-1)


def compare(task, num_agents, num_ticks, num_episodes=10**6, *, explorer=None, **overrides):
    """Plays both and compares everything; returns the final state of the JAX agents and the rows of their steps."""
    config, params = make_experiment(task, explorer=explorer, overrides=overrides)
    num_recorded = min(16, num_episodes)
    state, rows = play(config, params, num_agents, num_ticks, num_episodes, num_recorded)
    begin_world = plain_worlds(config, params, num_agents, int(state.episode.max()) + 1)
    words = draw_all(STREAMS.tick, range(num_ticks), num_agents).tolist()
    num_coordinates = ProceduralAgent(config).environment.context_size
    embed = make_embedding(codes_of(num_coordinates, int(params.environment.size)), config.library.embedding_size)
    similarity = make_similarity(embed)
    for index in range(num_agents):
        memory = PlainMemory(config.memory, params.memory, similarity, num_coordinates)
        twin = PlainAgent(config, params, memory, functools.partial(begin_world, index), num_episodes)
        for tick, row in enumerate(rows[:, index].tolist()):
            report = twin.tick(words[tick][index])
            if report is None:
                assert not rows[tick:, index, -1].any(), (index, tick)
                break
            assert row == [*report, True], (index, tick)
        library, metrics = jax.tree.map(lambda leaf, i=index: leaf[i], (state.memory.library, state.metrics))
        check_library(library, memory, embed, index)
        done = min(len(twin.rows), num_recorded)
        fields = (metrics.steps, metrics.success, metrics.skills, metrics.skill_uses, metrics.skill_steps)
        assert list(zip(*(field[:done].tolist() for field in fields), strict=True)) == twin.rows[:done], index
        assert state.episode[index] == twin.episode
    rates = success_rates(state.memory.library, config.library)
    assert np.all((rates >= 0) & (rates <= 1))
    return state, rows


@pytest.mark.optimized  # the small library below is of the same world
def test_a_random_world():
    state, rows = compare("random-5", 200, 480)
    assert rows[..., 5].sum() > 80  # successes
    assert state.memory.library.use_counts.sum() > 1500


@pytest.mark.slow
def test_a_doorkey_world_with_sticky_actions():
    """The path and the skills hold what the agent chose, not what was done."""
    state, rows = compare("doorkey-6", 200, 320, explorer="epsilon:0.5", sticky=0.1)
    assert rows[..., 5].sum() > 500
    assert state.memory.library.failure_counts.sum() > 500


def test_a_small_library_turns_over_and_agents_freeze():
    state, rows = compare("random-5", 60, 1600, 12, capacity=10, consolidation_interval=8, sticky=0.1)
    assert (state.memory.library.num_evictions > 0).mean() > 0.5
    assert state.memory.library.merge_counts.sum() > 500
    assert (state.episode == 12).mean() > 0.2 and not rows[-1, state.episode == 12, -1].any()


SWITCHES = [
    {"interruption": False},
    {"choice": "random"},
    {"segmentation": "success"},
    *[{name: False} for name in ("suffixes", "loop_erasure", "novel_only", "keep_better", "admission")],
    {"count_failures": False},
    {"progress": True},
    {"progress": True, "count_failures": False, "retreat_steps": 3, "forgiven_failures": 0},
    {"retire_rate": 0.1, "forgiven_failures": 1},
    {"progress": True, "match_tolerance": 2.5, "distance_cost": 0.5, "capacity": 6},
    {"consolidation_interval": 5, "history_length": 4, "max_skill_length": 3},
    {"match_tolerance": 2.5, "distance_cost": 0.5, "retire_rate": 0.5, "novelty": 1.0, "retreat_steps": 3},
    {"merge_threshold": 0.98, "match_tolerance": 1.0, "capacity": 6},
    {"mismatch_cost": 0.5, "distance_cost": 1.0},
]


@pytest.mark.slow
@pytest.mark.parametrize("switches", SWITCHES, ids=lambda switches: ",".join(switches))
def test_every_switch_and_number(switches):
    compare("random-4", 30, 960, sticky=0.05, **switches)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "explorer"),
    rest_exhaustive(
        [("shifting-4", "epsilon:0.7"), ("doorkey-5", "random"), ("random-6", "scripted"), ("doorkey-8", "scripted")], 2
    ),
)
def test_every_explorer(task, explorer):
    shift = {"shift_every": 3} if task.startswith("shifting") else {}
    compare(task, 30, 960, explorer=explorer, **shift)
