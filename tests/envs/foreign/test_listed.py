"""A percept made of a list of facts and offsets."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import LENGTH, Corridor
from procmem_jax import with_memory
from procmem_jax.envs import AdaptedState, ProjectedPercept
from procmem_jax.envs.foreign.listed import ListedPercept, as_percept


def lit(obs, state, params):
    return jnp.asarray(state.env["lamp"])


def rewarded(obs, state, params):
    return state.rewarded


def to_lamp(obs, state, params):
    return LENGTH - 1 - obs


def ends(obs, state, params):
    return [obs == 0, obs == LENGTH - 1]


FACTS = [("lamp", lit), ("at_lamp", rewarded)]


def look(percept, place, lamp=False):
    no = jnp.zeros((), jnp.bool_)
    return percept(jnp.asarray(place), AdaptedState({"lamp": lamp}, no, no, jnp.zeros((), jnp.int32)), None)


def test_facts_are_predicates_and_offsets_the_context():
    percept = dataclasses.replace(as_percept(FACTS, [to_lamp, ends]), projected=ProjectedPercept(resolution=1.0))
    found = look(percept, 8, lamp=True)
    assert percept.predicate_names == ("lamp", "at_lamp") and found.predicates.tolist() == [True, False]
    assert found.context.tolist() == [0.0, 0.0, 1.0] and found.context.dtype == jnp.float32
    prints = [int(look(percept, place).fingerprint) for place in (0, 1, 8)]
    assert len(set(prints)) == 3 and prints[2] == found.fingerprint
    projected = ProjectedPercept(resolution=1.0)
    np.testing.assert_array_equal(
        look(ListedPercept(tuple(FACTS), (), projected), 3).context, look(projected, 3).context
    )


def test_with_memory_takes_a_list():
    config, _ = with_memory(Corridor(), FACTS, offsets=to_lamp, max_steps=30)
    environment = config.environment
    assert (environment.predicate_names, environment.context_size) == (("lamp", "at_lamp"), 1)
    assert environment.has_success and environment.perceive.projected.resolution is not None
    assert config == with_memory(Corridor(), list(FACTS), offsets=[to_lamp], max_steps=30)[0]
    assert "(lamp=" in environment.percept_name and "test_listed:lit, " in environment.percept_name
    assert " at 0x" not in environment.percept_name
    alone, _ = with_memory(Corridor(), offsets=to_lamp, max_steps=30)
    assert alone.environment.predicate_names == ("rewarded",) and not alone.environment.has_success


@pytest.mark.parametrize(
    ("perceive", "offsets", "error", "text"),
    [
        ([lit], None, TypeError, r"fact <function lit .*> is no \(name, function\); give pairs"),
        (("lamp", lit), None, TypeError, r"fact 'lamp' is no \(name, function\); give pairs"),
        ([("lamp", lit), ("lamp", rewarded)], None, ValueError, "facts lamp, lamp have one name twice"),
        ([("place", to_lamp)], None, TypeError, r"fact 'place' gives int32\[\]; give one bool"),
        (FACTS, [3], TypeError, "offset 3 is a int; give a function"),
        (lit, to_lamp, ValueError, "offsets are given beside a function perceive, which makes the context"),
    ],
)
def test_lists_that_are_none(perceive, offsets, error, text):
    with pytest.raises(error, match=text):
        with_memory(Corridor(), perceive, offsets=offsets, max_steps=30)
