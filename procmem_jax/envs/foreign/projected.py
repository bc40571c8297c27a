"""A percept for any environment whose observation is a vector or an image: projection, thresholds, rewards."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.door_key import hash_of
from procmem_jax.percept import Percept

_LARGEST = 2.0**20  # what an element counts at most, so that sums stay exact


@dataclasses.dataclass(frozen=True)
class ProjectedPercept:
    """A `perceive` function that knows nothing of its environment. Hashable; equal settings make equal functions.

    The context is a fixed sparse random projection of the observation, whose elements are rounded to whole multiples of
    1 / `resolution` first: sums of integers are exact in any order. Predicates: for each threshold, whether that
    element of the observation has reached it in this episode; last, whether a positive reward came. What success is, it
    cannot know. The fingerprint is a hash of the rounded observation.

    Source: Achlioptas 2003, "Database-friendly random projections", theorem 1.1 with entries -1, 0 and 1.

    Attributes:
        num_features: C.
        thresholds: (index into the flat observation, value) of each predicate but the last.
        resolution: steps per unit of an observation; 1 for images of bytes and one-hot vectors.
        seed: of the projection.
    """

    fits_anything = True
    tells_success = False

    num_features: int = 8
    thresholds: tuple[tuple[int, float], ...] = ()
    resolution: float = 8.0
    seed: int = 0

    @property
    def predicate_names(self) -> tuple[str, ...]:
        """P names."""
        return (*(f"obs_{index}_reached_{value:g}" for index, value in self.thresholds), "rewarded")

    def take_notes(self, obs: jax.Array, state: AdaptedState, notes: jax.Array | None, params: Any) -> jax.Array | None:
        """Returns which thresholds have been reached in this episode, `[P - 1]` bool; None if there are none."""
        del state, params
        if not self.thresholds:
            return None  # an empty array could not be split over devices
        flat = _flat(obs)
        reached = jnp.stack([flat[index] >= value for index, value in self.thresholds])
        return reached if notes is None else reached | notes

    def __call__(self, obs: jax.Array, state: AdaptedState, params: Any) -> Percept:
        """Returns the percept of one observation of numbers, of any shape."""
        del params
        scaled = jnp.clip(jnp.round(_flat(obs) * self.resolution), -_LARGEST, _LARGEST).astype(jnp.int32)
        signs = np.random.default_rng(self.seed).choice([-1, 0, 0, 0, 0, 1], (self.num_features, scaled.size))
        features = jnp.sum(jnp.asarray(signs, jnp.int32) * scaled[None, :], axis=1, dtype=jnp.int32)
        return Percept(
            predicates=jnp.stack([*([] if state.notes is None else state.notes), state.rewarded]),
            context=features.astype(jnp.float32),
            fingerprint=hash_of(scaled),
        )


def _flat(obs: jax.Array) -> jax.Array:
    return jnp.ravel(obs).astype(jnp.float32)
