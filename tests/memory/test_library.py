"""The library by hand: merging, evicting, retrieving, counting, and the same answer however it is called."""

import dataclasses
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from memory.plain_library import make_skill, plain_skill
from procmem_jax.memory.insertion import insert, insert_unit
from procmem_jax.memory.library import (
    applicable,
    empty,
    packed,
    packed_hold,
    record_outcome,
    success_rates,
    summary,
    with_reach,
)
from procmem_jax.memory.retrieval import retrieve
from procmem_jax.memory.settings import LibraryConfig

CONFIG = LibraryConfig(capacity=4, embedding_size=4, max_skill_length=3, num_predicates=2)
TUTORIAL = dataclasses.replace(CONFIG, counting="tutorial")
ANYTHING = jnp.zeros(2, bool)


def skill(number=0, vector=0, condition=0):
    return jax.tree.map(jnp.asarray, make_skill(plain_skill(number, vector, CONFIG, condition)))


@functools.cache
def jitted(function, *configs):
    return jax.jit(lambda *args, **kwargs: function(*args, *configs, **kwargs))


def store(library, *skills, config=CONFIG, threshold=1.0, by=insert):
    for one in skills:
        library, _ = jitted(by, config)(library, one, merge_threshold=jnp.float32(threshold))
    return library


def record(library, *outcomes):
    for slot, success in outcomes:
        library = jitted(record_outcome)(library, jnp.int32(slot), jnp.asarray(success))
    return library


@functools.cache
def filled():
    """Four skills, numbers 1 to 4, with vectors 0 to 3."""
    return store(empty(CONFIG), *(skill(number, number - 1) for number in (1, 2, 3, 4)))


def random_library(seed=0):
    """A library after some random operations, different for every seed."""
    rng, library = np.random.default_rng(seed), empty(CONFIG)
    for number in range(6):
        library = store(library, skill(3 * number + seed, rng.integers(8), rng.integers(16)), threshold=0.9)
        library = record(library, (rng.integers(4), bool(rng.integers(2))))
    return library


# Shapes and bits


def test_an_empty_library_has_the_shapes_and_kinds_that_it_promises():
    library = empty(LibraryConfig(capacity=7, embedding_size=5, max_skill_length=3, num_predicates=2))
    shapes = {name: column.shape for name, column in library.known().items()}
    assert shapes["embeddings"] == (7, 5) and shapes["actions"] == (7, 3) and shapes["pre_mask"] == (7, 2)
    assert [shapes[name] for name in ("lengths", "labels", "skill_ids", "last_used", "clock")] == [(7,)] * 4 + [()]
    assert not library.used.any() and library.skill_ids.tolist() == [-1] * 7 == library.labels.tolist()
    chex.assert_trees_all_equal_shapes_and_dtypes(random_library(), empty(CONFIG))


def test_a_stored_skill_carries_its_number_in_every_field_of_its_slot_only():
    # Every field of skill n is filled with n, so that one look shows what was overwritten; `insert` would refuse.
    def numbered(number):
        return jax.tree.map(lambda x: jnp.full(x.shape, number).astype(x.dtype), skill())

    library = store(empty(CONFIG), *map(numbered, (10, 20, 30, 40)), by=insert_unit)
    library = record(library, (0, True), (1, True), (3, True))
    after = store(library, numbered(50), by=insert_unit)
    assert after.actions.tolist() == [[10] * 3, [20] * 3, [50] * 3, [40] * 3]
    for name in ("embeddings", "lengths", "labels", "learned_episode", "learned_tick"):
        rows = getattr(after, name).reshape(4, -1)
        assert [set(row.tolist()) for row in rows] == [{10}, {20}, {50}, {40}], name
    assert after.success_counts.tolist() == [11, 21, 50, 41]
    assert after.use_counts.tolist() == [1, 1, 0, 1]
    assert after.skill_ids.tolist() == [0, 1, 4, 3]
    for name, rows in after.known().items():
        if rows.ndim:
            np.testing.assert_array_equal(np.delete(rows, 2, 0), np.delete(getattr(library, name), 2, 0), name)


def test_reach_is_kept_if_the_config_says_so_and_goes_with_the_skill():
    assert empty(CONFIG).reach is None is with_reach(filled(), False).reach
    library = with_reach(filled(), True)
    chex.assert_trees_all_equal_shapes_and_dtypes(library, empty(dataclasses.replace(CONFIG, keeps_reach=True)))
    assert np.isinf(library.reach).all() and with_reach(library, False).reach is None
    taught = dataclasses.replace(library, reach=jnp.full_like(library.reach, 0.5))
    assert with_reach(taught, True) is taught
    assert store(taught, skill(5, 4)).reach.tolist() == [np.inf, 0.5, 0.5, 0.5]


def test_disabled_changes_no_bit():
    library = random_library()
    for number, vector in ((1, 0), (2, 3)):
        after, insertion = jitted(insert, CONFIG)(library, skill(number, vector), enabled=jnp.asarray(False))
        chex.assert_trees_all_equal(after, library)
        assert (insertion.slot, insertion.merged, insertion.evicted_id) == (-1, False, -1)
    after = jitted(record_outcome)(library, jnp.int32(0), jnp.asarray(True), enabled=jnp.asarray(False))
    chex.assert_trees_all_equal(after, library)


@pytest.mark.parametrize("slot", (-1, 2, 3, 4, 100, -2, 2**31 - 1, -(2**31)))
def test_an_outcome_of_no_skill_changes_no_bit(slot):
    library = store(empty(CONFIG), skill(1), skill(2, 1))  # slots 2 and 3 are empty
    chex.assert_trees_all_equal(record(library, (slot, True)), library)
    assert record(library, (1, True)).use_counts.tolist() == [0, 1, 0, 0]


# Merging and evicting


@pytest.mark.parametrize(("threshold", "merges"), ((0.49, True), (0.5, False), (0.51, False)))
def test_only_above_the_threshold_skills_merge(threshold, merges):
    library = store(empty(CONFIG), skill(1, vector=0))
    library, insertion = jitted(insert, CONFIG)(
        library, skill(2, vector=4), merge_threshold=threshold
    )  # their cosine is 1/2
    assert bool(insertion.merged) == merges
    assert insertion.slot == (0 if merges else 1)
    assert library.merge_counts.tolist() == [int(merges), 0, 0, 0]
    assert summary(library, CONFIG).total_skills == (1 if merges else 2)


def test_a_merge_goes_to_the_lowest_slot_that_is_similar_enough():
    library, insertion = jitted(insert, CONFIG)(
        filled(), skill(9, vector=4), merge_threshold=0.25
    )  # all four are at 1/2
    assert (insertion.slot, insertion.merged, insertion.evicted_id) == (0, True, -1)
    later = store(empty(CONFIG), skill(1, vector=6), skill(2, vector=1), skill(3, vector=0))
    _, insertion = jitted(insert, CONFIG)(later, skill(9, vector=4), merge_threshold=0.25)  # slot 0 is at -1/2
    assert insertion.slot == 1


@pytest.mark.parametrize(("config", "successes"), ((CONFIG, 1), (TUTORIAL, 2)))
def test_a_merge_is_a_success_in_the_tutorial_only(config, successes):
    library = store(empty(config), skill(1), skill(1), config=config, threshold=0.9)
    assert library.success_counts.tolist() == [successes, 0, 0, 0]
    assert library.merge_counts.tolist() == [1, 0, 0, 0]
    assert (library.use_counts == 0).all() and library.next_id == 1 and library.clock == 2


@pytest.mark.parametrize(
    ("rule", "evicted"),
    (("lru", 2), ("least_used", 3), ("lowest_rate", 1), ("oldest", 0)),
)
def test_every_rule_gives_up_another_skill(rule, evicted):
    config = dataclasses.replace(CONFIG, eviction=rule)
    # Slot 1 fails, slot 3 is used once, slot 2 was used longest ago, slot 0 was stored first.
    outcomes = [(2, True), (2, True), (3, True), (1, False), (1, False), (0, True), (0, True)]
    library, insertion = jitted(insert, config)(record(filled(), *outcomes), skill(9, 4), merge_threshold=1.0)
    assert (insertion.slot, insertion.evicted_id, insertion.merged) == (evicted, evicted, False)
    assert library.num_evictions == 1 and library.skill_ids[evicted] == 4


def test_ties_of_every_rule_go_to_the_lowest_slot():
    for rule in ("least_used", "lowest_rate"):
        same = store(empty(CONFIG), *(skill(4, vector) for vector in range(4)))
        _, insertion = jitted(insert, dataclasses.replace(CONFIG, eviction=rule))(
            same, skill(9, 4), merge_threshold=1.0
        )
        assert insertion.slot == 0


# Retrieving and counting


def test_retrieval_asks_the_precondition():
    # Conditions: none; predicate 0 must hold; predicate 0 must not hold; both must hold.
    library = store(
        empty(CONFIG), *(skill(1, v, condition) for v, condition in enumerate((0b0000, 0b0101, 0b0001, 0b1111)))
    )
    for predicates, slots in (((0, 0), [0, 2]), ((1, 0), [0, 1]), ((1, 1), [0, 1, 3]), ((0, 1), [0, 2])):
        mask = applicable(library, jnp.array(predicates, bool))
        assert np.flatnonzero(mask).tolist() == slots, predicates
        found = retrieve(library, jnp.array(predicates, bool), CONFIG, query=jnp.zeros(4), k=4)
        assert found.slots.tolist() == slots + [-1] * (4 - len(slots)), predicates


def test_without_a_query_the_best_success_rate_comes_first():
    library = store(empty(CONFIG), *(skill(4, vector) for vector in range(3)))  # no successes yet: all at 1/2
    assert retrieve(library, ANYTHING, CONFIG, k=2).slots.tolist() == [0, 1]
    library = record(library, (0, False), (2, True), (2, True), (2, False))
    found = retrieve(library, ANYTHING, CONFIG, k=4)
    assert found.slots.tolist() == [2, 1, 0, -1]
    np.testing.assert_allclose(found.scores, [3 / 5, 1 / 2, 1 / 3, -np.inf], rtol=1e-6)


def test_rates_of_both_countings_by_hand():
    library = record(store(empty(CONFIG), skill(3), skill(0, 1)), (0, True), (0, False), (1, False))
    np.testing.assert_allclose(success_rates(library, CONFIG), [5 / 7, 1 / 3, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(success_rates(library, TUTORIAL), [4 / 2, 0 / 1, 0, 0], rtol=1e-6)
    numbers = summary(library, CONFIG)
    assert (numbers.total_skills, numbers.total_uses) == (2, 3)
    assert numbers.mean_success_rate == pytest.approx((5 / 7 + 1 / 3) / 2)
    assert summary(library, TUTORIAL).mean_success_rate == pytest.approx(1.0)


def test_rates_stay_in_0_to_1_whatever_the_counts():
    rng, config = np.random.default_rng(1), LibraryConfig(capacity=3000)
    scales = 2 ** rng.integers(0, 31, (2, 3000))
    successes, failures = (rng.random((2, 3000)) * scales).astype(np.int32)
    counts = {"success_counts": successes, "failure_counts": failures, "skill_ids": np.arange(3000, dtype=np.int32)}
    library = dataclasses.replace(empty(config), **counts)
    rates = np.asarray(success_rates(library, config))
    np.testing.assert_allclose(rates, (successes + 1.0) / (successes + 0.0 + failures + 2.0), rtol=1e-6)
    assert 0 <= rates.min() and rates.max() <= 1 and 0 <= summary(library, config).mean_success_rate <= 1


def test_an_empty_library_has_a_summary_and_nothing_to_retrieve():
    for config in (CONFIG, TUTORIAL):
        numbers = summary(empty(config), config)
        assert (numbers.total_skills, numbers.total_uses, numbers.mean_success_rate) == (0, 0, 0.0)
        for query in (None, jnp.ones(4) / 2):
            found = retrieve(empty(config), ANYTHING, config, query=query, k=4)
            assert found.slots.tolist() == [-1] * 4 and found.scores.tolist() == [-np.inf] * 4 and not found.valid.any()


def test_what_was_inserted_is_found():
    for vector in range(4):
        found = retrieve(filled(), ANYTHING, CONFIG, query=skill(9, vector).embedding)
        assert (found.slots.tolist(), found.scores.tolist()) == ([vector], [1.0])


def test_k_beyond_the_capacity():
    for query in (None, jnp.zeros(4)):
        with pytest.raises(ValueError, match="k=5 is outside 1 to capacity=4; choose k in that range"):
            retrieve(filled(), ANYTHING, CONFIG, query=query, k=5)


# The same answer however it is called


def everything(library, one, slot, success, query):
    """All functions of a library once."""
    library, insertion = insert(library, one, CONFIG, merge_threshold=0.6)
    library = record_outcome(library, slot, success)
    by_query, by_rate = (retrieve(library, ANYTHING, CONFIG, query=q, k=3) for q in (query, None))
    return library, insertion, by_query, by_rate, summary(library, CONFIG)


def test_vmap_equals_a_loop_equals_no_jit():
    count = 17
    libraries = [random_library(seed) for seed in range(count)]
    others = [(skill(seed, seed % 8), jnp.int32(seed % 6 - 1), jnp.asarray(seed % 2 == 0), jnp.eye(4)[seed % 4])
              for seed in range(count)]  # fmt: skip
    examples = [(library, *other) for library, other in zip(libraries, others, strict=True)]
    alone = [jax.jit(everything)(*example) for example in examples]
    batch = jax.jit(jax.vmap(everything))(*jax.tree.map(lambda *parts: jnp.stack(parts), *examples))
    chex.assert_trees_all_equal(batch, jax.tree.map(lambda *parts: jnp.stack(parts), *alone))
    assert 0 < int(batch[1].merged.sum()) < count
    library, one, slot, success, _ = examples[4]
    unjitted, insertion = insert(library, one, CONFIG, merge_threshold=0.6)
    chex.assert_trees_all_equal((record_outcome(unjitted, slot, success), insertion), alone[4][:2])


def test_the_mean_rate_has_the_same_bits_in_any_batch():
    config, rng = LibraryConfig(capacity=33), np.random.default_rng(0)
    ids, successes, failures = (rng.integers(low, 50, (300, 33)).astype(np.int32) for low in (-1, 0, 0))

    def mean_rate(*numbers):
        changes = dict(zip(("skill_ids", "success_counts", "failure_counts"), numbers, strict=True))
        return summary(dataclasses.replace(empty(config), **changes), config).mean_success_rate

    alone = jax.jit(lambda numbers: jax.lax.map(lambda row: mean_rate(*row), numbers))((ids, successes, failures))
    for width in (7, 300):
        batch = jax.jit(jax.vmap(mean_rate))(ids[:width], successes[:width], failures[:width])
        np.testing.assert_array_equal(batch, alone[:width])


@pytest.mark.parametrize("num_predicates", (1, 3, 8, 9, 17))
def test_conditions_that_are_packed_hold_where_their_predicates_do(num_predicates):
    rng = np.random.default_rng(num_predicates)
    asked, wanted = rng.random((2, num_predicates, 200)) < [[[0.2]], [[0.5]]]
    now = rng.random(num_predicates) < 0.5
    expected = np.all(~asked | (wanted == now[:, None]), axis=0)
    assert 0 < expected.sum() < 200
    found = packed_hold(*(packed(jnp.asarray(bits)) for bits in (asked, wanted, now)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("changes", "text"),
    (
        ({"capacity": 0}, "capacity=0 is below 1; give at least 1"),
        ({"embedding_size": 2}, "embedding_size=2 is below 3; give at least 3"),
        ({"eviction": "fifo"}, "eviction='fifo' is unknown; choose from lru, "),
        ({"counting": "both"}, "counting='both' is unknown; choose from outcomes, tutorial"),
    ),
)
def test_a_config_checks_itself(changes, text):
    with pytest.raises(ValueError) as caught:
        LibraryConfig(**changes)
    assert text in str(caught.value)
