"""What a skill is for, in words."""

import dataclasses

import jax
import numpy as np
import pytest

from experiments.handmade_libraries import CONFIG, handmade_libraries
from procmem_jax.envs.foreign.door_key import DOOR_KEY_PREDICATES
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.situations import situation_text
from procmem_jax.experiments.libraries.skills import read_skills
from procmem_jax.memory.default.direction import context_of_direction, direction_embedding

SAVED = SavedLibraries(
    handmade_libraries(1), CONFIG, "direction of 2 coordinates", DOOR_KEY_PREDICATES, tuple("abcdef"), (0,), {}
)
KEY = {"has_key": False, "door_open": False, "goal_reached": False}


def skill_in(context, requires=KEY, embedding=None):
    """A skill that was learned in a situation."""
    own = np.asarray(direction_embedding(np.float32(context), 2 * len(context)))
    skill, _ = read_skills(jax.tree.map(lambda array: array[0], handmade_libraries(1)), DOOR_KEY_PREDICATES)
    return dataclasses.replace(skill, requires=requires, embedding=own if embedding is None else embedding)


def text_of(context, requires=KEY, **changes):
    saved = dataclasses.replace(SAVED, embedding=f"direction of {len(context)} coordinates", **changes)
    return situation_text(skill_in(context, requires), saved)


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ([3, 1], "key 3 right 1 up"),
        ([-64, 0], "key 64 left"),
        ([0, -12], "key 12 down"),
        ([0, 0], "key here"),
        ([1, 0, 0, 0, 1, 1, 0, 1], "key 1 right, walls SE N W"),
        ([2, -1, 0, 1, 0, 1, 1], "key 2 ahead 1 left, walls E NE NW"),
        ([0, 0, 1, 0, 0, 0, 0], "key here or not seen, walls N"),
    ],
)
def test_worlds_of_key_door_and_goal(context, text):
    assert text_of(context) == text


def test_the_facts_say_what_it_is_about():
    assert text_of([1, 0], {**KEY, "has_key": True}) == "door 1 right"
    assert text_of([1, 0], {**KEY, "has_key": True, "door_open": True}) == "goal 1 right"
    assert text_of([1, 0], {"has_key": True}) == "context 1 0: has_key"


def test_other_worlds():
    names = ("wet", "warm", "home")
    assert text_of([3, -2.5], {"wet": False}, predicate_names=names) == "context 3 -2.5: not wet"
    assert text_of([1, 2, 0], {}) == "context 1 2 0: anything"


def test_other_embeddings_are_told_apart():
    saved = dataclasses.replace(SAVED, embedding="mine:cells of 2 coordinates")
    one, other = (situation_text(skill_in([x, 0]), saved) for x in (1, 2))
    assert (
        one != other and one.startswith("situation ") and one.endswith(": not has_key, not door_open, not goal_reached")
    )
    assert one == situation_text(skill_in([1, 0]), saved)


def test_contexts_come_back():
    contexts = [[0, 1, -1, 2], [-3, 17.5, 512, -64], [0.2, 1e9, -np.inf, 0]]
    for context in contexts:
        there = np.asarray(direction_embedding(np.float32(context), 10))
        wanted = np.sign(context) * np.where(np.asarray(context) == 0, 0, np.clip(np.abs(context), 1, 512))
        np.testing.assert_allclose(context_of_direction(there, 4), wanted, rtol=1e-4)
