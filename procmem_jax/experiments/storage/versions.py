"""What results were made with."""

import platform
import re
from collections.abc import Mapping

import jax
import jaxlib

import procmem_jax


def versions() -> dict[str, str]:
    """Returns the versions that a run or a file was made with."""
    return {
        "procmem_jax": procmem_jax.__version__,
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "python": platform.python_version(),
    }


def newer_versions(made_with: Mapping[str, str]) -> str:
    """Returns which of the package and jax were newer when something was made, in words; "" if neither was."""
    here = versions()
    told = ((name, str(made_with[name]), here[name]) for name in ("procmem_jax", "jax") if name in made_with)
    return ", ".join(f"{name} {there} (here {ours})" for name, there, ours in told if _numbers(there) > _numbers(ours))


def _numbers(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", version)[:3]]
