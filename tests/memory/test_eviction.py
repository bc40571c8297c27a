"""Rules of eviction by hand, by name and of one's own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memory.handmade import HAS_KEY, NOTHING, as_library, as_skill, plain_skill, vector
from procmem_jax.memory import eviction
from procmem_jax.memory.default.choice import make_index
from procmem_jax.memory.default.consolidation import consolidate_skill
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.eviction import EVICTION_RULES, Utility, slot_to_evict
from procmem_jax.memory.insertion import insert
from procmem_jax.memory.library import success_rates
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import as_arrays

CONFIG = LibraryConfig(capacity=4, embedding_size=4, max_skill_length=3)


def full(config=CONFIG):
    """Each rule gives up another slot: 0 lru, 1 least used, 2 lowest rate, 3 oldest."""
    skills = [
        plain_skill(0, number=4, last_used=1, uses=9),
        plain_skill(1, number=3, last_used=5, uses=1),
        plain_skill(2, number=2, last_used=6, uses=9, failures=8),
        plain_skill(3, number=0, last_used=7, uses=9, created=0),
    ]
    return as_library(skills, config, clock=10)


@pytest.mark.parametrize(("name", "slot"), (("lru", 0), ("least_used", 1), ("lowest_rate", 2), ("oldest", 3)))
def test_every_rule_by_name_and_as_a_function(name, slot):
    rates = success_rates(full(), CONFIG)
    function = getattr(eviction, name)
    assert EVICTION_RULES[name] is function
    assert (
        slot_to_evict(full(), rates, name) == slot == function(full(), rates) == slot_to_evict(full(), rates, function)
    )


def test_the_grace_of_utility_is_a_setting():
    # Uses per time without grace: 5 / 1000 and 1 / 100; with 200: 5 / 1200 and 1 / 300; with 2000: 5 / 3000, 1 / 2100.
    config = dataclasses.replace(CONFIG, capacity=2)
    library = as_library([plain_skill(0, uses=5), plain_skill(1, uses=1, created=900)], config, clock=1000)
    rates = success_rates(library, config)
    assert [int(Utility(grace)(library, rates)) for grace in (1.0, 200.0, 2000.0)] == [0, 1, 1]
    assert Utility() == Utility(200.0) == EVICTION_RULES["utility"] and hash(Utility()) == hash(Utility(200.0))
    assert LibraryConfig(eviction=Utility(50.0)) == LibraryConfig(eviction=Utility(50.0)) != LibraryConfig()


@pytest.mark.parametrize(
    ("grace", "error", "text"),
    (
        (0.5, ValueError, "grace=0.5 is below 1.0; give at least 1.0"),
        (float("nan"), ValueError, "grace=nan is not a finite number; give a finite one"),
        (200, TypeError, "grace=200 is a int; give a float"),
    ),
)
def test_a_wrong_grace(grace, error, text):
    with pytest.raises(error) as caught:
        Utility(grace)
    assert str(caught.value) == text


def most_merged(library, rates):
    """A rule of the user's."""
    return jnp.argmax(library.merge_counts)


def turn_away(library, rates):
    return -1


def beyond(library, rates):
    return jnp.int32(4)


def newcomer(config):
    return as_skill(plain_skill(4, length=2), vector(4), config.max_skill_length)


def test_a_rule_of_ones_own():
    config = dataclasses.replace(CONFIG, eviction=most_merged)
    library = dataclasses.replace(full(), merge_counts=jnp.array([0, 1, 5, 2], jnp.int32))
    for call in (insert, jax.jit(insert, static_argnums=2)):
        after, insertion = call(library, newcomer(config), config)
        assert (int(insertion.slot), int(insertion.evicted_id), int(after.num_evictions)) == (2, 2, 1)


@pytest.mark.parametrize("rule", (turn_away, beyond))
def test_a_rule_may_turn_the_newcomer_away(rule):
    config = dataclasses.replace(CONFIG, eviction=rule)
    after, insertion = insert(full(), newcomer(config), config)
    assert (int(insertion.slot), bool(insertion.merged), int(insertion.evicted_id)) == (-1, False, -1)
    assert after.skill_ids.tolist() == full().skill_ids.tolist() and after.num_evictions == 0
    # And so in the default memory, also while slot 1 is protected.
    numbers = DefaultMemoryParams(match_tolerance=0.1, merge_threshold=0.99, distance_cost=1.0, retire_rate=0.0)
    library, _ = consolidate_skill(
        full(),
        make_index(full()),
        jax.tree.map(jnp.asarray, newcomer(config)),
        config,
        as_arrays(numbers),
        num_coordinates=2,
        keep_better=True,
        admission=False,
        protected_slot=jnp.int32(1),
        enabled=jnp.asarray(True),
    )
    assert library.skill_ids.tolist() == full().skill_ids.tolist() and library.num_evictions == 0
    # While there is room, nobody is asked.
    roomy = as_library([None, None, None, plain_skill(3, before=NOTHING, after=HAS_KEY)], config)
    assert insert(roomy, newcomer(config), config)[1].slot == 0


@pytest.mark.parametrize("answer", (jnp.float32(1), jnp.zeros(2, jnp.int32), True))
def test_a_rule_that_gives_no_slot(answer):
    config = dataclasses.replace(CONFIG, eviction=lambda library, rates: answer)
    with pytest.raises(TypeError, match="eviction rule <function .* gave .*, not one integer; return a slot"):
        insert(full(), newcomer(config), config)


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    (
        ("fifo", ValueError, "eviction='fifo' is unknown; choose from lru, least_used, lowest_rate, oldest, utility"),
        (3, TypeError, "eviction=3 is a int; give a str or a function"),
        (None, TypeError, "eviction=None is a NoneType; give a str or a function"),
    ),
)
def test_what_is_no_rule(rule, error, text):
    with pytest.raises(error) as caught:
        LibraryConfig(eviction=rule)
    assert str(caught.value) == text


def test_a_rule_must_be_hashable():
    class Unhashable:
        __hash__ = None

        def __call__(self, library, rates):
            return np.int32(0)

    with pytest.raises(TypeError, match="is not hashable; give a function or an instance of a frozen class"):
        LibraryConfig(eviction=Unhashable())
