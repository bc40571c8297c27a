"""A percept for any environment whose observation consists of numbers: projection, thresholds, rewards."""

import dataclasses
import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.envs.foreign.adapted import AdaptedState
from procmem_jax.envs.foreign.door_key import hash_of
from procmem_jax.percept import Percept

_LARGEST = 2.0**20  # what an element counts at most, so that sums stay exact

Numbers = float | tuple[float, ...]  # one for all elements of an observation, or one each
Coordinate = tuple[int, int | None]  # an element and what is subtracted from another, or an element alone


@dataclasses.dataclass(frozen=True, repr=False)
class ProjectedPercept:
    """A `perceive` function that knows nothing of its environment. Hashable; equal settings make equal functions.

    An observation is an array, or a pytree of arrays (a dict, a tuple, images) of any dtypes, flattened leaf by leaf in
    jax's order; keys in it do not count, and NaN counts as the offset. The context is a fixed sparse random projection,
    whose elements are rounded to whole multiples of 1 / `resolution` first: sums of integers are exact in any order.
    Predicates: for each threshold, whether that element of the observation has reached it in this episode; last,
    whether a positive reward came. What success is, it cannot know. The fingerprint is a hash of the rounded
    observation.

    Source: Achlioptas 2003, "Database-friendly random projections", theorem 1.1 with entries -1, 0 and 1.

    Attributes:
        num_features: C.
        thresholds: (index into the flat observation, value) of each predicate but the last.
        resolution: steps per unit of an observation, for all elements or for each; 1 for images of bytes and one-hot
            vectors. None: `with_memory` finds resolution, offset and scale, by a few hundred random steps.
        seed: of the projection.
        offset: what is subtracted from an observation, from all elements or from each.
        scale: what the projection is multiplied by; unless it is 1, the context is rounded to whole numbers.
        coordinates: of the context in place of the projection, in units of the observation: (i, j) is how much element
            j is above element i, (i, None) how much i is above its offset. With resolution=None `with_memory` looks for
            positions beside each other in a dict or record, such as the agent's and a target's, and takes these.
        clocks: elements that only tell the time. They count as the others do, but for `hash_without_clocks`. With
            resolution=None `with_memory` finds them.
    """

    fits_anything = True
    tells_success = False

    num_features: int = 8
    thresholds: tuple[tuple[int, float], ...] = ()
    resolution: Numbers | None = 8.0
    seed: int = 0
    offset: Numbers = 0.0
    scale: float = 1.0
    coordinates: tuple[Coordinate, ...] = ()
    clocks: tuple[int, ...] = ()

    def __repr__(self) -> str:
        """As of any dataclass, but many numbers are a digest; an offset or scale that changes nothing is left out."""
        silent = {"offset": 0.0, "scale": 1.0, "coordinates": (), "clocks": ()}
        told = [field.name for field in dataclasses.fields(self)]
        told = [name for name in told if getattr(self, name) != silent.get(name)]
        return f"ProjectedPercept({', '.join(f'{name}={_short(getattr(self, name))}' for name in told)})"

    @property
    def predicate_names(self) -> tuple[str, ...]:
        """P names."""
        return (*(f"obs_{index}_reached_{value:g}" for index, value in self.thresholds), "rewarded")

    def take_notes(self, obs: Any, state: AdaptedState, notes: jax.Array | None, params: Any) -> jax.Array | None:
        """Returns which thresholds have been reached in this episode, `[P - 1]` bool; None if there are none."""
        del state, params
        if not self.thresholds:
            return None  # an empty array could not be split over devices
        flat = flat_numbers(obs)
        reached = jnp.stack([flat[index] >= value for index, value in self.thresholds])
        return reached if notes is None else reached | notes

    def __call__(self, obs: Any, state: AdaptedState, params: Any) -> Percept:
        """Returns the percept of one observation.

        Raises:
            TypeError: the observation holds no numbers.
            ValueError: it has another number of elements than resolution or offset.
        """
        del params
        steps = self.rounded(flat_numbers(obs))
        context = self._compared(steps) if self.coordinates else self._projection(steps)
        return Percept(
            predicates=jnp.stack([*([] if state.notes is None else state.notes), state.rewarded]),
            context=context if self.scale == 1.0 else jnp.round(context * self.scale),
            fingerprint=hash_of(steps),
        )

    def _projection(self, steps: jax.Array) -> jax.Array:
        features = jnp.sum(jnp.asarray(self.signs(steps.size)) * steps[None, :], axis=1, dtype=jnp.int32)
        return features.astype(jnp.float32)

    def _compared(self, steps: jax.Array) -> jax.Array:
        units = steps.astype(jnp.float32) / _as_given(self.resolution)
        whole = units + _as_given(self.offset)
        return jnp.stack([units[i] if j is None else whole[j] - whole[i] for i, j in self.coordinates])

    def rounded(self, flat: jax.Array) -> jax.Array:
        """Returns the steps that each element of a flat observation `[N]` float32 is off the offset, `[N]` int32."""
        if self.resolution is None:
            raise ValueError("resolution=None is for with_memory to find; give a number to use the percept yourself")
        for name in ("resolution", "offset"):
            numbers = getattr(self, name)
            if isinstance(numbers, tuple) and len(numbers) != flat.size:
                raise ValueError(f"{name} has {len(numbers)} numbers, the observation {flat.size}; give one each")
        if self.offset != 0.0:
            flat = flat - _as_given(self.offset)
        steps = jnp.clip(jnp.round(flat * _as_given(self.resolution)), -_LARGEST, _LARGEST)
        return jnp.where(jnp.isnan(steps), 0.0, steps).astype(jnp.int32)

    def hash_without_clocks(self, obs: Any) -> jax.Array:
        """Returns a hash of the rounded observation, in which time has no part, `()` uint32."""
        steps = self.rounded(flat_numbers(obs))
        return hash_of(jnp.where(np.isin(np.arange(steps.size), self.clocks), 0, steps))

    def signs(self, num_elements: int) -> np.ndarray:
        """Returns the projection, `[C, N]` int32 of -1, 0 and 1, a third of them not 0."""
        choices = np.random.default_rng(self.seed).choice([-1, 0, 0, 0, 0, 1], (self.num_features, num_elements))
        return choices.astype(np.int32)


def projected_in(perceive: Any) -> ProjectedPercept | None:
    """Returns the `ProjectedPercept` that a `perceive` function is or is made with, None if there is none."""
    perceive = getattr(perceive, "projected", perceive)
    return perceive if isinstance(perceive, ProjectedPercept) else None


def _as_given(numbers: Numbers) -> Any:
    return jnp.asarray(numbers, jnp.float32) if isinstance(numbers, tuple) else numbers


def _short(value: Any) -> str:
    if not isinstance(value, tuple) or len(value) <= 4:
        return repr(value)
    return f"<{len(value)} numbers, sha256 {hashlib.sha256(repr(value).encode()).hexdigest()[:12]}>"


def numbers_in(obs: Any) -> list[jax.Array]:
    """Returns the leaves of an observation that are numbers, in jax's order; keys and None are none.

    Raises:
        TypeError: there are none.
    """
    leaves = [jnp.asarray(leaf) if jnp.isscalar(leaf) else leaf for leaf in jax.tree.leaves(obs)]
    leaves = [leaf for leaf in leaves if not _is_key(leaf)]
    if not sum(leaf.size for leaf in leaves):
        raise TypeError("the observation holds no numbers; give a function perceive that makes a percept of the state")
    return leaves


def flat_size(leaf: Any) -> int:
    """Returns how many numbers of a flat observation a leaf of it (or the shape of one) makes; a key makes none."""
    return 0 if _is_key(leaf) else leaf.size * (2 if jnp.iscomplexobj(leaf) else 1)


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def flat_numbers(obs: Any) -> jax.Array:
    """Returns all numbers of an observation, `[N]` float32; of complex ones the real parts, then the imaginary ones."""
    parts = []
    for leaf in numbers_in(obs):
        halves = (leaf.real, leaf.imag) if jnp.iscomplexobj(leaf) else (leaf,)
        parts.extend(jnp.ravel(half).astype(jnp.float32) for half in halves)
    return parts[0] if len(parts) == 1 else jnp.concatenate(parts)
