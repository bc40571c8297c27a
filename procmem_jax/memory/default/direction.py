"""A context embedding that transfers: the direction of what matters counts much, its distance little.

Each coordinate of a context is a signed quantity (an offset, or 0 / 1 for a fact). It becomes an angle: 0 for zero,
a quarter turn to either side for 1, and a little more for every doubling up to 512, where it ends. So "one to the
right" is nearly the same situation as "eight to the right", and far from "straight above". Made from the context alone,
so that stored and queried embeddings are of one kind.

Without an end, the angles of the two signs would go on to the half turn and meet: at 5,800 a wall on the left and one
on the right were the same situation, and beyond it the signs changed places. What grows ever larger cannot both go on
turning away from 1 and come no nearer to its opposite, so it stays where it is.

Source: Konidaris & Barto 2007, "Building portable options" (agent-space); the coding of distance by its logarithm
follows Weber's law.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.computed_once import computed_once
from procmem_jax.fixed_order import rounded_product

# An eighth of a radian per doubling: at 64 cells the angle is 133 degrees, so that opposite signs never come close.
_RADIANS_PER_DOUBLING = 0.125
# The largest magnitude of a percept of ours that counts cells: ten cells of FourRooms are 2**9. Here the angle is 154
# degrees, and the cosine of opposite signs 0.63, the highest that there is.
LARGEST_MAGNITUDE = 512.0

# Polynomials, for sums and products give the same bits on every device, and run in a CPU's vectors, where jax's cosine
# takes three times as long: log2(1 + x) / x for 0 <= x < 1, interpolated at Chebyshev's nodes, and the series of
# sin(x) / x and cos(x) in x squared, which up to 9 / 8, the largest angle here, are off by less than float32 tells.
_LOG2 = (1.44269502, -0.721339524, 0.480678886, -0.358299077, 0.275221199, -0.19623895, 0.111832075, -0.0419450104,
         0.00739540206)  # fmt: skip
_SINE = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(6))
_COSINE = tuple((-1) ** n / math.factorial(2 * n) for n in range(7))


def direction_embedding(context: jax.Array, embedding_size: int) -> jax.Array:
    """Returns the embedding of a context, `[D]` float32 of length one.

    The cosine of two embeddings is the mean over coordinates of the cosine of their angles' difference. Every context
    has one: magnitudes below 1 count as 1, those above 512 (infinite ones too) as 512, NaN as 0.

    Args:
        context: `[C]` float32, one example; best are magnitudes from 1 to 64, and 0 for nothing.
        embedding_size: static, D >= 2 C.

    Raises:
        ValueError: `embedding_size` is below twice the number of coordinates.
    """
    num_coordinates = context.shape[-1]
    if embedding_size < 2 * num_coordinates:
        raise ValueError(
            f"embedding_size={embedding_size} is below {2 * num_coordinates}, twice the coordinates of the context; "
            "raise embedding_size"
        )
    magnitude = jnp.abs(context)
    # The angle is this much more than a quarter turn. Made in one kernel with what is concatenated, each polynomial
    # would be worked out number by number, not in vectors.
    excess = computed_once(_RADIANS_PER_DOUBLING * _log2(jnp.clip(magnitude, 1.0, LARGEST_MAGNITUDE)))
    cosine = jnp.where(magnitude > 0, 0.0 - _sine(excess), 1.0)  # a difference, as -0.0 would be seen in files
    sine = jnp.where(magnitude > 0, jnp.sign(context) * _cosine(excess), 0.0)
    parts = jnp.concatenate(computed_once([cosine, sine])) * (1.0 / math.sqrt(num_coordinates))
    return jnp.pad(parts, (0, embedding_size - 2 * num_coordinates))


def _log2(x: jax.Array) -> jax.Array:
    """Returns the binary logarithm of numbers from 1 on, off by 2e-7 at most."""
    bits = jax.lax.bitcast_convert_type(x, jnp.int32)
    exponent = (bits >> 23) - 127
    mantissa = jax.lax.bitcast_convert_type((bits & 0x7FFFFF) | 0x3F800000, jnp.float32)
    fraction = mantissa - 1.0
    return exponent.astype(jnp.float32) + rounded_product(fraction, _polynomial(_LOG2, fraction))


def _sine(x: jax.Array) -> jax.Array:
    return x * _polynomial(_SINE, x * x)


def _cosine(x: jax.Array) -> jax.Array:
    return _polynomial(_COSINE, x * x)


def _polynomial(coefficients: Sequence[float], x: jax.Array) -> jax.Array:
    total = jnp.float32(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = rounded_product(total, x) + coefficient
    return total


def check_embedding(embedding: jax.ShapeDtypeStruct, embedding_size: int) -> None:
    """Raises a ValueError if what an `embed` function gives is no embedding of `embedding_size` numbers."""
    if (embedding.shape, embedding.dtype) != ((embedding_size,), jnp.float32):
        raise ValueError(
            f"embed gives {embedding.dtype}{list(embedding.shape)}; give float32[{embedding_size}], as many numbers as "
            "embedding_size says"
        )


def context_of_direction(embedding: np.ndarray, num_coordinates: int) -> np.ndarray:
    """Returns the context `[C]` float64 that `direction_embedding` made `embedding` (`[D]`) of, as far as it tells.

    What counted as 1 or as 512 is that. Of an embedding that stands for several contexts it is something in between.
    """
    cosine, sine = np.asarray(embedding, np.float64)[: 2 * num_coordinates].reshape(2, num_coordinates)
    angle = np.arctan2(sine, cosine)
    magnitude = np.exp2((np.abs(angle) - math.pi / 2) / _RADIANS_PER_DOUBLING)
    return np.where(np.abs(angle) < math.pi / 4, 0.0, np.sign(angle) * np.clip(magnitude, 1.0, LARGEST_MAGNITUDE))
