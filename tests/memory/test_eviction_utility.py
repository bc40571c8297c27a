"""Eviction by utility: uses per time, with grace for newcomers."""

import jax
import numpy as np
import pytest

from memory.handmade import as_library, plain_skill
from procmem_jax.memory.eviction import slot_to_evict
from procmem_jax.memory.library import success_rates
from procmem_jax.memory.settings import LibraryConfig


def victim(*skills, clock=0):
    """The slot given up of these (uses, created) pairs."""
    config = LibraryConfig(capacity=len(skills), embedding_size=4, eviction="utility")
    slots = [plain_skill(uses=uses, created=created) for uses, created in skills]
    library = as_library(slots, config, clock=clock)
    return int(slot_to_evict(library, success_rates(library, config), "utility"))


@pytest.mark.parametrize(
    ("skills", "clock", "slot"),
    (
        (((3, 0), (2, 0), (4, 0)), 100, 1),  # of one age, the least used
        (((3, 0), (1, 900)), 1000, 0),  # 3 / 1200 against 1 / 300
        (((5, 0), (1, 900)), 1000, 1),  # 5 / 1200 against 1 / 300
        (((1, 0), (0, 1000)), 1000, 1),  # never used: worth nothing, whatever its age
        (((100, 0), (3, 990)), 1000, 1),  # 100 / 1200 against 3 / 210: grace makes no newcomer invincible
        (((2, 0), (1, 4000)), 10_000, 1),  # 2 / 10,200 against 1 / 6,200
        (((2, 0), (1, 5200)), 10_000, 0),  # 2 / 10,200 against 1 / 5,000
    ),
)
def test_the_least_useful_goes(skills, clock, slot):
    assert victim(*skills, clock=clock) == slot


def test_ties_go_to_the_lowest_slot():
    assert victim((0, 7), (0, 1), (0, 9), clock=10) == 0
    assert victim((5, 0), (4, 0), (1, 900), clock=1000) == 1  # 4 / 1200 = 1 / 300
    assert victim((5, 0), (1, 900), (4, 0), clock=1000) == 1
    assert victim((1, 0), (0, 1), (0, 0), clock=10) == 1
    assert victim((2, 0), (1, 0), (1, 0), clock=300) == 1


def test_what_alone_covers_its_situations_stays():
    """A skill used whenever its situation comes, once in 100 ticks, against one of many that compete for another."""
    assert victim((10, 0), (4, 0), (4, 0), clock=1000) == 1


def test_the_grace_is_for_newcomers():
    """One use within 10 ticks is worth less than 20 within 1000, though it is ten times as many per tick."""
    assert victim((20, 0), (1, 990), clock=1000) == 1
    assert victim((3, 0), (1, 990), clock=1000) == 0


def test_permuted_slots_give_up_the_same_skill():
    rng = np.random.default_rng(5)
    for _ in range(10):
        uses, created = rng.permutation(40)[:6], rng.integers(0, 50, 6)
        skills = list(zip(uses.tolist(), created.tolist(), strict=True))
        order = rng.permutation(6)
        chosen = skills[victim(*skills, clock=60)]
        permuted = [skills[i] for i in order]
        assert permuted[victim(*permuted, clock=60)] == chosen


def test_rates_and_last_uses_do_not_matter():
    config = LibraryConfig(capacity=2, embedding_size=4, eviction="utility")
    slots = [plain_skill(uses=3, failures=3, last_used=1), plain_skill(uses=2, successes=2, last_used=90)]
    library = as_library(slots, config, clock=100)
    assert jax.jit(slot_to_evict, static_argnames="rule")(library, success_rates(library, config), rule="utility") == 1
