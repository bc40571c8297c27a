"""Agents that share one library while they learn; their blocks of ticks are held against ticks in `test_blocks`."""

import dataclasses
import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import procmem_jax as pm
from experiments.stopping import Stop, stopper
from procmem_jax.agents import rollout
from procmem_jax.agents.groups import take_in_together
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.replays.lives import Life
from procmem_jax.experiments.storage.saving import Saver
from procmem_jax.experiments.sweeps.spec import Shard
from procmem_jax.experiments.training.train import check_run
from procmem_jax.memory.default.state import DefaultMemoryState, keep_known
from procmem_jax.memory.library import empty, pool_counts
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams

SIZE, NUM_AGENTS, NUM_EPISODES = 4, 16, 12
SETTINGS = {"group_size": SIZE, "max_steps": 40}


def play(num_agents=NUM_AGENTS, **where):
    config, params = pm.make_experiment("random-5", overrides=SETTINGS)
    return pm.train(pm.run_key(3), config, params, num_agents, NUM_EPISODES, **where)


@functools.cache
def undisturbed():
    return play()


def assert_the_same(result, first=0):
    rows = slice(first, first + len(result.metrics.steps))
    for found, expected in ((r, u) for r, u in zip(parts(result), parts(undisturbed()), strict=True)):
        np.testing.assert_array_equal(found, np.asarray(expected)[rows])


def parts(result):
    return jax.tree.leaves((result.metrics, result.libraries))


@pytest.mark.slow
def test_a_group_is_the_same_whichever_groups_run_beside_it():
    assert_the_same(play(8, first_agent=4, lanes=16, chunk_ticks=33), first=4)
    config, params = pm.make_experiment("random-5", overrides=SETTINGS)
    many = pm.train(pm.run_key(3), config, params, 40, NUM_EPISODES, lanes=16, chunk_ticks=16)  # lanes are refilled
    for found, expected in zip(parts(many), parts(undisturbed()), strict=True):
        np.testing.assert_array_equal(np.asarray(found)[:NUM_AGENTS], expected)


@pytest.mark.slow
def test_a_stopped_run_of_groups_goes_on_where_it_was(tmp_path):
    saver = Saver(tmp_path, {"run": 1}, every=0, on_warning=pytest.fail)
    with pytest.raises(Stop):
        play(lanes=16, chunk_ticks=16, saver=saver, on_progress=stopper(9))
    assert_the_same(play(lanes=16, chunk_ticks=16, saver=saver))


@pytest.mark.slow
def test_a_group_ends_with_one_library_in_which_every_use_is_counted_once():
    metrics, libraries = undisturbed().metrics, undisturbed().libraries
    groups = jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, SIZE, *leaf.shape[1:]), libraries)
    for leaf in jax.tree.leaves(groups):
        assert (leaf == leaf[:, :1]).all()
    assert (groups.num_evictions == 0).all() and (groups.merge_counts.sum(axis=-1) > 0).all()
    uses = groups.use_counts[:, 0].sum(axis=-1)
    np.testing.assert_array_equal(uses, metrics.skill_uses[:, -1].reshape(-1, SIZE).sum(axis=1))
    assert (uses > 0).all() and (groups.used[:, 0].sum(axis=-1) > 5).all()


@pytest.mark.slow
def test_a_group_of_which_one_alone_is_awake_is_that_agent_on_its_own():
    """Bit for bit, through evictions and renewed skills."""

    def live(size):
        config, params = pm.make_experiment("random-5", overrides={"group_size": size, "capacity": 8, "max_steps": 40})
        agent, params, streams = ProceduralAgent(config), as_arrays(params), open_streams(pm.run_key(3))
        awake = np.arange(NUM_AGENTS) % SIZE == 1
        numbers = jnp.arange(NUM_AGENTS, dtype=jnp.uint32)
        inputs = jax.vmap(agent.make_inputs)(numbers, jnp.asarray(np.where(awake, NUM_EPISODES, 0), jnp.int32))
        state = rollout.begin_agents(agent, params, streams, inputs, num_recorded=NUM_EPISODES)
        state = rollout.run_ticks(agent, params, streams, inputs, state, jnp.int32(30))
        return jax.tree.map(lambda leaf: np.asarray(leaf)[awake], (state.metrics, state.memory))

    alone, together = live(1), live(SIZE)
    jax.tree.map(np.testing.assert_array_equal, together, alone)
    assert (alone[1].library.num_evictions > 0).any() and (alone[1].library.failure_counts > 0).any()


@pytest.mark.slow
def test_a_life_in_a_group_is_lived_again():
    config, params = pm.make_experiment("random-5", overrides=SETTINGS)
    life = Life(pm.run_key(3), config, params, 6, NUM_EPISODES)
    while life.finished < NUM_EPISODES:
        life.record()
    for found, expected in zip(jax.tree.leaves(life.metrics), jax.tree.leaves(undisturbed().metrics), strict=True):
        np.testing.assert_array_equal(found, expected[6])


@pytest.mark.slow
def test_a_memory_that_proves_itself_may_share_its_skills():
    config, params = pm.make_experiment("random-5", "proven", overrides=SETTINGS)
    libraries = pm.train(pm.run_key(3), config, params, 8, 6).libraries
    assert (np.asarray(libraries.embeddings[0]) == np.asarray(libraries.embeddings[3])).all()
    assert (np.asarray(libraries.embeddings[0]) != np.asarray(libraries.embeddings[4])).any()


def test_what_each_counted_adds_up():
    base = jax.tree.map(np.array, empty(LibraryConfig(capacity=3, num_predicates=1, keeps_reach=True)))
    base = dataclasses.replace(
        base, success_counts=np.int32([5, 1, 0]), use_counts=np.int32([7, 1, 0]), clock=np.int32(9)
    )
    members = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), base)
    members.success_counts[:] = [[7, 1, 0], [6, 1, 0]]
    members.failure_counts[:] = [[0, 0, 0], [1, 2, 0]]
    members.use_counts[:] = [[9, 1, 0], [9, 3, 0]]
    members.last_used[:] = [[11, 3, 0], [9, 12, 0]]
    members.clock[:] = [11, 13]
    members.reach[:] = [[np.inf, 2, 1], [3, np.inf, 1]]
    found = pool_counts(base, members)
    assert found.success_counts.tolist() == [8, 1, 0] and found.failure_counts.tolist() == [1, 2, 0]
    assert found.use_counts.tolist() == [11, 3, 0] and found.clock == 15
    assert found.last_used.tolist() == [11, 12, 0] and found.reach.tolist() == [3, 2, 1]


def test_each_takes_what_it_has_learned_into_the_one_library_in_order():
    """Of a toy memory, whose library is a number: to learn is to append a digit."""

    class Toy:
        memory = types.SimpleNamespace(
            library=lambda state: state["library"], share=lambda state, library: {**state, "library": library}
        )

        def consolidate_memory(self, params, state, learns):
            longer = params * state["library"] + state["digit"]
            return {"library": jnp.where(learns, longer, state["library"]), "digit": jnp.zeros_like(state["digit"])}

    memories = {"library": jnp.full(3, 9), "digit": jnp.arange(1, 4)}
    found = take_in_together(Toy(), jnp.int32(10), memories, jnp.array([True, False, True]))
    assert found["library"].tolist() == [913] * 3 and found["digit"].tolist() == [0] * 3


@pytest.mark.parametrize(("slot", "kept"), [(-1, -1), (0, 0), (1, -1), (2, 2)])
def test_a_skill_whose_place_another_took_neither_runs_nor_is_judged(slot, kept):
    library = jax.tree.map(np.array, empty(LibraryConfig(capacity=3, num_predicates=1)))
    library.skill_ids[:] = [4, 2, 5]
    shared = dataclasses.replace(library, skill_ids=np.int32([4, 7, 5]))
    names = [field.name for field in dataclasses.fields(DefaultMemoryState)]
    own = {"library": library, "running": jnp.int32(slot)}
    for judged in (None, jnp.int32(slot)):
        state = keep_known(DefaultMemoryState(**dict.fromkeys(names) | own | {"judged": judged}), shared)
        assert state.running == kept and (state.judged is None if judged is None else state.judged == kept)


@pytest.mark.parametrize(
    ("settings", "counts", "message"),
    [
        ({"group_size": 5}, {}, "group_size=5 does not divide 16; choose 1, 2, 4, 8 or 16"),
        ({"group_size": 8}, {"num_agents": 20}, "num_agents=20 is no multiple of group_size=8; choose one"),
        ({"group_size": 8}, {"first_agent": 4}, "first_agent=4 is no multiple of group_size=8; choose one"),
    ],
)
def test_groups_are_whole(settings, counts, message):
    config, params = pm.make_experiment("random-5", overrides=settings)
    counts = {"num_agents": 16, "num_episodes": 1, "first_agent": 0, **counts}
    with pytest.raises(ValueError, match=message):
        check_run(config, params, **counts)


def test_members_of_a_group_start_with_one_library():
    config, params = pm.make_experiment("random-5", overrides={"group_size": 2})
    libraries = jax.tree.map(lambda leaf: np.stack([leaf] * 2), jax.device_get(empty(config.library)))
    libraries.clock[1] = 3
    with pytest.raises(ValueError, match="libraries differ within a group of group_size=2"):
        pm.train(pm.run_key(0), config, params, 2, 1, libraries=libraries)


def test_an_agent_alone_cannot_be_in_a_group():
    config, params = pm.make_experiment("random-5", overrides={"group_size": 2})
    with pytest.raises(ValueError, match="group_size=2: an agent alone has no group"):
        ProceduralAgent(config).consolidate(params, None, None)
    with pytest.raises(ValueError, match="group_size=2: a loop of one's own has no groups"):
        config.memory.advance(None, None, None, None)


def test_frozen_libraries_need_no_groups():
    config, params = pm.make_experiment("random-5", overrides={"group_size": 8})
    frozen = dataclasses.replace(config, learns=False)
    assert ProceduralAgent(frozen).group_size == 1
    check_run(frozen, params, 3, 1)


def test_shards_divide_no_group():
    spec = pm.make_sweep("random-5", grid={"group_size": [1, 8]}, num_seeds=24)
    bounds = [spec.bounds(Shard(index, 5)) for index in range(1, 6)]
    assert bounds == [(0, 8), (8, 16), (16, 24), (24, 32), (32, 48)]
    with pytest.raises(ValueError, match="seeds=20 is no multiple of group_size=8"):
        pm.make_sweep("random-5", grid={"group_size": [1, 8]}, num_seeds=20)
