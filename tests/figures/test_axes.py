"""Which numbers lie on a logarithmic axis."""

import numpy as np
import pytest

from procmem_jax.figures.axes import are_factors_apart

UNIFORM = np.random.default_rng(0).random(50)


@pytest.mark.parametrize("values", [[8, 16, 32, 64], [0.01, 0.1, 1], [1, 3, 10], 0.02 * 25**UNIFORM, [8, 64, 1024]])
def test_powers_and_log_uniform_draws_are_logarithmic(values):
    assert are_factors_apart(list(values))


@pytest.mark.parametrize(
    "values", [[1, 2, 3, 4], [0, 0.1, 1], [-8, 1, 8], [5, 5], [1, 100], [2, 4, 7], 0.02 + 0.48 * UNIFORM, 1 + UNIFORM]
)
def test_even_and_uniform_numbers_are_not(values):
    assert not are_factors_apart(list(values))
