"""A sweep written down in a TOML file.

The names are those of the options of `procmem sweep`, with tables for what is set, listed and drawn:

    task = "random-8"
    seeds = 64
    episodes = 200

    [set]
    sticky = 0.1

    [grid]
    capacity = [16, 64, 256]

    [random]
    count = 50
    distance_cost = "0.02:0.5:log"
"""

import pathlib
import tomllib
from collections.abc import Mapping
from typing import Any

from procmem_jax.near_misses import choose_from

_KINDS = {
    "task": str,
    "preset": str,
    "explorer": str,
    "memory": str,
    "seeds": int,
    "episodes": int,
    "seed": int,
    "every": int,
    "summary_only": bool,
    "out": str,
    "set": dict,
    "grid": dict,
    "random": dict,
}
_WORDS = {str: "text", int: "a whole number", bool: "true or false", dict: "a table"}


def read_sweep_file(path: pathlib.Path) -> dict[str, Any]:
    """Returns what a TOML file says of a sweep, by the names of the options; `random` as (count, texts of ranges).

    Raises:
        ValueError: the file cannot be read, a name is unknown, or a value is of another kind.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin files with a mark
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"config={path} cannot be read as TOML ({error})") from None
    except RecursionError:
        raise ValueError(f"config={path} cannot be read as TOML (nested too deep)") from None
    for name, value in content.items():
        if name not in _KINDS:
            raise ValueError(f"config={path}: {name!r} is unknown; {choose_from(name, _KINDS)}")
        if type(value) is not _KINDS[name]:
            raise ValueError(f"config={path}: {name}={value!r} is not {_WORDS[_KINDS[name]]}; give that")
    for name, values in content.get("grid", {}).items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"config={path}: grid.{name}={values!r} is not a list of values; give a list")
    if "random" in content:
        content["random"] = _random(path, content["random"])
    return content


def _random(path: pathlib.Path, table: Mapping[str, Any]) -> tuple[int, list[str]]:
    ranges = dict(table)
    count = ranges.pop("count", None)
    if type(count) is not int or count < 1:
        raise ValueError(
            f"config={path}: random.count={count!r} is not a number of points; give a whole number, as in count = 50"
        )
    for name, text in ranges.items():
        if not isinstance(text, str):
            raise ValueError(f'config={path}: random.{name}={text!r} is not text; give "LOW:HIGH" or "LOW:HIGH:log"')
    return count, [f"{name}={text}" for name, text in ranges.items()]
