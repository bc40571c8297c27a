"""What counts as success in a foreign environment, said in a word, by a return, or by a function."""

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

import jax

SuccessRule = str | Callable[[Any], Any]  # a function takes the `AdaptedState`, and returns `()` bool

_RETURN = re.compile(r"return\s*(>=?)\s*(\S+)")


@dataclasses.dataclass(frozen=True)
class _ReturnAbove:
    """Whether the return of the episode so far is above `least`, or is `least` itself unless `strictly` above."""

    least: float
    strictly: bool

    def __call__(self, state: Any) -> jax.Array:
        return state.episode_return > self.least if self.strictly else state.episode_return >= self.least


def success_function(rule: SuccessRule) -> Callable[[Any], Any]:
    """Returns the function of an `AdaptedState` that `rule` means: "terminated", "rewarded", "return>=195" or itself.

    Raises:
        ValueError: the text is none of these.
    """
    if callable(rule):
        return rule
    if rule in ("terminated", "rewarded"):
        return lambda state: getattr(state, rule)
    found = _RETURN.fullmatch(rule.strip()) if isinstance(rule, str) else None
    try:
        least = float(found[2]) if found else math.nan
    except ValueError:
        least = math.nan
    if not math.isfinite(least):
        raise ValueError(
            f'success={rule!r} is unknown; give "terminated", "rewarded", a return such as "return>=195", or a '
            "function of an AdaptedState"
        )
    return _ReturnAbove(least, found[1] == ">")
