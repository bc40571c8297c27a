"""What results were made with."""

import platform

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
