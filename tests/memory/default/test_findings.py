"""What is found beside skills goes with a library, into a run that learns nothing more, too."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from agents.puppet import Puppet, percept
from memory.handmade import HAS_KEY, NOTHING, OPENED
from procmem_jax import ProvenMemory, make_experiment, run_key, train
from procmem_jax.memory.default.knowledge import findings
from procmem_jax.memory.default.memory import DefaultMemory
from quick import rest_exhaustive

SWITCHES = {"values": True, "relevance": True, "caution": True}
DOOR_OPEN, SUCCESS = (False, True, False), (False, True, True)


@functools.cache
def lived():
    """A puppet to which all kinds of things have happened."""
    puppet = Puppet((4, 4), memory=SWITCHES)
    puppet.explore((1, (2, 1)), (2, (1, 1)), (3, (1, 0)), predicates=HAS_KEY)
    puppet.explore((1, (1, 2)), predicates=OPENED)
    puppet.explore((4, (1, 3)), predicates=DOOR_OPEN)
    puppet.explore((1, (0, 0)), predicates=SUCCESS, over=True)
    return puppet.consolidate()


@pytest.mark.parametrize("switches", [SWITCHES, {"values": True}, {"relevance": True}, {"caution": True}])
def test_numbers_and_back(switches):
    state = lived().state
    found = findings.Findings(
        state.values if "values" in switches else None,
        state.relevance if "relevance" in switches else None,
        state.dangers if "caution" in switches else None,
    )
    numbers = findings.as_numbers(found)
    memory = DefaultMemory(capacity=6, embedding_size=4, max_skill_length=4, **switches)
    assert numbers.shape == (memory.library_config(3, 2).worth_size,) and np.any(np.asarray(numbers) != 0)
    begun = memory.begin(percept((0, 0), NOTHING), DefaultMemory.Params())
    assert not np.asarray(memory.library(begun).worth).any()  # zeros: nothing found
    known = findings.with_numbers(begun, numbers)
    kept = known.relevance, known.dangers
    jax.tree.map(np.testing.assert_array_equal, kept, (found.relevance, found.dangers))
    assert [leaf.dtype for leaf in jax.tree.leaves(kept)] == [leaf.dtype for leaf in jax.tree.leaves(found[1:])]
    if "values" in switches:
        np.testing.assert_array_equal(known.values.nearness, found.values.nearness)
    np.testing.assert_array_equal(findings.as_numbers(findings.findings_of(known)), numbers)


def test_a_library_brings_what_was_found_and_a_group_does_not():
    old = lived()
    new = Puppet((4, 4), memory=SWITCHES)
    given = new.memory.with_library(new.state, old.library)
    np.testing.assert_array_equal(new.memory.library(given).worth, old.library.worth)
    np.testing.assert_array_equal(given.index.weights, old.state.index.weights)
    np.testing.assert_array_equal(given.index.changes, old.state.index.changes)
    shared = new.memory.share(new.state, old.library)
    assert not np.asarray(new.memory.library(shared).worth).any()
    np.testing.assert_array_equal(shared.library.embeddings, old.library.embeddings)


def test_a_memory_around_another_keeps_what_both_have_found():
    proven = ProvenMemory(lived().memory)
    state = proven.begin(percept((4, 4), NOTHING), proven.default_params())
    library = proven.library(proven.with_library(state, proven.library(state)))
    assert library.worth.shape == (proven.library_config(3, 2).worth_size,)
    library = dataclasses.replace(library, worth=library.worth.at[-1].set(5.0))
    inner = proven.with_library(state, library).inner
    assert float(findings.as_numbers(findings.findings_of(inner))[-1]) == 5


@functools.cache
def whole_batch(**settings):
    config, params = make_experiment("doorkey-5", overrides=SWITCHES | settings)
    return train(run_key(5), config, params, 32, 12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "first", "agents", "lanes", "chunk_ticks"),
    rest_exhaustive([({}, 7, 20, 8, 16), ({"group_size": 4}, 8, 12, 4, 48), ({}, 0, 3, 3, 64)]),
)
def test_an_agent_finds_the_same_wherever_it_runs(settings, first, agents, lanes, chunk_ticks):
    config, params = make_experiment("doorkey-5", overrides=SWITCHES | settings)
    found = train(run_key(5), config, params, agents, 12, first_agent=first, lanes=lanes, chunk_ticks=chunk_ticks)
    whole = whole_batch(**settings)
    expected = jax.tree.map(lambda leaf: leaf[first : first + agents], (whole.metrics, whole.libraries))
    jax.tree.map(np.testing.assert_array_equal, (found.metrics, found.libraries), expected)
    assert (np.asarray(found.libraries.worth) != 0).any(axis=1).all()


@pytest.mark.slow
def test_an_agent_that_learns_nothing_more_goes_by_what_was_found():
    config, params = make_experiment("doorkey-5", overrides=SWITCHES)
    config = dataclasses.replace(config, learns=False)
    libraries = whole_batch().libraries
    found = train(run_key(6), config, params, 32, 4, libraries=libraries)
    np.testing.assert_array_equal(found.libraries.worth, libraries.worth)
    blank = dataclasses.replace(libraries, worth=np.zeros_like(libraries.worth))
    without = train(run_key(6), config, params, 32, 4, libraries=blank)
    assert (found.metrics.steps != without.metrics.steps).any()
