"""What settings are drawn from, and how many there will be. Nothing here needs jax, so that it is told at once."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

MOST_SETTINGS = 100_000  # each takes some milliseconds to make and check


@dataclasses.dataclass(frozen=True)
class Range:
    """Where a setting is drawn from.

    Attributes:
        low, high: both included.
        log: whether its logarithm is uniform, not the number itself.

    Raises:
        ValueError: it is empty or endless, or `low` is not above 0 where the logarithm is drawn.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self):
        bounds = f"{self.low:g}:{self.high:g}"
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"{bounds} is empty or endless; give LOW below HIGH")
        if self.log and self.low <= 0:
            raise ValueError(f"{bounds}:log needs LOW above 0")


def count_settings(grid: Mapping[str, Sequence[Any]], num_random: int) -> int:
    """Returns how many settings a sweep would have, before any of them is made.

    Raises:
        TypeError: the values of a name are not a list.
        ValueError: there are too many, or too few.
    """
    for name, values in grid.items():
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise TypeError(f"grid: {name}={values!r} is a {type(values).__name__}; give a list of values")
        if len(values) == 0:
            raise ValueError(f"grid: {name} has no values; give at least one")
    number = math.prod(map(len, grid.values())) * max(num_random, 1)
    if number > MOST_SETTINGS:
        raise ValueError(
            f"the sweep has {number:,} settings, more than {MOST_SETTINGS:,}; list fewer values, or draw fewer points "
            "(--random)"
        )
    return number
