"""The tutorial's use of its memory: when a skill starts, ends, counts, and is learned."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training.train import train
from procmem_jax.memory.insertion import insert
from procmem_jax.memory.protocol import Step
from procmem_jax.memory.skills import Skill
from procmem_jax.memory.tutorial.embedding import CodeTables, tutorial_embedding
from procmem_jax.memory.tutorial.memory import TutorialMemory, TutorialMemoryParams
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays
from procmem_jax.streams import run_key

MEMORY = TutorialMemory(capacity=4)
CONFIG = MEMORY.library_config(3, 1)
PARAMS = as_arrays(TutorialMemoryParams())
CODES = jnp.asarray([0.1, 0.9, 0.3, 0.4, 0.5, 0.6], jnp.float32)
NO, YES = jnp.zeros((), jnp.bool_), jnp.ones((), jnp.bool_)
NOTHING = jnp.asarray([False, False, False])
HAS_KEY = jnp.asarray([True, False, False])
HERE = jnp.asarray([0.7], jnp.float32)

method_decide, observe = jax.jit(MEMORY.decide), jax.jit(MEMORY.observe)
end_episode, settle = jax.jit(MEMORY.end_episode), jax.jit(MEMORY.settle)


def percept(predicates):
    return Percept(predicates, HERE, jnp.uint32(0))


def new_memory():
    return MEMORY.begin(percept(NOTHING), PARAMS)


def decide(memory, predicates):
    return method_decide(memory, percept(predicates), jnp.uint32(0), PARAMS)


def step_to(after, action=0, before=NOTHING, *, terminated=NO, truncated=NO):
    return Step(percept(before), percept(after), jnp.int32(action), jnp.float32(0), terminated, truncated)


def stored(memory, actions, predicates=NOTHING, context=HERE):
    """The memory with one more skill, embedded as the tutorial would."""
    padded = jnp.zeros(5, jnp.int8).at[: len(actions)].set(jnp.asarray(actions, jnp.int8))
    length = jnp.int8(len(actions))
    asked = jnp.asarray([True, True, False])
    skill = Skill(
        embedding=tutorial_embedding(context, predicates, padded, length, CODES, CONFIG.embedding_size),
        actions=padded,
        length=length,
        pre_mask=asked,
        pre_value=predicates,
        post_mask=NOTHING,
        post_value=NOTHING,
        label=jnp.int8(-1),
        successes=jnp.int32(1),
    )
    library, done = insert(memory.library, skill, CONFIG)
    assert not done.merged
    return MEMORY.with_library(memory, library)


def step(memory, action, *, terminated=NO, truncated=NO, enabled=YES, predicates=NOTHING):
    taken = step_to(predicates, action, predicates, terminated=terminated, truncated=truncated)
    return observe(memory, taken, PARAMS, enabled)


def counts(memory):
    library = memory.library
    columns = (library.use_counts, library.success_counts, library.failure_counts)
    return [tuple(int(column[slot]) for column in columns) for slot in range(int(library.used.sum()))]


def test_an_empty_memory_starts_nothing():
    memory, in_skill, _ = decide(new_memory(), NOTHING)
    assert not in_skill
    assert memory.running == -1


def test_only_an_applicable_skill_is_started():
    memory = stored(new_memory(), [3, 4], HAS_KEY)
    assert not decide(memory, NOTHING)[1]
    _, in_skill, action = decide(memory, HAS_KEY)
    assert (bool(in_skill), int(action)) == (True, 3)


def test_the_most_similar_is_started_and_runs_to_its_end():
    memory = stored(new_memory(), [1, 1, 1])  # codes of 0.9: far from a query without actions
    memory = stored(memory, [0, 3, 2])
    taken = []
    for predicates in (NOTHING, HAS_KEY, HAS_KEY, NOTHING):  # it is not asked again in the middle
        memory, in_skill, action = decide(memory, predicates)
        assert in_skill
        taken.append((int(memory.running), int(action)))
        memory = step(memory, action, predicates=predicates)
    assert taken == [(1, 0), (1, 3), (1, 2), (1, 0)]
    assert counts(memory) == [(0, 1, 0), (1, 1, 1)]
    assert (memory.num_uses, memory.running) == (1, 1)


def test_a_better_skill_does_not_interrupt():
    memory = stored(new_memory(), [1, 1, 1])
    memory, _, _ = decide(memory, NOTHING)
    memory = stored(step(memory, 1), [0, 0])
    memory, _, action = decide(memory, NOTHING)
    assert (int(memory.running), int(action), int(memory.cursor)) == (0, 1, 1)


@pytest.mark.parametrize(
    ("terminated", "truncated", "after"), [(YES, NO, (1, 2, 0)), (NO, YES, (1, 1, 1)), (NO, NO, (0, 1, 0))]
)
def test_the_end_of_the_episode_ends_the_skill(terminated, truncated, after):
    memory, _, _ = decide(stored(new_memory(), [3, 4]), NOTHING)
    memory = step(memory, 3, terminated=terminated, truncated=truncated)
    assert counts(memory) == [after]
    assert memory.running == (-1 if terminated or truncated else 0)


def test_a_disabled_memory_counts_nothing():
    memory, _, _ = decide(stored(new_memory(), [3]), NOTHING)
    after = step(memory, 3, terminated=YES, enabled=NO)
    jax.tree.map(np.testing.assert_array_equal, after.library, memory.library)
    assert after.num_uses == 0


def walk(num_steps):
    memory = new_memory()
    for action in range(num_steps):
        memory = step(memory, action % 6, predicates=NOTHING if action < 2 else HAS_KEY)
    return memory


def finish(memory, *, ended=YES, success=YES, enabled=YES, min_success_steps=3, end=HAS_KEY):
    params = as_arrays(TutorialMemoryParams(min_success_steps=min_success_steps))
    memory = end_episode(memory, step_to(end, terminated=success), ended, params, enabled)
    return settle(memory, CodeTables(position_codes=None, action_codes=CODES), params)


@pytest.mark.parametrize(
    ("num_steps", "changes", "learns"),
    [
        (3, {}, True),
        (2, {}, False),
        (2, {"min_success_steps": 2}, True),
        (9, {}, True),
        (9, {"success": NO}, False),
        (9, {"ended": NO}, False),
        (9, {"enabled": NO}, False),
    ],
)
def test_what_is_learned_from(num_steps, changes, learns):
    memory = finish(walk(num_steps), **changes)
    assert int(memory.library.used.sum()) == int(learns)
    assert memory.window.length == (num_steps if changes.get("ended") is NO else 0)


def test_the_last_five_steps_become_the_skill():
    library = finish(walk(9)).library  # actions 0 to 5, 0, 1, 2
    assert library.actions[0].tolist() == [4, 5, 0, 1, 2]
    assert (library.lengths[0], library.labels[0]) == (5, -1)  # the key was there before
    assert library.pre_value[0].tolist() == [True, False, False]
    library = finish(walk(4)).library
    assert library.actions[0].tolist() == [0, 1, 2, 3, 0]
    assert (library.lengths[0], library.labels[0]) == (4, 0)  # the key was got on the way


def test_learning_the_same_again_is_a_success_in_the_tutorials_counting():
    memory = finish(walk(6))
    again = finish(dataclasses.replace(memory, window=walk(6).window))
    assert counts(memory) == [(0, 1, 0)]
    assert counts(again) == [(0, 2, 0)]
    assert again.library.merge_counts[0] == 1


@pytest.mark.slow
def test_a_full_library_counts_what_it_gives_up():
    """Capacity 1 and a threshold that no pair exceeds: every successful episode evicts the skill of the one before."""
    settings = {"capacity": 1, "merge_threshold": 1.0}
    config, params = make_experiment("random-3", "tutorial", explorer="epsilon:1", overrides=settings)
    result = train(run_key(0), config, params, 16, 30)
    libraries, metrics = result.libraries, result.metrics
    stored_skills = libraries.next_id
    np.testing.assert_array_equal(libraries.num_evictions, np.maximum(stored_skills - 1, 0))
    assert libraries.num_evictions.max() >= 3
    assert metrics.skills.max() == 1
    assert (libraries.skill_ids[:, 0] == stored_skills - 1).all()
    # Uses are the agent's, not the library's: they do not sink when a used skill is given up.
    assert (np.diff(metrics.skill_uses, axis=1) >= 0).all()
    assert (metrics.skill_uses[:, -1] > libraries.use_counts[:, 0]).any()
