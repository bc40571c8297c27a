"""--grid, --random and --shard."""

import pytest

from procmem_jax.cli.parsing.sweep_texts import parse_grid, parse_points, parse_ranges, parse_shard
from procmem_jax.experiments.sweeps.ranges import Range
from procmem_jax.experiments.sweeps.spec import Shard


def test_grid_and_ranges_are_read():
    assert parse_grid(["a=1,2", "b=x"]) == {"a": ["1", "2"], "b": ["x"]}
    assert parse_ranges(["a=0:1", "b=1e-3:2:log"]) == {"a": Range(0, 1), "b": Range(0.001, 2, log=True)}


@pytest.mark.parametrize("text", ["", "a", "a=", "=1", "a=1,,2", "a=1,"])
def test_bad_grids(text):
    with pytest.raises(ValueError, match="is not NAME=VALUE,VALUE"):
        parse_grid([text])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a", "is not NAME=LOW:HIGH"),
        ("a=1", "is not NAME=LOW:HIGH"),
        ("a=1:2:exp", "is not NAME=LOW:HIGH"),
        ("a=1:x", "is not a number"),
        ("a=2:1", "is empty or endless"),
        ("a=1:1", "is empty or endless"),
        ("a=0:inf", "is empty or endless"),
        ("a=nan:1", "is empty or endless"),
        ("a=0:1:log", "needs LOW above 0"),
    ],
)
def test_bad_ranges(text, why):
    with pytest.raises(ValueError, match=why):
        parse_ranges([text])


@pytest.mark.parametrize("parse", [parse_grid, parse_ranges])
def test_a_name_comes_once(parse):
    with pytest.raises(ValueError, match="names a twice"):
        parse(["a=1:2", "a=1:2"])


def test_points_are_counted_first():
    assert parse_points(("50", "a=0:1", "b=0:1")) == (50, ["a=0:1", "b=0:1"])
    for count in ("a=0:1", "0", "-1", "1.5", ""):
        with pytest.raises(ValueError, match=f"--random begins with '{count}'; begin with the number of points"):
            parse_points((count, "a=0:1"))


def test_a_shard_is_read():
    assert parse_shard("2/7") == Shard(2, 7)


@pytest.mark.parametrize("text", ["0/3", "5/3", "1", "1/0", "-1/3", "1/3/5", "a/b", "1/ 3"])
def test_bad_shards(text):
    with pytest.raises(ValueError, match=f"shard={text} is not i/n with i from 1 to n"):
        parse_shard(text)
