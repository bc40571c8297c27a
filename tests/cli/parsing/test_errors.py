"""Errors in the words of who typed the command."""

import pytest

from procmem_jax.cli.parsing.errors import error_line


@pytest.mark.parametrize(
    ("text", "typed", "line"),
    [
        ("num_agents=0 is below 1", "train --agents 0", "--agents=0 is below 1"),
        ("num_agents=0 is below 1", "train --agents=0", "--agents=0 is below 1"),
        ("checkpoint_every=-1.0 is below 0", "train --checkpoint-every -1", "--checkpoint-every=-1.0 is below 0"),
        ("num_processes=0 is", "train --num_processes 0", "--num-processes=0 is"),
        ("preset='x' is unknown", "presets x", "preset='x' is unknown"),
        ("size=3 is\n below 4", "train --set size=3", "size=3 is below 4"),
    ],
)
def test_what_was_typed_is_named(text, typed, line):
    assert error_line(ValueError(text), typed.split()) == line


def test_what_is_no_words_of_ours():
    assert error_line(MemoryError(), []).startswith("there is not enough memory (MemoryError); use fewer agents")
    assert error_line(KeyError(), []) == "KeyError"
