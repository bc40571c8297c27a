"""Procedural memory as arrays: agents that extract, retrieve and reuse skills, in pure JAX."""

__version__ = "0.1.0"
