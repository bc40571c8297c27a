"""Runs and settings in words, for pages and tables."""

from collections.abc import Mapping
from typing import Any

from procmem_jax.experiments.statistics.headline import bounds_words
from procmem_jax.experiments.statistics.intervals import Interval

_BESIDE_SETTINGS = ("preset", "memory", "explorer", "warm_start", "other_numbers", "other_fields")


def run_words(stored: Mapping[str, Any]) -> str:
    """Returns what a run was, of its `config.json`.

    Raises:
        KeyError, TypeError, ValueError: something is missing or of another kind.
    """
    memory = "" if stored["settings"]["use_skills"] else ", memory off"
    who = f"{int(stored['agents']):,} agents x {int(stored['episodes']):,} episodes, seed {stored['seed']}"
    return f"{stored['task']}, preset {stored['preset']}{memory}: {who}"


def interval_words(found: Interval, factor: float = 1.0, digits: int = 1, unit: str = "") -> str:
    """Returns an interval in words, without brackets where it is not known."""
    unknown = abs(found.low) == float("inf")
    bounds = (found.value, float("nan"), float("nan")) if unknown else (found.value, found.low, found.high)
    return bounds_words(bounds, factor, digits, unit)


def differing_settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Returns {name: (value in the first, in the second)} of what differs between two stored configs.

    Names: those of `_BESIDE_SETTINGS`, and settings; None where one has no such setting. What only one has because its
    memory or explorer is another, or its memory is on, is left out.
    """
    ours, theirs = first["settings"], second["settings"]
    pairs = {name: (first.get(name), second.get(name)) for name in _BESIDE_SETTINGS}
    others = any(pairs[name][0] != pairs[name][1] for name in ("memory", "explorer"))
    others |= ours["use_skills"] != theirs["use_skills"]
    for name in dict.fromkeys([*ours, *theirs]):
        if not others or (name in ours and name in theirs):
            pairs[name] = ours.get(name), theirs.get(name)
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def value_words(value: Any) -> str:
    """Returns a setting's value as it is typed; a dash for none, and few letters of what is long."""
    if value is None:
        return "–"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
