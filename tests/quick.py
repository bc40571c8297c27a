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
    marks = [pytest.mark.slow] if optimized else [pytest.mark.slow, pytest.mark.further]
    return [case if n < quick or isinstance(case, _MARKED) else _marked(case, marks) for n, case in enumerate(cases)]


def _marked(case: Any, marks: list) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=marks)
