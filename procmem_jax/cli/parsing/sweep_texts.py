"""Reading the options of `procmem sweep` that are small languages: --grid, --random and --shard."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from procmem_jax.experiments.sweeps.ranges import Range

if TYPE_CHECKING:
    from procmem_jax.experiments.sweeps.spec import Shard

_SHARD = re.compile(r"([0-9]+)/([0-9]+)")


def parse_grid(texts: Iterable[str]) -> dict[str, list[str]]:
    """Returns {name: texts of its values} of arguments of the form NAME=V1,V2,...

    Raises:
        ValueError: an argument has another form, or a name comes twice.
    """
    grid: dict[str, list[str]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        if not name or not values or not all(values.split(",")):
            raise ValueError(f"--grid {text!r} is not NAME=VALUE,VALUE,...; write for instance capacity=16,64")
        if name in grid:
            raise ValueError(f"--grid names {name} twice; give all its values at once")
        grid[name] = values.split(",")
    return grid


def parse_ranges(texts: Iterable[str]) -> dict[str, Range]:
    """Returns {name: range} of arguments of the form NAME=LOW:HIGH or NAME=LOW:HIGH:log.

    Raises:
        ValueError: an argument has another form, a name comes twice, or a range is empty.
    """
    ranges: dict[str, Range] = {}
    for text in texts:
        name, _, values = text.partition("=")
        parts = values.split(":")
        if not name or len(parts) not in (2, 3) or parts[2:] not in ([], ["log"]):
            raise ValueError(
                f"--random {text!r} is not NAME=LOW:HIGH[:log]; write for instance merge_threshold=0.8:0.99"
            )
        if name in ranges:
            raise ValueError(f"--random names {name} twice; give it once")
        try:
            low, high = float(parts[0]), float(parts[1])
        except ValueError:
            raise ValueError(f"--random {text!r}: {parts[0]} or {parts[1]} is not a number; give two numbers") from None
        try:
            ranges[name] = Range(low, high, len(parts) == 3)
        except ValueError as error:
            raise ValueError(f"--random {text!r}: {error}") from None
    return ranges


def parse_points(arguments: Sequence[str]) -> tuple[int, list[str]]:
    """Returns (number of points, texts of ranges) of the arguments of --random.

    Raises:
        ValueError: they do not begin with a number of points.
    """
    count, *ranges = arguments
    if not count.isdecimal() or int(count) < 1:
        raise ValueError(f"--random begins with {count!r}; begin with the number of points, as in 50 NAME=LOW:HIGH")
    return int(count), ranges


def parse_shard(text: str) -> "Shard":
    """Returns the shard that "i/n" names.

    Raises:
        ValueError: it has another form, or i is not one of 1 to n.
    """
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"shard={text} is not i/n with i from 1 to n; give for instance 1/4")
    from procmem_jax.experiments.sweeps.spec import Shard

    return Shard(int(match[1]), int(match[2]))
