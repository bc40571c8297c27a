"""What a memory of one's own inherits."""

import dataclasses
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import pytest

from memory.handmade import as_library, plain_skill
from procmem_jax.memory.library import EMPTY, SkillLibrary, empty
from procmem_jax.memory.protocol import Memory, NoParams
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import setting, state_record

CONFIG = LibraryConfig(capacity=4, embedding_size=4)
SKILLS = as_library([plain_skill(0, uses=3), None, plain_skill(1, uses=2)], CONFIG)


class Pair(NamedTuple):
    library: SkillLibrary
    other: jax.Array


@state_record
class Recorded:
    library: SkillLibrary
    other: jax.Array


@dataclasses.dataclass(frozen=True)
class Bare(Memory):
    """Nothing but what is inherited."""


@dataclasses.dataclass(frozen=True)
class Learning(Memory):
    learn: bool = setting(True, "whether it learns")


@pytest.mark.parametrize("kind", (Pair, Recorded, lambda library, other: library), ids=("tuple", "record", "bare"))
def test_a_state_with_skills_may_be_of_any_kind(kind):
    memory, state = Bare(), kind(empty(CONFIG), jnp.int32(7))
    assert (int(memory.num_skills(state)), int(memory.num_uses(state))) == (0, 0)
    after = memory.with_library(state, SKILLS)
    chex.assert_trees_all_equal(after, kind(SKILLS, jnp.int32(7)))
    assert memory.library(after) is SKILLS
    assert (int(memory.num_skills(after)), int(memory.num_uses(after))) == (2, 5)
    assert memory.num_skills(after).dtype == memory.num_uses(after).dtype == jnp.int32
    chex.assert_trees_all_equal(memory.library(state), empty(CONFIG))  # as it was


@pytest.mark.parametrize(
    "state", ((), {"table": 1}, (empty(CONFIG), 1), Pair(None, 1)), ids=("nothing", "dict", "no field", "no library")
)
def test_a_state_without_skills_takes_none(state):
    memory = Bare()
    assert memory.library(state) is None
    assert (int(memory.num_skills(state)), int(memory.num_uses(state))) == (0, 0)
    with pytest.raises(ValueError) as caught:
        memory.with_library(state, SKILLS)
    assert str(caught.value) == "Bare has no skills; use another memory to start from a library"


def test_what_is_inherited_does_nothing():
    memory, state, no = Bare(), Pair(SKILLS, jnp.int32(7)), jnp.zeros((), jnp.bool_)
    assert (memory.settles, memory.period, memory.keeps_still, memory.default_params()) == (False, 0, False, NoParams())
    assert memory.for_environment(None, None) is memory and memory.make_inputs(jnp.uint32(0), 6) is None
    assert memory.view("percept", None, None) == "percept"
    assert memory.enter(state, None, no, None) is state
    assert memory.end_episode(state, None, no, None, no) is state
    assert memory.consolidate(state, None, no) is state
    assert memory.is_unconsolidated(state)
    assert memory.running(state).slot == EMPTY and not memory.is_busy(state)
    assert memory.library_config(2, 5).num_predicates == 2
    assert memory.embedding_name(5).endswith(":Bare of 5 coordinates")


@pytest.mark.parametrize(
    ("method", "args", "signature"),
    (
        ("begin", (None, None), "begin(percept, params)"),
        ("decide", (None,) * 4, "decide(state, percept, word, params)"),
        ("observe", (None,) * 4, "observe(state, step, params, enabled)"),
    ),
)
def test_what_must_be_written_says_so(method, args, signature):
    with pytest.raises(NotImplementedError) as caught:
        getattr(Bare(), method)(*args)
    assert str(caught.value) == f"Bare lacks {signature}"


def test_a_memory_that_settles_must_say_when():
    class Settling(Memory):
        settles = True

    with pytest.raises(NotImplementedError, match=r"Settling settles, but lacks is_unsettled\(state\)"):
        Settling().is_unsettled(())


def test_a_memory_is_frozen_by_its_own_setting_or_not_at_all():
    assert Learning().frozen() == Learning(learn=False)
    assert Bare().frozen() is None
