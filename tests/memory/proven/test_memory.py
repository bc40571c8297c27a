"""A memory that has to prove itself: what it hands on, when it acts, and that without it nothing is otherwise."""

import dataclasses
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import procmem_jax as pm
from agents.own_parts import LastWay
from envs.corridor import NAMES, Corridor, perceive
from procmem_jax import DefaultMemory, ProvenMemory, make_experiment, run_key, train, with_memory
from procmem_jax.memory.library import EMPTY
from procmem_jax.memory.protocol import Memory, NoParams, Running, Step
from quick import rest_exhaustive

NUM_AGENTS, NUM_EPISODES, SEED = 16, 40, 5
HERE = pm.Percept(jnp.zeros(2, jnp.bool_), jnp.zeros(1), jnp.uint32(0))
YES, NO = jnp.ones((), jnp.bool_), jnp.zeros((), jnp.bool_)


@dataclasses.dataclass(frozen=True)
class Stubborn(Memory):
    """It counts its decisions and always wants to go left."""

    has_skills = False

    def begin(self, percept, params):
        return jnp.int32(0)

    def decide(self, state, percept, word, params):
        return state + 1, YES, jnp.int32(0)

    def observe(self, state, step, params, enabled):
        return state

    def running(self, state):
        return Running(jnp.int32(7), state, jnp.int32(9))


class NeverUsed(ProvenMemory):
    """Whose every episode is without."""

    def _has_any(self, inner):
        return NO


def in_corridor(memory, **changes):
    options = {"max_steps": 100, "predicate_names": NAMES, "memory": memory, **changes}
    return with_memory(Corridor(), perceive, **options)


def step_of(reward):
    return Step(HERE, HERE, jnp.int32(0), jnp.float32(reward), NO, NO)


def episode(memory, state, total):
    """The state after an episode of one step."""
    state, acts, _ = memory.decide(state, HERE, jnp.uint32(0), NoParams())
    state = memory.observe(state, step_of(total), NoParams(), YES)
    return memory.enter(state, HERE, YES, NoParams()), bool(acts)


def test_it_acts_in_its_own_episodes_only():
    """First with, then by turns while all returns are equal; where it is without that pays, trials are rare."""
    memory = ProvenMemory(Stubborn())
    state, arms = memory.begin(HERE, NoParams()), []
    for number in range(12):
        decisions, running = int(state.inner), memory.running(state)
        assert (int(running.slot), bool(memory.is_busy(state))) == ((7, True) if state.used else (EMPTY, False))
        state, acts = episode(memory, state, 0.0 if state.used or number < 4 else 1.0)
        assert int(state.inner) == decisions + acts
        arms.append(acts)
    #               by turns             a new trial at 8
    assert arms == [True, False] * 2 + [True, False] + [False, False] + [True] + [False] * 3
    assert int(state.known.episodes) == 12 and float(state.total) == 0


def test_rewards_are_summed_and_an_episode_is_counted_once():
    memory = ProvenMemory(Stubborn())
    state = memory.begin(HERE, NoParams())
    for reward, enabled in ((1.0, YES), (0.5, YES), (4.0, NO)):
        state = memory.observe(state, step_of(reward), NoParams(), enabled)
        state = memory.enter(state, HERE, NO, NoParams())
    assert (float(state.total), int(state.known.episodes), bool(state.used)) == (1.5, 0, True)
    state = memory.enter(state, HERE, YES, NoParams())
    assert (float(state.known.highest), int(state.known.episodes), float(state.total)) == (1.5, 1, 0)


def test_without_skills_there_is_nothing_to_prove():
    """A library that is given is used at once."""
    memory = ProvenMemory(LastWay())
    state = memory.begin(HERE, NoParams())
    assert not state.used and not memory.with_library(state, memory.library(state)).used
    library = memory.library(state)
    library = dataclasses.replace(library, skill_ids=library.skill_ids.at[0].set(0))
    given = memory.with_library(state, library)
    assert given.used and int(memory.num_skills(given)) == 1
    assert memory.library(given).skill_ids is library.skill_ids
    later = dataclasses.replace(state, known=dataclasses.replace(state.known, episodes=jnp.int32(3)))
    assert not memory.with_library(later, library).used


def test_every_hook_is_handed_on():
    """None is left as `Memory` has it, but what is made of others; a new hook has to be thought of here."""
    made_of_others = {"advance", "_consolidated"}
    hooks = {name for name, value in vars(Memory).items() if inspect.isfunction(value) or not name.startswith("__")}
    assert {name for name in hooks if name not in vars(ProvenMemory)} == {"Params", *made_of_others}
    for inner in (DefaultMemory(), pm.TutorialMemory(), Stubborn(), LastWay()):
        memory = ProvenMemory(inner)
        for name in ("has_skills", "title", "settles", "period", "keeps_still"):
            assert getattr(memory, name) == getattr(inner, name)
        assert memory.default_params() == inner.default_params()
        assert memory.library_config(3, 4) == dataclasses.replace(inner.library_config(3, 4), worth_size=7)
        assert memory.embedding_name(4) == inner.embedding_name(4)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"memory": DefaultMemory}, TypeError, "is the class itself; give an object that inherits from Memory"),
        ({"memory": "default"}, TypeError, "is a str; give an object that inherits from Memory"),
        ({"budget": 0.0}, ValueError, "budget=0.0 is below 0.001"),
        ({"window": 0}, ValueError, "window=0 is below 1"),
        ({"lowest_return": 2.0}, ValueError, "lowest_return=2.0 is above highest_return=0.0; exchange them"),
    ],
)
def test_bad_settings_are_refused(changes, error, text):
    with pytest.raises(error, match=text):
        ProvenMemory(**changes)


def test_another_memory_brings_its_numbers_and_settings():
    changes = {"inner_memory": "tutorial", "min_success_steps": 5, "code_tables": "shared"}
    config, params = make_experiment("random-6", "proven", overrides=changes)
    assert config.memory == ProvenMemory(pm.TutorialMemory(max_size=6, code_tables="shared"))
    assert params.memory.min_success_steps == 5
    assert make_experiment("random-5", "proven")[1].memory == DefaultMemory().default_params()


@pytest.mark.slow
@pytest.mark.parametrize("inner", rest_exhaustive([DefaultMemory(capacity=6), LastWay()]))
def test_without_it_is_as_if_there_were_none(inner):
    """To the bit, though it has learned skills that it would take."""
    off = train(run_key(SEED), *in_corridor(inner, use_skills=False), NUM_AGENTS, NUM_EPISODES).metrics
    found = train(run_key(SEED), *in_corridor(NeverUsed(inner)), NUM_AGENTS, NUM_EPISODES)
    for name in ("steps", "success", "episode_return", "end", "skill_steps"):
        assert getattr(found.metrics, name).tobytes() == getattr(off, name).tobytes()
    assert (found.libraries.skill_ids != EMPTY).any()


@pytest.mark.slow
@pytest.mark.parametrize("inner", rest_exhaustive([DefaultMemory(capacity=6), LastWay()]))
def test_an_agent_is_the_same_wherever_it_runs(inner):
    experiment = in_corridor(ProvenMemory(inner))
    many = train(run_key(SEED), *experiment, 100, NUM_EPISODES)
    for first, count, lanes in ((33, 1, 16), (7, 40, 16)):
        few = train(run_key(SEED), *experiment, count, NUM_EPISODES, first_agent=first, lanes=lanes)
        expected = jax.tree.map(lambda leaf, a=first, b=count: leaf[a : a + b], (many.metrics, many.libraries))
        jax.tree.map(np.testing.assert_array_equal, (few.metrics, few.libraries), expected)


@pytest.mark.slow
def test_a_memory_that_harms_is_left_alone():
    """Going left for ever, it never succeeds."""
    off = train(run_key(SEED), *in_corridor(Stubborn(), use_skills=False), 64, 200).metrics
    proven = train(run_key(SEED), *in_corridor(ProvenMemory(Stubborn())), 64, 200).metrics
    acted = proven.skill_steps > 0
    assert not proven.success[acted].any() and acted.any(axis=1).all()
    assert acted.mean() * off.success.mean() < 0.02 and acted[:, 130:].mean() * off.success.mean() < 0.01
