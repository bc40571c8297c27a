"""The range of an environment's observations, as random play shows it."""

import dataclasses
from typing import Any

import jax
import numpy as np

from procmem_jax.envs.foreign.adapted import AdaptedEnvironment, PerceiveFunction
from procmem_jax.envs.foreign.keys import words_to_keys
from procmem_jax.envs.foreign.listed import ListedPercept
from procmem_jax.envs.foreign.probes.play import Played, no_percept, play
from procmem_jax.envs.foreign.probes.positions import clocks_in, coordinates_of
from procmem_jax.envs.foreign.projected import ProjectedPercept, flat_numbers, flat_size, numbers_in, projected_in

# An element's range while probing has 256 steps: fine enough for states to differ, and contexts are scaled back.
_STEPS_IN_RANGE = 256.0
# The mean magnitude of contexts while probing: in the middle of 1 to 64, since a learner will get farther than chance.
_MAGNITUDE = 8.0
_ROUNDING_ERROR = 1e-5  # a range of so much of the value itself is the noise of float32
_MOST_WHOLE_STEPS = 2.0**16  # whole numbers up to here stay apart, whatever their range


def _numbers_of(played: Played, params: Any) -> tuple[jax.Array, jax.Array]:
    del params
    return flat_numbers(words_to_keys(played.before.observation)), played.start


def is_open(perceive: PerceiveFunction) -> bool:
    """Whether the percept waits for a probe to find the range of its observations."""
    projected = projected_in(perceive)
    return projected is not None and projected.resolution is None


def probed(perceive: PerceiveFunction, environment: AdaptedEnvironment, params: Any) -> PerceiveFunction:
    """Returns an open percept with the numbers that suit the observations of random play.

    They are resolution, offset and scale, all powers of two or multiples of them, so that the last bits of a processor
    do not change them, and in an observation with positions the coordinates of the context.
    """
    if isinstance(perceive, ListedPercept):
        return dataclasses.replace(perceive, projected=probed(perceive.projected, environment, params))
    environment = dataclasses.replace(environment, perceive=no_percept)
    looking, word = environment.with_observations(), jax.ShapeDtypeStruct((), "uint32")
    first = jax.eval_shape(lambda words: words_to_keys(looking.begin(words, params).observation), (word, word))
    sizes = [flat_size(leaf) for leaf in numbers_in(first)]
    rows, starts = play(environment, params, _numbers_of)
    rows, starts = np.asarray(rows, np.float64), np.asarray(starts)
    found = fitted(perceive, rows.reshape(-1, rows.shape[-1]), sizes)
    coordinates = perceive.coordinates or coordinates_of(first, rows, starts)
    clocks = perceive.clocks or tuple(int(place) for place in np.flatnonzero(clocks_in(rows, starts)))
    found = dataclasses.replace(found, clocks=clocks)
    return dataclasses.replace(found, coordinates=coordinates, scale=1.0) if coordinates else found


def fitted(percept: ProjectedPercept, rows: np.ndarray, sizes: list[int]) -> ProjectedPercept:
    """Returns `percept` with the resolution, offset and scale that suit `rows`.

    Args:
        percept: num_features and seed count.
        rows: `[R, N]` float64, flat observations; what is not finite does not count.
        sizes: of the leaves of an observation; their sum is N.
    """
    ordered = np.sort(np.where(np.isfinite(rows), rows, np.nan), axis=0)  # NaN last
    last = np.maximum(np.isfinite(rows).sum(axis=0) - 1, 0)
    low, middle, high = (
        np.nan_to_num(np.take_along_axis(ordered, index[None], axis=0)[0]) for index in (0 * last, last // 2, last)
    )
    whole = np.all((rows == np.round(rows)) | ~np.isfinite(rows), axis=0)
    resolution = _resolution(low, high, whole, sizes)
    offset = np.round(middle * resolution) / resolution
    found = dataclasses.replace(percept, resolution=_alike(resolution), offset=_alike(offset))
    steps = np.nan_to_num(np.clip(np.round((rows - offset) * resolution), -(2.0**20), 2.0**20))
    features = steps @ found.signs(rows.shape[1]).T.astype(np.float64)
    magnitude = np.sqrt(np.mean(features**2))
    return found if magnitude == 0 else dataclasses.replace(found, scale=float(_power(_MAGNITUDE / magnitude, 0.5)))


def _resolution(low: np.ndarray, high: np.ndarray, whole: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Returns the steps per unit of each element, `[N]`; one that did not vary has those of the others of its leaf."""
    width = high - low
    varies = width > np.where(whole, 0.0, _ROUNDING_ERROR * np.maximum(np.abs(low), np.abs(high)))
    resolution = _power(_STEPS_IN_RANGE / np.where(varies, width, 1.0))
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        leaf = slice(end - size, end)
        known = np.sort(resolution[leaf][varies[leaf]])
        resolution[leaf][~varies[leaf]] = known[(len(known) - 1) // 2] if len(known) else _MAGNITUDE
    return np.where(whole & (width <= _MOST_WHOLE_STEPS), np.maximum(resolution, 1.0), resolution)


def _power(values: np.ndarray, up: float = 0.001) -> np.ndarray:
    """Returns the powers of two below `values`; a value just below one counts as it, as rounding may have made it."""
    return np.exp2(np.clip(np.floor(np.log2(values) + up), -126, 126))


def _alike(numbers: np.ndarray) -> float | tuple[float, ...]:
    """Returns numbers as a tuple, or as the one that they all are."""
    return float(numbers[0]) if np.all(numbers == numbers[0]) else tuple(numbers.tolist())
