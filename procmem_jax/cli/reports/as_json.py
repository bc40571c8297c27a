"""What a command found, for programs: one JSON value on stdout."""

import json
from typing import Any

from procmem_jax.experiments.storage.files import plain


def print_json(found: Any) -> None:
    """Prints `found` as JSON; numbers that JSON has not (NaN, infinite) as null."""
    print(json.dumps(plain(found), indent=2, allow_nan=False))
