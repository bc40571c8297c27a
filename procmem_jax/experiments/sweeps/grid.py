"""Which settings a sweep has: every combination of listed values, and values drawn at random from ranges."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from procmem_jax.agents.settings import Config, Params
from procmem_jax.experiments.overrides import Setting, list_settings
from procmem_jax.experiments.sweeps.ranges import Range, count_settings
from procmem_jax.experiments.sweeps.spec import SweptSetting
from procmem_jax.near_misses import choose_from
from procmem_jax.records import check_count

_DIGITS = 6  # of a drawn number: what is printed gives the same run again
_PATIENCE = 30  # draws without a new point, per point that there is, until the ranges count as exhausted


def make_settings(
    make: Callable[[Mapping[str, Any]], tuple[Config, Params]],
    grid: Mapping[str, Sequence[Any]],
    ranges: Mapping[str, Range],
    num_random: int,
    seed: int,
) -> tuple[SweptSetting, ...]:
    """Returns the settings of a sweep: every combination of the grid's values, the last name fastest.

    Settings that share a compiled program follow each other, in the order in which their programs first appear. With
    ranges, each combination is joined with each of `num_random` points drawn from them; the first points are the
    same however many are drawn. Numbers are rounded to six digits, so that `--set` gives the same run again. A point
    that was drawn already is drawn again; ranges that hold fewer points than asked for give all that they hold.

    Args:
        make: returns the config and params with some settings replaced (see `presets.make_experiment`).
        grid: values, or texts of them, by name.
        ranges: by name.
        num_random: points to draw, 0 without ranges.
        seed: of the draws.

    Raises:
        TypeError, ValueError: a name is unknown or comes in both; a value is of the wrong kind, out of bounds, or comes
            twice; there are ranges without points or points without ranges.
    """
    check_count("num_random", num_random, 0, 2**63 - 1)
    count_settings(grid, num_random)
    known = {setting.name: setting for setting in list_settings(*make({}))}
    both = [name for name in grid if name in ranges]
    if both:
        raise ValueError(f"{both[0]} is in --grid and in --random; give it in one of them")
    if bool(ranges) != (num_random > 0):
        raise ValueError(f"--random draws {num_random} points from {len(ranges)} ranges; give a count and ranges")
    points = _draw_points(known, ranges, num_random, seed)
    settings = []
    for values in itertools.product(*grid.values()):
        for point in points:
            settings.append(_make_setting(make, dict(zip(grid, values, strict=True)) | point))
    _check_distinct(settings)
    return _by_program(settings)


def _by_program(settings: Sequence[SweptSetting]) -> tuple[SweptSetting, ...]:
    places = {config: place for place, config in enumerate(dict.fromkeys(setting.config for setting in settings))}
    return tuple(sorted(settings, key=lambda setting: places[setting.config]))


def _make_setting(
    make: Callable[[Mapping[str, Any]], tuple[Config, Params]], overrides: dict[str, Any]
) -> SweptSetting:
    config, params = make(overrides)
    found = {setting.name: setting.value for setting in list_settings(config, params)}
    return SweptSetting({name: found[name] for name in overrides}, config, params)


def _draw_points(
    known: Mapping[str, Setting], ranges: Mapping[str, Range], count: int, seed: int
) -> list[dict[str, int | float]]:
    """Returns one point {} without ranges."""
    if not ranges:
        return [{}]
    for name in ranges:
        if name not in known:
            raise ValueError(f"setting {name!r} is unknown; {choose_from(name, sorted(known))}")
        if known[name].kind not in ("int", "float"):
            raise ValueError(f"{name} is a {known[name].kind}, which has no range; list its values with --grid")
        _check_range(name, ranges[name], known[name].kind)
    generator = np.random.default_rng(seed)
    points: dict[tuple, dict[str, int | float]] = {}
    in_vain = 0
    while len(points) < count and in_vain < _PATIENCE * (len(points) + 1):
        row = generator.random(len(ranges))
        point = {name: _scale(drawn, ranges[name], known[name].kind) for name, drawn in zip(ranges, row, strict=True)}
        values = tuple(point.values())
        in_vain = in_vain + 1 if values in points else 0
        points.setdefault(values, point)
    return list(points.values())


def _check_range(name: str, drawn: Range, kind: str) -> None:
    if not isinstance(drawn, Range):
        raise TypeError(f"ranges: {name}={drawn!r} is a {type(drawn).__name__}; give a Range(low, high)")
    if kind == "int" and math.ceil(drawn.low) > math.floor(drawn.high):
        raise ValueError(f"{name} is a whole number, and {drawn.low:g}:{drawn.high:g} holds none; give a wider range")


def _scale(uniform: float, within: Range, kind: str) -> int | float:
    low, high = within.low, within.high
    if kind == "int":
        low, high = math.ceil(low), math.floor(high) + 1
    if within.log:
        value = math.exp(math.log(low) + uniform * (math.log(high) - math.log(low)))
    else:
        value = low + uniform * (high - low)
    if kind == "int":
        return min(math.floor(value), high - 1)
    return min(max(float(f"{value:.{_DIGITS}g}"), within.low), within.high)


def _check_distinct(settings: Sequence[SweptSetting]) -> None:
    seen = set()
    for setting in settings:
        values = tuple(setting.values.items())
        if values in seen:
            text = ", ".join(f"{name}={value}" for name, value in values)
            raise ValueError(f"the sweep has the setting {text} twice; list every value once")
        seen.add(values)
