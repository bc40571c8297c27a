"""What the tests of other packages' worlds need: their code was not written for strict promotion."""

import pytest

from peer_rules import peer_rules


@pytest.fixture
def lenient():
    """Promotion as it is by default."""
    with peer_rules():
        yield
