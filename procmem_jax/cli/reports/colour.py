"""Colour on a terminal."""

import os
import sys
from typing import IO

BOLD, RED, GREEN = "1", "1;31", "1;32"  # codes of ECMA-48


def coloured(text: str, colour: str, stream: IO[str] | None = None) -> str:
    """Returns `text` in a colour where `stream` (by default stdout) is a terminal and NO_COLOR is not set."""
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    knows_codes = os.name != "nt" or "WT_SESSION" in os.environ
    if is_plain or not knows_codes or not (stream or sys.stdout).isatty():
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
