"""Which skill a full library gives up."""

import jax
import jax.numpy as jnp

EVICTION_RULES = ("lru", "least_used", "lowest_rate", "oldest")


def slot_to_evict(library, rates: jax.Array, rule: str) -> jax.Array:
    """Returns the slot that `rule` gives up, `()` int32; ties go to the lowest slot.

    Rules: `lru` the skill whose last use (or, before the first, storage) is longest ago; `least_used` the one with
    the fewest uses; `lowest_rate` the one with the lowest success rate; `oldest` the one stored first.

    Args:
        library: `SkillLibrary`, one example, every slot used.
        rates: `[N]` float32, the success rates of its slots.
        rule: static, one of `EVICTION_RULES`.
    """
    keys = {
        "lru": library.last_used,
        "least_used": library.use_counts,
        "lowest_rate": rates,
        "oldest": library.skill_ids,
    }
    key = keys[rule]
    slots = jnp.arange(key.shape[0], dtype=jnp.int32)
    return jnp.min(jnp.where(key == jnp.min(key), slots, key.shape[0]))
