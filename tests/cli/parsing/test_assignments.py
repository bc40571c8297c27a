"""--set."""

import pytest

from procmem_jax.cli.parsing.assignments import parse_assignments


def test_assignments():
    assert parse_assignments([]) == {}
    assert parse_assignments(["a=1", "b=x=y", "c= "]) == {"a": "1", "b": "x=y", "c": " "}


@pytest.mark.parametrize("text", ["capacity", "=3", "capacity=", "", "="])
def test_arguments_that_assign_nothing(text):
    with pytest.raises(ValueError, match="--set '.*' is not NAME=VALUE; write for instance capacity=64"):
        parse_assignments([text])


def test_a_name_given_twice():
    with pytest.raises(ValueError, match="--set names capacity twice; give it once"):
        parse_assignments(["capacity=3", "epsilon=0", "capacity=4"])
