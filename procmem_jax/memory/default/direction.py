"""A context embedding that transfers: the direction of what matters counts much, its distance little.

Each coordinate of a context is a signed quantity (an offset, or 0 / 1 for a fact). It becomes an angle: 0 for zero,
a quarter turn to either side for 1, and a little more for every doubling. So "one to the right" is nearly the same
situation as "eight to the right", and far from "straight above". Made from the context alone, so that stored and
queried embeddings are of one kind.

Source: Konidaris & Barto 2007, "Building portable options" (agent-space); the coding of distance by its logarithm
follows Weber's law.
"""

import math

import jax
import jax.numpy as jnp

# An eighth of a radian per doubling: at 64 cells the angle is 133 degrees, so that opposite signs never come close.
_RADIANS_PER_DOUBLING = 0.125


def direction_embedding(context: jax.Array, embedding_size: int) -> jax.Array:
    """Returns the embedding of a context, `[D]` float32 of length one.

    The cosine of two embeddings is the mean over coordinates of the cosine of their angles' difference.

    Args:
        context: `[C]` float32, one example; magnitudes from 1 to 64 (0 for nothing).
        embedding_size: static, D >= 2 C.

    Raises:
        ValueError: `embedding_size` is below twice the number of coordinates.
    """
    num_coordinates = context.shape[-1]
    if embedding_size < 2 * num_coordinates:
        raise ValueError(
            f"embedding_size={embedding_size} is below {2 * num_coordinates}, twice the coordinates of the context; "
            "raise LibraryConfig.embedding_size"
        )
    magnitude = jnp.abs(context)
    angle = math.pi / 2 + _RADIANS_PER_DOUBLING * jnp.log2(jnp.maximum(magnitude, 1.0))
    angle = jnp.where(magnitude > 0, jnp.sign(context) * angle, 0.0)
    parts = jnp.concatenate([jnp.cos(angle), jnp.sin(angle)]) * (1.0 / math.sqrt(num_coordinates))
    return jnp.pad(parts, (0, embedding_size - 2 * num_coordinates))
