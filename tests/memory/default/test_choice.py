"""What skills cost, by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agents.puppet import Puppet, skill
from memory.handmade import HAS_KEY, NOTHING, as_library, plain_skill, vector
from procmem_jax.memory.default.choice import CHOICES, make_index, skill_costs
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.slots import least_slot
from procmem_jax.records import as_arrays

CONFIG = LibraryConfig(capacity=4, embedding_size=4, max_skill_length=6)
# Vectors 0 to 3 are the axes, 4 has cosine 1/2 with all of them, and distance 2 * (1 - 1/2) = 1 for C = 2.
NUMBERS = {"match_tolerance": 1.5, "merge_threshold": 0.9, "distance_cost": 8.0, "retire_rate": 0.25}


@jax.jit
def judge(library, query, predicates, numbers):
    return skill_costs(make_index(library), query, predicates, numbers, num_coordinates=2)


def costs(*slots, situation=0, predicates=NOTHING, **changes):
    """The costs of these skills, None for an empty slot, in a situation, as lists."""
    numbers = as_arrays(DefaultMemoryParams(**NUMBERS | changes))
    query = jnp.array(vector(situation), jnp.float32)
    found = judge(as_library(slots, CONFIG), query, jnp.array(predicates), numbers)
    return jax.tree.map(lambda column: np.asarray(column)[: len(slots)].tolist(), found)


def test_the_same_situation_costs_the_length_over_the_success_rate():
    found = costs(plain_skill(length=3), plain_skill(length=3, successes=1), plain_skill(length=2, failures=2))
    assert found.steps == [3, 3, 2]
    assert found.expected == pytest.approx([3 / (1 / 2), 3 / (2 / 3), 2 / (1 / 4)], rel=1e-6)
    assert found.exact == [True] * 3
    assert found.allowed == [True] * 3


def test_distance_costs_steps():
    found = costs(plain_skill(4, length=3), plain_skill(4, length=3, successes=8))
    assert found.steps == pytest.approx([3 + 8 * (1 + 0.01)] * 2, rel=1e-6)
    assert found.expected == pytest.approx([11.08 / (1 / 2), 11.08 / (9 / 10)], rel=1e-6)
    assert found.exact == [False] * 2
    assert costs(plain_skill(4, length=3), distance_cost=0.0).steps == [3]


def test_any_mismatch_costs_something():
    """Of two skills of one length the exact one wins, whatever the slots."""
    near = {"merge_threshold": 0.5, "distance_cost": 1e-3}
    inexact, exact = plain_skill(4, length=2), plain_skill(0, length=2)
    for slots in ((inexact, exact), (exact, inexact)):
        found = costs(*slots, **near)
        assert slots[int(np.argmin(found.expected))] is exact
        assert sorted(found.steps) == [2, pytest.approx(2 + 1.01e-3)]


def test_a_skill_is_tried_below_the_tolerance_only():
    for tolerance, allowed in ((1.5, True), (1.001, True), (1.0, False), (0.5, False)):
        found = costs(plain_skill(4), match_tolerance=tolerance)
        assert found.allowed == [allowed]
        assert (found.expected == [np.inf]) == (not allowed)


def test_a_situation_is_the_same_above_the_threshold_only():
    assert costs(plain_skill(4), merge_threshold=0.5).exact == [False]
    assert costs(plain_skill(4), merge_threshold=0.49).exact == [True]
    assert costs(plain_skill(4), merge_threshold=0.49).steps == [1]


def test_a_retired_skill_is_not_chosen():
    skills = [plain_skill(failures=failures) for failures in (1, 2, 3)]  # rates 1/3, 1/4, 1/5
    assert costs(*skills).allowed == [True, True, False]
    assert costs(*skills, retire_rate=0.3).allowed == [True, False, False]
    assert costs(*skills, retire_rate=0.0).allowed == [True] * 3
    assert costs(*skills).expected[2] == np.inf


def test_a_skill_that_does_not_apply_is_not_chosen():
    skills = (plain_skill(), plain_skill(before=HAS_KEY), None, plain_skill(before=(True, False, True)))
    assert costs(*skills).expected == [2, np.inf, np.inf, np.inf]
    assert costs(*skills, predicates=HAS_KEY).expected == [np.inf, 2, np.inf, np.inf]
    assert costs(*skills, predicates=HAS_KEY).allowed == [False, True, False, False]


def test_an_empty_slot_is_neither_exact_nor_allowed():
    found = costs(None, None, merge_threshold=-1.0, match_tolerance=1e6)
    assert (found.exact, found.allowed, found.expected) == ([False] * 2, [False] * 2, [np.inf] * 2)


@pytest.mark.parametrize(
    ("values", "slot"),
    (([3, 1, 2, 5], 1), ([2, 1, 1, 1], 1), ([7, 7, 7, 7], 0), ([np.inf, 4, np.inf, 4], 1), ([np.inf] * 4, 0)),
)
def test_ties_go_to_the_lowest_slot(values, slot):
    found, least = least_slot(jnp.array(values, jnp.float32))
    assert (found, least) == (slot, min(values))
    assert found.dtype == jnp.int32


def test_news_takes_a_skill_once_in_an_episode_for_what_it_brings():
    """The key, put down by the agent itself, is picked up again by the choice by cost alone."""
    taken = {}
    for name in ("cost", "news"):
        puppet = Puppet((2, 0), skills=[skill((2, 0), [3])], memory={"choose": CHOICES[name]})
        first = puppet.step((2, 0), predicates=HAS_KEY)
        puppet.step((2, 0), predicates=NOTHING)
        puppet.state = dataclasses.replace(puppet.state, retreat=jnp.int32(0))
        again, _ = puppet.decide()
        puppet.enter((2, 0), NOTHING, is_first=True)
        taken[name] = first[0], again, puppet.decide()[0]
    assert taken == {"cost": (True, True, True), "news": (True, False, True)}
