"""What the tests of other packages' worlds need: their code was not written for strict promotion."""

import jax
import pytest


@pytest.fixture
def lenient():
    """Promotion as it is by default."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield
