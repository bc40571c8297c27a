"""Checks at the door: what is known raises, what is traced becomes a condition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.memory.checks import all_inside, as_checked, as_float32, inside, is_traced, narrow


def test_what_is_traced():
    assert not any(map(is_traced, (1, None, np.ones(2), jnp.ones(2))))
    seen = []
    for call in (jax.jit, jax.vmap, jax.eval_shape):
        result = call(lambda x: seen.append(is_traced(x)), *[jnp.ones(2)] * (call is jax.eval_shape))
        if call is not jax.eval_shape:
            result(jnp.ones(2))
    assert seen == [True] * 3


@pytest.mark.parametrize("dtype", (np.int8, np.uint8, np.int16, np.uint32, np.int64))
def test_bounds_beyond_a_dtype_bind_nothing(dtype):
    values = np.array([0, 1, 127], dtype)
    for value in (values, jnp.asarray(values)):
        assert inside(value, -1, 2**31 - 1).tolist() == [True] * 3
        assert inside(value, 1, 100).tolist() == [False, True, False]


def test_narrowed_numbers_do_not_wrap():
    values = np.array([-(2**40), -1, 3, 200, 2**40])
    assert narrow(values, 0, 127, np.int8).tolist() == [0, 0, 3, 127, 127]
    assert jax.jit(lambda x: narrow(x, -1, 300, jnp.int32))(np.uint8([0, 255])).tolist() == [0, 255]


def test_what_is_traced_becomes_a_condition():
    assert all_inside("x", np.array([1, 2]), 1, 2) is True
    found = jax.jit(lambda x: all_inside("x", x, 1, 2))
    assert [bool(found(jnp.array(x))) for x in ([1, 2], [0, 1], [2, 3])] == [True, False, False]
    with pytest.raises(ValueError, match="x=7 is outside 1 to 2; give less"):
        all_inside("x", np.array([1, 7, 8]), 1, 2, "give less")


@pytest.mark.parametrize(
    ("value", "kind", "allowed"),
    (
        (1, "whole numbers", True),
        (jnp.ones((), jnp.bfloat16), "real numbers", True),
        (1, "real numbers", True),
        (True, "whole numbers", False),
        (True, "real numbers", False),
        (1j, "real numbers", False),
        (None, "booleans", False),
        ("text", "whole numbers", False),
    ),
)
def test_kinds(value, kind, allowed):
    if allowed:
        assert as_checked("x", value, kind).shape == ()
        return
    with pytest.raises(TypeError, match=f"x is of kind .*, not {kind}; give {kind}"):
        as_checked("x", value, kind)


def test_float32():
    assert as_float32(np.array([1e300, -1e300, 0.5])).tolist() == [np.inf, -np.inf, 0.5]
    assert as_float32(np.array([3, 4])).dtype == jnp.float32
