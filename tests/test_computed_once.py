"""What passes `computed_once` stays as it is, and is not made again for each of its users."""

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.computed_once import computed_once


def _uses(x, wall):
    value, none = wall((x * x + 3.0, None))
    assert none is None
    return jnp.where(value > 1.0, value, 0.0), jnp.cumsum(value), jnp.sort(value)


def _products(wall) -> int:
    """Returns how often the program for a batch multiplies."""
    rows = jnp.ones((4, 8), jnp.float32)
    program = jax.jit(jax.vmap(lambda x: _uses(x, wall))).lower(rows).compile()
    return program.as_text().count(" multiply(")


def test_each_user_reads_what_is_computed_once():
    if jax.default_backend() == "cpu":
        assert _products(computed_once) == 1 < _products(lambda tree: tree)


def test_values_stay_as_they_are():
    x = np.linspace(-2.0, 2.0, 8, dtype=np.float32)
    for result, plain in zip(jax.jit(lambda x: _uses(x, computed_once))(x), _uses(x, computed_once), strict=True):
        np.testing.assert_array_equal(result, plain)
    kept = object()
    assert computed_once({"known": 3, "other": kept})["other"] is kept
