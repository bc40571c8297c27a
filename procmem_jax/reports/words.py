"""Runs, intervals and settings in words, for pages, tables and a notebook."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from procmem_jax.experiments.statistics.headline import Bounds

# Scores of a headline: (key, words, factor, digits, unit).
SCORES = (
    ("success", "success", 100.0, 1, "%"),
    ("steps", "steps per episode", 1.0, 1, ""),
    ("steps_over_optimal", "steps over the fewest possible", 1.0, 2, ""),
)
_BESIDE_SETTINGS = ("preset", "memory", "explorer", "warm_start", "other_numbers", "other_fields")


def run_words(stored: Mapping[str, Any]) -> str:
    """Returns what a run was, of its `config.json`.

    Raises:
        KeyError, TypeError, ValueError: something is missing or of another kind.
    """
    memory = "" if stored["settings"]["use_skills"] else ", memory off"
    who = f"{int(stored['agents']):,} agents x {int(stored['episodes']):,} episodes, seed {stored['seed']}"
    return f"{stored['task']}, preset {stored['preset']}{memory}: {who}"


def bounds_words(bounds: Sequence[float], factor: float = 1.0, digits: int = 1, unit: str = "") -> str:
    """Returns "97.2% [95.1, 98.6]" of (value, low, high), without brackets where the interval is unknown."""
    value, low, high = (factor * bound for bound in bounds)
    text = f"{value:,.{digits}f}{unit}"
    return text if math.isnan(low) else f"{text} [{low:,.{digits}f}, {high:,.{digits}f}]"


def headline_lines(found: Mapping[str, Bounds | int]) -> list[str]:
    """Returns the headline of a run (see `statistics.headline`) as lines of text."""
    count = found["episodes"]
    lines = [f"last {count} episodes, mean over agents [95% interval], and in the first {count}:"]
    for key, words, factor, digits, unit in SCORES:
        if key in found:
            shown = bounds_words(found[key], factor, digits, unit)
            lines.append(f"{words} {shown}, at first {factor * found[f'first_{key}'][0]:,.{digits}f}{unit}")
    return [*lines, f"skills in the library {bounds_words(found['skills'])}"]


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
