"""Time limits as params hold them."""

import copy
import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_NAMES = ("max_steps_in_episode", "max_timesteps")  # gymnax's, Craftax's
_MOST = 2**30


def limit_of(params: Any) -> Any:
    """Returns the time limit that params hold, None if they hold none."""
    return next(iter(_limits(params).values()), None)


def whole_limit(limit: Any) -> int | None:
    """Returns a limit as the number of steps after which a step counter has reached it; None for no limit.

    Infinity, more than 2**30 steps, and more limits than one count as none.

    Raises:
        ValueError: it is being traced.
    """
    if isinstance(limit, jax.core.Tracer):
        raise ValueError("max_steps is unknown: the environment's params are traced here; give it")
    number = np.asarray(limit)
    if limit is None or number.size != 1 or not np.issubdtype(number.dtype, np.number):
        return None
    return math.ceil(number.item()) if number.item() <= _MOST else None


def lift_limit(params: Any) -> Any:
    """Returns params with a limit that no episode reaches, None if they hold none."""
    limits = {name: _unreachable(jnp.asarray(limit)) for name, limit in _limits(params).items()}
    if not limits:
        return None
    if isinstance(params, Mapping):
        return {**params, **limits}
    if dataclasses.is_dataclass(params):
        return dataclasses.replace(params, **limits)
    if hasattr(params, "_replace"):
        return params._replace(**limits)
    lifted = copy.copy(params)
    for name, limit in limits.items():
        setattr(lifted, name, limit)
    return lifted


def _limits(params: Any) -> dict[str, Any]:
    found = {name: params.get(name) if isinstance(params, Mapping) else getattr(params, name, None) for name in _NAMES}
    return {name: limit for name, limit in found.items() if limit is not None}


def _unreachable(limit: jax.Array) -> jax.Array:
    whole = jnp.issubdtype(limit.dtype, jnp.integer)
    return jnp.full_like(limit, jnp.iinfo(limit.dtype).max // 2 if whole else jnp.finfo(limit.dtype).max / 2)
