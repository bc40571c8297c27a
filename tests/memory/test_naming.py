"""Names of skills, as the tutorial has them where it has them."""

import numpy as np
import pytest

from procmem_jax.memory.naming import skill_name

NAMES = ("has_key", "door_open", "lamp_lit")


@pytest.mark.parametrize(
    ("label", "name"),
    ((-1, "navigate_4_steps"), (0, "acquire_key"), (1, "open_door_sequence"), (2, "reach_lamp_lit")),
)
def test_names(label, name):
    assert skill_name(label, 4, NAMES) == name
    assert skill_name(np.int8(label), np.int8(4), NAMES) == name


def test_the_tutorials_names_belong_to_predicates_and_not_to_positions():
    assert skill_name(0, 2, ("lamp_lit", "has_key")) == "reach_lamp_lit"
    assert skill_name(1, 2, ("lamp_lit", "has_key")) == "acquire_key"


@pytest.mark.parametrize("label", (-2, 3, 127))
def test_a_label_of_no_predicate(label):
    with pytest.raises(ValueError) as caught:
        skill_name(label, 4, NAMES)
    assert str(caught.value) == f"label={label} is outside -1 to 2; give a predicate's index"
