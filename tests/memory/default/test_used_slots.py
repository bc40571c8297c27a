"""Looking at the used slots alone gives the same bits, and looks at no more slots than the batch needs."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from procmem_jax.memory.default import used_slots
from procmem_jax.memory.default.choice import Situation, least_expected_cost, make_index
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.default.used_slots import over_used_slots, prefix_sizes, times_that_serve
from procmem_jax.memory.library import empty
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays

CAPACITY = 96
CONFIG = LibraryConfig(capacity=CAPACITY, embedding_size=4, max_skill_length=6)
NUMBERS = as_arrays(DefaultMemoryParams(match_tolerance=1.2, merge_threshold=0.9, retire_rate=0.3))
BLANK = empty(CONFIG)
SIZES = (4, 8, 12)


@pytest.mark.parametrize("capacity", (1, 63, 64, 65, 128, 129, 256, 512, 1000, 65536))
def test_there_are_few_sizes_the_last_of_which_holds_every_slot(capacity):
    sizes = prefix_sizes(capacity)
    assert sizes == tuple(sorted(set(sizes)))
    assert sizes[-1] == capacity
    assert len(sizes) <= 3
    assert (sizes[0], len(sizes) > 1) == ((64, True) if capacity > 64 else (capacity, False))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(used_slots, "prefix_sizes", lambda capacity: SIZES)


def size_looked_at(used):
    return over_used_slots(lambda column: jnp.full((), column.shape[-1], jnp.int32), used, used)


def used_until(*ends):
    """Libraries whose last used slot is before `ends`, with holes below."""
    slots, last = np.arange(SIZES[-1]), np.array(ends)[..., None] - 1
    return jnp.array((slots == last) | ((slots < last) & (slots % 3 == 1)))


def sizes_for(*ends):
    return [next(size for size in SIZES if size >= end) for end in ends]


def test_a_batch_looks_at_as_many_slots_as_its_fullest_library_needs(small):
    if jax.default_backend() != "cpu":
        pytest.skip("for a CPU")
    batched = jax.jit(jax.vmap(size_looked_at))
    nested = jax.jit(jax.vmap(jax.vmap(size_looked_at)))
    ends = (0, 1, 4, 5, 8, 9, 12)
    assert [int(size_looked_at(used)) for used in used_until(*ends)] == sizes_for(*ends)
    for batch in ((0, 0), (1, 4), (4, 5), (8, 1), (3, 9)):
        assert batched(used_until(*batch)).tolist() == sizes_for(max(batch)) * 2
    for batch in (((1, 2), (3, 4)), ((1, 2), (7, 4)), ((9, 2), (3, 4))):
        assert np.unique(nested(jnp.stack([used_until(*row) for row in batch]))).tolist() == sizes_for(
            max(map(max, batch))
        )


def test_a_loop_runs_as_often_as_the_batch_needs():
    if jax.default_backend() != "cpu":
        pytest.skip("for a CPU")

    def turns(number):
        return jax.lax.fori_loop(0, times_that_serve(number, 9), lambda _, turns: turns + 1, 0)

    needed = jnp.array([[0, 3], [2, 1]], jnp.int32)
    assert jax.jit(jax.vmap(turns))(needed[0]).tolist() == [3, 3]
    assert jax.jit(jax.vmap(jax.vmap(turns)))(needed).tolist() == [[3, 3], [3, 3]]
    assert [int(turns(number)) for number in needed[1]] == [2, 1]
    lowered = jax.jit(jax.vmap(turns)).trace(needed[0]).lower(lowering_platforms=("cuda",))
    assert "dense<9>" in lowered.as_text()  # what its host need not be told


def test_each_device_looks_at_what_its_own_part_needs(small):
    if jax.device_count() < 2 or jax.default_backend() != "cpu":
        pytest.skip("for two CPU devices")
    mesh, lanes = Mesh(np.array(jax.devices()[:2]), ("lanes",)), PartitionSpec("lanes")
    split = jax.shard_map(jax.vmap(size_looked_at), mesh=mesh, in_specs=lanes, out_specs=lanes, check_vma=False)
    assert jax.jit(split)(used_until(1, 4, 6, 2)).tolist() == [4, 4, 8, 8]


def situation_of(seed: int, kind: str) -> Situation:
    """A random library, in which many skills cost the same, and a situation."""
    rng = np.random.default_rng(seed)
    slots = np.arange(CAPACITY)
    used = {
        "empty": slots < 0,
        "few": slots < 40,
        "holes": (slots < 80) & (rng.random(CAPACITY) < 0.3),
        "last": slots == CAPACITY - 1,
        "full": slots >= 0,
    }[kind]
    vectors = rng.integers(-1, 2, (CAPACITY + 1, 4)).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1)
    counts = rng.integers(0, 4, (2, CAPACITY)).astype(np.int32)
    fields = {
        "embeddings": vectors[1:],
        "lengths": rng.integers(1, 4, CAPACITY).astype(np.int8),
        "pre_mask": rng.random((CAPACITY, 3)) < 0.3,
        "pre_value": rng.random((CAPACITY, 3)) < 0.5,
        "success_counts": counts[0],
        "failure_counts": counts[1],
        "skill_ids": np.where(used, slots, -1).astype(np.int32),
    }
    library = dataclasses.replace(jax.tree.map(np.asarray, BLANK), **fields)
    percept = Percept(rng.random(3) < 0.5, np.zeros(2, np.float32), np.uint32(seed))
    return Situation(percept, vectors[0], library, None, np.int32(0), percept.predicates)


@functools.cache
def situations():
    """Some of each kind, `[5, 3]`."""
    kinds = ("empty", "few", "holes", "last", "full")
    each = [situation_of(seed, kind) for seed, kind in enumerate(kind for kind in kinds for _ in range(3))]
    return jax.tree.map(lambda *leaves: np.stack(leaves).reshape(5, 3, *leaves[0].shape), *each)


def choose(one):
    """One situation, whose index is yet to be made."""
    one = dataclasses.replace(one, index=make_index(one.library))
    return least_expected_cost(one, NUMBERS)


def test_the_choice_is_the_same_bit_for_bit(monkeypatch):
    """Alone, and in a batch of batches."""
    every = situations()
    with monkeypatch.context() as patched:
        patched.setattr(used_slots, "prefix_sizes", lambda capacity: (capacity,))
        whole = jax.jit(jax.vmap(jax.vmap(choose)))(every)
    assert 0.2 < np.mean(whole.found) < 0.9
    same(jax.jit(jax.vmap(jax.vmap(choose)))(every), whole)
    alone = jax.jit(choose)
    for place in itertools.product(range(5), range(3)):
        one, expected = jax.tree.map(lambda leaf, at=place: leaf[at], (every, whole))
        same(alone(one), expected)


def same(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_a_cpu_branches_for_a_whole_batch_and_a_gpu_does_not():
    batch = jax.tree.map(lambda leaf: leaf[:, 0], situations())
    traced = jax.jit(jax.vmap(choose)).trace(batch)
    assert "5x4x64xf32" not in traced.lower(lowering_platforms=("cuda",)).as_text()
    on_cpu = traced.lower(lowering_platforms=("cpu",))
    assert "5x4x64xf32" in on_cpu.as_text()
    if jax.default_backend() == "cpu":
        assert on_cpu.compile().as_text().count(" conditional(") == 1
