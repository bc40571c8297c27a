"""Cases of a test of which few are enough for the quick suite."""

from collections.abc import Iterable
from typing import Any

import pytest

_MARKED = type(pytest.param())


def quick_first(cases: Iterable, quick: int = 1, *, optimized: bool = False) -> list:
    """Returns the cases of a `parametrize`, all but the first `quick` marked as slow; a tuple holds several values.

    These run beside the first ones, which share their programs. With `optimized` they run the programs that users run,
    as bits may differ there that are equal where the compiler does little.
    """
    mark = pytest.mark.optimized if optimized else pytest.mark.slow
    return [case if n < quick or isinstance(case, _MARKED) else _marked(case, mark) for n, case in enumerate(cases)]


def rest_exhaustive(cases: Iterable, kept: int = 1) -> list:
    """Returns the cases of a `parametrize`, all but the first `kept` left to `bash scripts/test.sh --exhaustive`."""
    return [case if n < kept else _marked(case, pytest.mark.exhaustive) for n, case in enumerate(cases)]


def _marked(case: Any, mark: pytest.MarkDecorator) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=mark)
