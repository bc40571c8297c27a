"""Libraries of more than 127 actions: two bytes each, and the same in all else."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.memory import library as skill_library
from procmem_jax.memory.default import path as paths
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.default.segments import make_segment, suffix_skill
from procmem_jax.memory.handmade import make_skill
from procmem_jax.memory.insertion import insert
from procmem_jax.memory.protocol import Step
from procmem_jax.memory.retrieval import retrieve
from procmem_jax.memory.settings import LibraryConfig, check_num_actions
from procmem_jax.memory.tutorial.embedding import hashed_code_tables, tutorial_embedding
from procmem_jax.memory.tutorial.memory import TutorialMemory
from procmem_jax.percept import Percept

NARROW = LibraryConfig(capacity=4, embedding_size=3, max_skill_length=3, num_predicates=1)
WIDE = dataclasses.replace(NARROW, wide_actions=True)
ANYTHING = np.zeros(1, bool)


def test_a_skill_of_300_actions_is_stored_and_found():
    skill = make_skill([299, 0, 128], [0.0, 2.0, 0.0], config=WIDE, achieves={0: True})
    library, insertion = insert(skill_library.empty(WIDE), skill, WIDE)
    assert library.actions.dtype == jnp.int16 and library.actions[insertion.slot].tolist() == [299, 0, 128]
    found = retrieve(library, ANYTHING, WIDE, query=np.array([0.0, 1.0, 0.0], np.float32), k=2)
    assert found.slots.tolist() == [0, -1]


@pytest.mark.parametrize(("config", "largest"), [(NARROW, 127), (WIDE, 32767)])
def test_the_largest_action_fits_and_the_next_is_refused(config, largest):
    skill = make_skill([largest], [1.0, 0.0, 0.0], config=config)
    library, _ = insert(skill_library.empty(config), skill, config)
    assert library.actions[0, 0] == largest
    with pytest.raises(ValueError, match=f"^skill.actions={largest + 1} is outside 0 to {largest}; give the indices"):
        make_skill([largest + 1], [1.0, 0.0, 0.0], config=config)
    traced = jax.jit(lambda actions: insert(library, dataclasses.replace(skill, actions=actions), config)[1].slot)
    assert traced(np.array([largest + 1, 0, 0], np.int32)) == -1


def test_a_narrow_library_is_refused_by_a_wide_config():
    skill = make_skill([300], [1.0, 0.0, 0.0], config=WIDE)
    with pytest.raises(ValueError, match="^library.actions is int8, too narrow for wide_actions=True; make the lib"):
        insert(skill_library.empty(NARROW), skill, WIDE)


@pytest.mark.parametrize("seed", range(3))
def test_the_width_changes_nothing_else(seed):
    rng = np.random.default_rng(seed)
    libraries = [skill_library.empty(NARROW), skill_library.empty(WIDE)]
    for _ in range(8):
        actions, embedding = rng.integers(0, 128, rng.integers(1, 4)), rng.normal(size=3)
        for number, config in enumerate((NARROW, WIDE)):
            skill = make_skill(actions, embedding, config=config)
            libraries[number], _ = insert(libraries[number], skill, config, merge_threshold=0.8)
    narrow, wide = libraries
    assert (narrow.actions.dtype, wide.actions.dtype) == (jnp.int8, jnp.int16)
    chex.assert_trees_all_equal(dataclasses.replace(wide, actions=wide.actions.astype(jnp.int8)), narrow)


def test_the_default_memory_learns_actions_as_they_were():
    percepts = [Percept(jnp.array([x]), jnp.array([0.0]), jnp.uint32(x)) for x in (False, True)]
    path = paths.begin_path(8, percepts[0].fingerprint, percepts[0].context, WIDE.action_dtype)
    for number, action in enumerate((200, 31999, 127)):
        path = paths.take_action(path, jnp.int32(action), jnp.bool_(True))
        if number < 2:
            path = paths.go_to(path, path.count + 1, jnp.bool_(False), 8)
    step = Step(*percepts, jnp.int32(127), jnp.float32(0), jnp.bool_(False), jnp.bool_(False))
    skill = suffix_skill(make_segment(path, step, 3), path, jnp.int32(3), 3, lambda context: jnp.ones(3))
    assert skill.actions.dtype == jnp.int16 and skill.actions.tolist() == [200, 31999, 127]


@pytest.mark.parametrize("memory", [DefaultMemory(capacity=4), DefaultMemory(capacity=4, wide_actions=True)])
def test_the_state_of_the_default_memory_keeps_its_width(memory):
    percept = Percept(jnp.array([False]), jnp.array([0.0]), jnp.uint32(0))
    step = Step(percept, percept, jnp.int32(0), jnp.float32(0), *2 * (jnp.bool_(False),), jnp.int32(0), jnp.int32(0))

    def live():
        params = memory.default_params()
        first = memory.begin(percept, params)
        decided, _, action = memory.decide(first, percept, jnp.uint32(0), params)
        return first, memory.advance(decided, step, percept, params), action

    first, later, action = jax.eval_shape(live)
    chex.assert_trees_all_equal_shapes_and_dtypes(first, later)
    wanted = "int16" if memory.wide_actions else "int8"
    assert [first.library.actions.dtype, first.path.actions.dtype, action.dtype] == [wanted, wanted, "int32"]


def test_the_tutorials_embedding_tells_all_actions_apart():
    codes = hashed_code_tables(jnp.uint32(0), 3, 300).action_codes
    actions, rest = jnp.array([299, 43], jnp.int16), (jnp.zeros(1), jnp.zeros(3, bool))  # 299 is 43 in one byte
    found = tutorial_embedding(*rest[:1], rest[1], actions, jnp.int8(2), codes, 5)[3:]
    np.testing.assert_allclose(found, codes[actions] / np.linalg.norm(codes[actions]), rtol=1e-5)


class World:
    is_grid, predicate_names, context_size = True, ("goal",), 2

    def __init__(self, num_actions):
        self.num_actions = num_actions


class Grids:
    size = np.int32(5)


@pytest.mark.parametrize("memory", [DefaultMemory(), TutorialMemory(max_size=5)])
def test_the_environment_decides_the_width(memory):
    params = memory.default_params()
    assert memory.for_environment(World(127), Grids) == memory
    wide = memory.for_environment(World(128), Grids)
    assert wide == dataclasses.replace(memory, wide_actions=True) == wide.for_environment(World(2), Grids)
    for sized, most in ((memory, 127), (wide, 32767)):
        sized.check(World(most), Grids, params)
        with pytest.raises(ValueError, match=f"^number of actions={most + 1} is above {most}, wide_actions="):
            sized.check(World(most + 1), Grids, params)


def test_the_remedy_is_named():
    with pytest.raises(ValueError, match="; set wide_actions=True, as the memory's for_environment does$"):
        check_num_actions(NARROW, 300)
    with pytest.raises(ValueError, match="; use fewer$"):
        check_num_actions(WIDE, 40000)
    with pytest.raises(TypeError, match="wide_actions=1 is a int; give a bool"):
        LibraryConfig(wide_actions=1)
