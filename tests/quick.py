"""Cases of a test of which few are enough for the quick suite."""

from collections.abc import Iterable
from typing import Any

import pytest

_MARKED = type(pytest.param())


def quick_first(cases: Iterable, quick: int = 1) -> list:
    """Returns the cases of a `parametrize`, marked as slow but for the first `quick`; a tuple holds several values."""
    return [case if n < quick or isinstance(case, _MARKED) else _slow(case) for n, case in enumerate(cases)]


def _slow(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
