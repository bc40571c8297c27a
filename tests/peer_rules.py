"""Other packages' code under its own rules of promotion."""

import contextlib

import jax


@contextlib.contextmanager
def peer_rules():
    """Around other packages' code, which the strict promotion of this suite would stop."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
