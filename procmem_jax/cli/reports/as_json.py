"""What a command found, for programs: one JSON value on stdout."""

import json
import math
import os
from typing import Any


def print_json(found: Any) -> None:
    """Prints `found` as JSON; numbers that JSON has not (NaN, infinite) as null."""
    print(json.dumps(_plain(found), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # an array, or a number of NumPy's
        return _plain(value.tolist())
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
