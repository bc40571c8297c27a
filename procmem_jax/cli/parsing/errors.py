"""Errors of a command as one line, in the words of who typed it."""

import os
import re
import sys
from collections.abc import Sequence

_SETTING = re.compile(r"(?:num_)?(\w+)=")


def error_line(error: BaseException, arguments: Sequence[str]) -> str:
    """Returns what an error says as one line; what was given as an option is called by the option's name.

    Args:
        error: any.
        arguments: of the command line.
    """
    missing = None if isinstance(error, (ValueError, TypeError, OSError)) else _missing_device()
    if missing is not None:
        return missing
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({text}); use fewer agents, episodes or slots"
    if isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" in text:
        return f"the device has not enough memory ({text}); use fewer agents, episodes or slots"
    typed = {option_name(argument) for argument in arguments if argument.startswith("--")}
    start = _SETTING.match(text)
    if start is None:
        return text
    for name in (start[0][:-1], start[1]):
        option = option_name(f"--{name}")
        if option in typed:
            return f"{option}={text[start.end() :]}"
    return text


def option_name(argument: str) -> str:
    """Returns the option that an argument such as "--num_processes=3" names, "--num-processes"."""
    return argument.partition("=")[0].replace("_", "-")


def is_expected(error: Exception) -> bool:
    """Whether an error needs no more than a line: it is not a mistake of ours that a traceback would show."""
    expected = (ValueError, TypeError, OSError, RuntimeError, MemoryError)
    return isinstance(error, expected) or _missing_device() is not None


def _missing_device() -> str | None:
    """Returns what is wrong with the devices that JAX_PLATFORMS asks for; jax may fail on an assertion of its own."""
    wanted = os.environ.get("JAX_PLATFORMS")
    if not wanted or "jax" not in sys.modules:
        return None
    try:
        sys.modules["jax"].devices()
    except Exception as error:
        why = f" ({' '.join(str(error).split())})" if str(error) else ""
        return f"JAX_PLATFORMS={wanted}: jax finds no such device{why}; unset it, or install what the device needs"
    return None
