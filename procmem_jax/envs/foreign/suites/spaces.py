"""Action spaces of packages that tell bounds, and masks over several discrete actions as one."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@dataclasses.dataclass(frozen=True)
class Box:
    """Numbers within bounds, as gymnax and Gymnasium describe them.

    Attributes:
        low, high: the bounds, numbers or arrays.
        shape: of an action.
        dtype: of an action.
    """

    low: Any
    high: Any
    shape: tuple[int, ...]
    dtype: Any = np.float32


@dataclasses.dataclass(frozen=True)
class WholeNumbers:
    """Whole numbers within bounds: a Discrete, or a MultiDiscrete of any shape.

    Attributes:
        nvec: how many values each has, an array of the shape of an action.
        start: the lowest value of each, likewise.
        dtype: of an action.
    """

    nvec: np.ndarray
    start: np.ndarray
    dtype: Any = np.int32

    @property
    def n(self) -> int | None:
        """The number of values of a single one, else None."""
        return int(self.nvec) if self.nvec.ndim == 0 else None


def space_of(spec: Any) -> Any:
    """Returns a `Box` or `WholeNumbers` for a spec with `shape`, `dtype`, `minimum` and `maximum`, others as they are.

    Such are those of dm_env, Jumanji and Stoa; the bounds are inclusive.
    """
    if not all(hasattr(spec, name) for name in ("shape", "dtype", "minimum", "maximum")):
        return spec
    low, high = (np.broadcast_to(np.asarray(bound), spec.shape) for bound in (spec.minimum, spec.maximum))
    if not np.issubdtype(np.dtype(spec.dtype), np.integer):
        return Box(low, high, tuple(spec.shape), spec.dtype)
    return WholeNumbers(high.astype(int) - low + 1, low, spec.dtype)


def flat_mask(mask: jax.Array, space: WholeNumbers) -> jax.Array:
    """Returns which combinations are legal, `[A]` bool, the last action fastest.

    Args:
        mask: shaped as `nvec` says, an element for each combination; or `[actions, values]`, each action by itself,
            where the values that it does not reach are illegal.
        space: of the actions.

    Raises:
        ValueError: the mask has another shape.
    """
    mask, counts = mask.astype(jnp.bool_), tuple(int(count) for count in space.nvec.ravel())
    if mask.shape == counts:
        return mask.reshape(-1)
    if mask.ndim != 2 or len(mask) != len(counts):
        raise ValueError(f"a mask of shape {mask.shape} does not fit actions of {counts} values")
    joint = jnp.ones(1, jnp.bool_)
    for row, count in zip(mask, counts, strict=True):
        whole = jnp.pad(row[:count], (0, max(count - mask.shape[1], 0)))
        joint = (joint[:, None] & whole[None, :]).reshape(-1)
    return joint


class MaskInObservation:
    """A `RawEnvironment` with an `action_space`, whose observations may tell the legal actions in `action_mask`."""

    def legal_actions(self, obs: Any, state: Any, params: Any) -> jax.Array | None:
        """Returns which actions are legal, `[A]` bool: the observation's `action_mask`; None where it has none."""
        del state
        mask = getattr(obs, "action_mask", None)
        return None if mask is None else flat_mask(mask, self.action_space(params))
