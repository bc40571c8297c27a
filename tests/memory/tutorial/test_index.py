"""The tutorial's choice by its index: what a search of the whole library finds, ties and empty slots included."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from procmem_jax.memory.library import SkillLibrary, empty
from procmem_jax.memory.retrieval import retrieve
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.tutorial.embedding import hashed_code_tables, tutorial_embedding, tutorial_query
from procmem_jax.memory.tutorial.index import make_index, most_similar

CAPACITY, LONGEST = 6, 5
CODES = jnp.asarray([0.0, 0.25, 0.5, 0.5, 0.999, 0.001], jnp.float32)


def config_of(size: int) -> LibraryConfig:
    return LibraryConfig(capacity=CAPACITY, embedding_size=size, max_skill_length=LONGEST, num_predicates=3)


def drawn_library(size: int, seed: int) -> SkillLibrary:
    """Skills in some of the slots, few of them different, so that many tie."""
    rng = np.random.default_rng(seed)
    library = empty(config_of(size))
    actions = rng.integers(0, 6, (CAPACITY, LONGEST)).astype(np.int8)
    lengths = rng.integers(1, LONGEST + 1, CAPACITY).astype(np.int8)
    contexts = CODES[rng.integers(0, len(CODES), (CAPACITY, 1))]
    before = rng.random((CAPACITY, 3)) < 0.5
    embed = jax.vmap(functools.partial(tutorial_embedding, action_codes=CODES, embedding_size=size))
    return dataclasses.replace(
        library,
        embeddings=embed(contexts, before, actions, lengths),
        pre_mask=jnp.asarray(rng.random((CAPACITY, 3)) < 0.6),
        pre_value=jnp.asarray(before),
        skill_ids=jnp.where(rng.random(CAPACITY) < 0.7, jnp.arange(CAPACITY, dtype=jnp.int32), -1),
    )


@functools.cache
def both_ways(size: int):
    """(library, context `[1]`, predicates `[3]`) -> the slot by the index, and that by a search of all."""

    def slots(library, context, predicates):
        query = tutorial_query(context, predicates, size)
        found = retrieve(library, predicates, config_of(size), query=query)
        return most_similar(make_index(library), query, predicates), found.slots[0]

    return jax.jit(slots)


@pytest.mark.parametrize("size", [3, 4, 5, 8, 16])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), bits=st.integers(0, 7), code=st.integers(0, 5))
def test_the_same_skill_as_by_a_search_of_the_whole_library(size, seed, bits, code):
    predicates = jnp.asarray([bits >> n & 1 for n in range(3)], jnp.bool_)
    by_index, by_search = both_ways(size)(drawn_library(size, seed), CODES[code, None], predicates)
    assert by_index == by_search


def test_the_lowest_of_equals_and_none_of_none():
    library = drawn_library(8, 0)
    anything = {"pre_mask": jnp.zeros((CAPACITY, 3), jnp.bool_), "embeddings": library.embeddings[jnp.zeros(6, int)]}
    predicates, query = jnp.zeros(3, jnp.bool_), tutorial_query(CODES[4, None], jnp.zeros(3, jnp.bool_), 8)

    def slot(*ids):
        equals = dataclasses.replace(library, skill_ids=jnp.asarray(ids, jnp.int32), **anything)
        return int(most_similar(make_index(equals), query, predicates))

    assert slot(-1, -1, 4, 3, -1, 0) == 2
    assert slot(*[-1] * CAPACITY) == -1


def test_every_query_is_zero_behind_what_the_index_keeps():
    codes = hashed_code_tables(jnp.uint32(3), 8, 6).position_codes.reshape(-1, 1)
    for bits in range(4):
        predicates = jnp.asarray([bits & 1, bits >> 1, 0], jnp.bool_)
        queries = jax.vmap(lambda code, now=predicates: tutorial_query(code, now, 8))(codes)
        assert not np.asarray(queries)[:, make_index(drawn_library(8, 0)).heads.shape[0] :].any()
