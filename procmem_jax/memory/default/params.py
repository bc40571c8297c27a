"""The numbers of the default memory."""

import jax
import jax.numpy as jnp

from procmem_jax.records import param, params_record


@params_record
class DefaultMemoryParams:
    """The numbers of the default memory (traced)."""

    merge_threshold: jax.Array | float = param(
        0.99999,
        jnp.float32,
        "cosine above which two situations count as the same: a new skill is merged, a stored one runs as a whole",
        minimum=-1.0,
        maximum=1.0,
    )
    match_tolerance: jax.Array | float = param(
        0.5,
        jnp.float32,
        "distance of situations up to which a skill is tried: C * (1 - cosine), C coordinates of the context",
        minimum=0.0,
        maximum=1e6,
    )
    distance_cost: jax.Array | float = param(
        8.0, jnp.float32, "steps that a unit of this distance is expected to cost", minimum=0.0, maximum=1e6
    )
    mismatch_cost: jax.Array | float = param(
        0.01,
        jnp.float32,
        "distance that any other situation counts as farther, so that of two skills of one length the exact one wins",
        minimum=0.0,
        maximum=1e6,
    )
    retire_rate: jax.Array | float = param(
        0.4,
        jnp.float32,
        "success rate below which a skill is retired until it is learned anew",
        minimum=0.0,
        maximum=1.0,
    )
    novelty: jax.Array | float = param(
        0.5,
        jnp.float32,
        "exploration in place of a skill has the probability novelty / (1 + its uses)",
        minimum=0.0,
        maximum=1.0,
    )
    retreat_steps: jax.Array | int = param(
        1,
        jnp.int32,
        "steps of exploration after a failed skill, times the failures so far in the segment that are not forgiven",
        minimum=0,
        maximum=2**20,
    )
    forgiven_failures: jax.Array | int = param(
        2, jnp.int32, "failed skills in a segment after which no retreat comes yet", minimum=0, maximum=2**20
    )

    def retreat_after(self, failures: jax.Array) -> jax.Array:
        """Returns the steps of exploration after so many failures in a segment, `()` int32."""
        return self.retreat_steps * jnp.maximum(failures - self.forgiven_failures, 0)
