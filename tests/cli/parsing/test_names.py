"""Names are refused before jax is there as they are later."""

import pytest

from procmem_jax.cli.parsing.names import check_names
from procmem_jax.experiments import preset_names, presets


def test_the_presets_are_those_of_the_library():
    assert preset_names.PRESETS == presets.PRESETS
    assert preset_names.DEFAULT_PRESET == presets.DEFAULT_PRESET


@pytest.mark.parametrize("preset", preset_names.PRESETS)
@pytest.mark.parametrize("task", ["random-5", "tutorial-4", "xland:MiniGrid-DoorKey-5x5", "mine:world"])
def test_names_that_there_are_or_that_are_left_to_others(task, preset):
    check_names(task, preset)


@pytest.mark.parametrize(
    ("task", "preset"),
    [("rnadom-5", "default"), ("random-2", "default"), ("random", "default"), ("random-5", "defalt"), ("x", "y")],
)
def test_the_complaint_is_the_librarys(task, preset):
    with pytest.raises(ValueError) as early:
        check_names(task, preset)
    with pytest.raises(ValueError) as late:
        presets.make_experiment(task, preset)
    assert str(early.value) == str(late.value)
