"""Bounded spaces as actions, and masks of several discrete ones as one; no package is needed."""

import types

import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.envs.foreign.forms.actions import number_actions
from procmem_jax.envs.foreign.suites.spaces import flat_mask, space_of


def space(shape, low, high, dtype="int32"):
    return space_of(types.SimpleNamespace(shape=shape, minimum=low, maximum=high, dtype=dtype))


def table(given):
    return number_actions(None, given)[0].table.value


def test_numbers_stand_for_arrays_the_last_element_fastest():
    pairs = table(space((2,), np.array([0, 5]), np.array([1, 7])))
    assert pairs.tolist() == [[x, y] for x in (0, 1) for y in (5, 6, 7)]
    assert table(space((2, 2), 0, 1))[6].tolist() == [[0, 1], [1, 0]]
    shifted = table(space((), 3, 6, "int8"))
    assert shifted.tolist() == [3, 4, 5, 6] and shifted.dtype == "int8"
    assert number_actions("kept", space((), 0, 2)) == ("kept", ("action_0", "action_1", "action_2"))


def test_masks_of_all_combinations_or_of_each_action():
    pairs = space((2,), (0, 0), (1, 2))
    whole = np.array([[True, False, True], [False, True, True]])
    assert flat_mask(jnp.asarray(whole), pairs).tolist() == whole.ravel().tolist()
    of_each = flat_mask(jnp.asarray([[True, False], [True, True]]), space((2,), 0, 2))
    assert of_each.tolist() == [True, True, False] + 6 * [False]
    assert flat_mask(jnp.asarray([True, False]), space((), 0, 1)).tolist() == [True, False]
    with pytest.raises(ValueError, match=r"a mask of shape \(3, 3\) does not fit actions of \(2, 3\) values"):
        flat_mask(jnp.ones((3, 3), bool), pairs)


def test_what_has_no_whole_bounds_is_a_box_or_left_alone():
    with pytest.raises(ValueError, match=r"continuous \(Box\)"):
        table(space((2,), -1.0, 1.0, "float32"))
    assert space_of({"left": 1}) == {"left": 1}
