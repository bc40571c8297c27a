"""The command `procmem`."""

from procmem_jax.cli.main import main

__all__ = ["main"]
