"""What mattered, by hand and against NumPy: coordinates, predicates, failures; and what it makes an agent do."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.puppet import Puppet
from memory.handmade import HAS_KEY, NOTHING, OPENED
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.default.knowledge.relevance import (
    asked_of,
    blame_of,
    kind_of,
    no_relevance,
    note_change,
    note_step,
    note_try,
    weights_of,
)
from procmem_jax.memory.default.memory import DefaultMemory

YES = jnp.ones((), jnp.bool_)
numbers = st.integers(-8, 8)
contexts = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=6)


def embedding(context):
    return direction_embedding(jnp.array(context, jnp.float32), 6)


def experience(everywhere, before_changes, kind=0, predicates=((False, False),)):
    found = no_relevance(2, 3)
    for context in everywhere:
        found = note_step(found, embedding(context), YES)
    for number, context in enumerate(before_changes):
        before = jnp.array(predicates[number % len(predicates)])
        found = note_change(found, jnp.int32(kind), embedding(context), before, YES)
    return found


def variances(rows):
    points = np.array([np.asarray(embedding(row)).reshape(2, 3) for row in rows], np.float64) * np.sqrt(3)
    return 1 - (points.mean(axis=0) ** 2).sum(axis=0)


@settings(deadline=None)  # the first example compiles
@given(contexts, contexts)
def test_a_coordinate_counts_by_the_share_of_its_variance_that_is_gone(everywhere, before_changes):
    weights = np.asarray(weights_of(experience(everywhere, before_changes), 1))
    all_over, here = variances(everywhere), variances(before_changes)
    expected = np.where(all_over < 0.01, 1, np.clip(1 - here / np.maximum(all_over, 0.01), 0, 1))
    expected[2] = 1  # around the agent
    close = np.abs(all_over - 0.01) > 1e-4
    np.testing.assert_allclose(weights[0][close], expected[close], atol=2e-3)
    assert (weights[1:] == 1).all()  # of what has not come yet nothing is known


def test_what_is_always_ahead_matters_and_what_lies_anywhere_does_not():
    everywhere = [(1, 0, 3), (-1, 0, -3), (1, 0, -3), (-1, 0, 3)]
    weights = np.asarray(weights_of(experience(everywhere, [(1, 0, 3), (1, 0, -3)]), 0))[0]
    np.testing.assert_allclose(weights, [1, 1, 0], atol=1e-5)


def test_predicates_that_have_both_held_and_not_are_not_asked_about():
    two = experience([(0, 0, 0)], [(0, 0, 0)] * 2, kind=2, predicates=((True, False), (False, False)))
    assert asked_of(two).tolist() == [[True, True], [True, True], [False, True], [True, True]]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ((False, False), (True, False), 0),
        ((True, False), (True, True), 1),
        ((True, False), (False, False), 2),
        ((True, True), (True, False), 3),
        ((True, False), (False, True), 1),  # a gain goes first
    ],
)
def test_kinds(before, after, kind):
    before, after = jnp.array(before), jnp.array(after)
    assert int(kind_of(before != after, after & (before != after))) == kind


def test_blame_by_hand():
    found = no_relevance(2, 3)
    tries = [((True, False, False), True)] * 3 + [((True, False, False), False)] + [((False, True, False), False)] * 3
    for apart, failed in tries:
        found = note_try(found, jnp.int32(1), jnp.array(apart), jnp.bool_(failed), YES)
    found = note_try(found, jnp.int32(1), jnp.array((True, True, True)), YES, ~YES)
    blame = np.asarray(blame_of(found))
    # 3 of 4 + 1 where the first was another, none of 3 + 1 elsewhere; 0 of 3 + 1 against 3 of 4 + 1 for the second
    np.testing.assert_allclose(blame[1], [3 / 5, 0, 0], atol=1e-6)
    assert not blame[[0, 2, 3]].any()


def test_an_agent_frozen_finds_nothing():
    nothing = no_relevance(2, 3)
    found = note_step(nothing, embedding((1, 2, 3)), ~YES)
    found = note_change(found, jnp.int32(1), embedding((1, 2, 3)), jnp.array((True, False)), ~YES)
    found = note_try(found, jnp.int32(1), jnp.array((True, True, False)), YES, ~YES)
    for name, leaf in vars(found).items():
        np.testing.assert_array_equal(leaf, getattr(nothing, name))


def learned(relevance):
    """A memory that has seen its world, and taken the key twice: to the right of it, with y as it may be."""
    puppet = Puppet((4, 4), memory={"relevance": relevance, "admission": False})
    for place in ((4, -4), (-4, 4), (-4, -4), (0, 4), (0, -4)):
        puppet.step(place, 1, coin=0)
    for y in (4, -4):
        puppet.enter((1, y), NOTHING, is_first=True)
        puppet.step((1, y), 2, coin=0, predicates=HAS_KEY)
        puppet.consolidate()
    return puppet


@pytest.mark.parametrize(("relevance", "runs"), [(False, False), (True, True)])
def test_a_skill_is_taken_where_only_what_does_not_matter_is_another(relevance, runs):
    puppet = learned(relevance)
    puppet.enter((2, 0), NOTHING, is_first=True)
    assert puppet.decide()[0] == runs
    puppet.enter((-2, 0), NOTHING, is_first=True)
    assert not puppet.decide()[0]


def test_surroundings_always_matter():
    memory = DefaultMemory(relevance=True, num_surroundings=1)
    world = type("World", (), {"num_actions": 3, "num_surroundings": 2})()
    assert DefaultMemory().for_environment(world, None).num_surroundings == 2
    assert memory.for_environment(world, None).num_surroundings == 1


def test_failures_bring_a_coordinate_back():
    """In (2, 0) what was learned with y = 4 and -4 closes a loop each time, and is left alone there in the end."""
    puppet = learned(True)
    weights = [float(puppet.state.index.weights[1].max())]
    for _ in range(4):
        puppet.enter((2, 0), NOTHING, is_first=True)
        puppet.step((2, 0))
        puppet.step((2, 0))
    puppet.enter((1, 4), NOTHING, is_first=True)
    puppet.step((1, 4), 2, coin=0, predicates=HAS_KEY)
    weights.append(float(puppet.consolidate().state.index.weights[1].max()))
    assert weights[0] < 0.1 < weights[1]


def test_another_embedding_has_no_coordinates():
    with pytest.raises(ValueError, match="relevance=True needs an embedding by coordinates; use embedding=direction"):
        DefaultMemory(relevance=True, embed=lambda context, size: context)


def test_predicates_asked_about_become_fewer():
    """Taken with the door shut and with it open, the key is taken in both cases from then on."""
    puppet = Puppet((1, 0), memory={"relevance": True})
    door = (False, True, False)
    for before, after in ((NOTHING, HAS_KEY), (door, OPENED)):
        puppet.enter((1, 0), before, is_first=True)
        puppet.step((1, 0), 2, coin=0, predicates=after)
        puppet.consolidate()
    asked = np.asarray(puppet.state.index.asked)[0]
    assert (asked[np.asarray(puppet.library.used)] == 0b101).all()
