"""Whether a step gives what a reset gave: an episode is a loop, in which nothing may change its form."""

from typing import Any

import jax
import jax.numpy as jnp


def check_steady(start: tuple[Any, Any], after: tuple[Any, Any]) -> None:
    """Raises a TypeError for the first array of another shape or dtype after a step than after a reset.

    Args:
        start, after: (observation, state) that `reset` and `step` give, or their shapes.
    """
    was, became = _by_name(start), _by_name(after)
    for name in {**was, **became}:
        before, later = was.get(name, "absent"), became.get(name, "absent")
        if before != later:
            raise TypeError(f"{name} is {before} after a reset and {later} after a step; give the same in both")


def _by_name(parts: tuple[Any, Any]) -> dict[str, str]:
    return {name_of(path): _form(leaf) for path, leaf in jax.tree.leaves_with_path(parts)}


def _form(leaf: Any) -> str:
    return f"{leaf.dtype}{list(jnp.shape(leaf))}"


def name_of(path: tuple) -> str:
    """Returns what a user calls a part of (observation, state): "observation[3]", "state.time"."""
    whole, *rest = path
    return ("observation", "state")[whole.idx] + jax.tree_util.keystr(tuple(rest)).removesuffix(".words")
