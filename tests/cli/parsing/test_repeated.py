"""Options that come more than once."""

import pytest

from procmem_jax.cli.parsing.repeated import join_repeated


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", ""),
        ("run --agent 3 --quiet", "run --agent 3 --quiet"),
        ("--set a=1 --seed 3 --set b=2 c=3", "--set a=1 b=2 c=3 --seed 3"),
        ("--set=a=1 --grid x=1 --set=b=2 --grid y=2", "--set a=1 b=2 --grid x=1 y=2"),
        ("--quiet --seed 3 --quiet", "--quiet --seed 3"),
        ("--agents -1 --set a=1", "--agents -1 --set a=1"),
        ("show run -- --out --out", "show run -- --out --out"),
    ],
)
def test_values_add_up(given, read):
    assert join_repeated(given.split()) == read.split()


@pytest.mark.parametrize(
    "given", ["--seed 1 --seed 2", "--seed=1 --seed 1", "--num-processes 1 --num_processes 2", "--no-skills --skills"]
)
def test_other_options_come_once(given):
    with pytest.raises(ValueError, match="is given twice; give it once"):
        join_repeated(given.split())
