"""Which skill a full library gives up."""

import jax
import jax.numpy as jnp

from procmem_jax.memory.slots import least_slot

EVICTION_RULES = ("lru", "least_used", "lowest_rate", "oldest", "utility")
# Uses are compared as if each skill had been there this much longer: a newcomer gets time to prove itself.
_GRACE = 200.0


def slot_to_evict(library, rates: jax.Array, rule: str) -> jax.Array:
    """Returns the slot that `rule` gives up, `()` int32; ties go to the lowest slot.

    Rules: `lru` the skill whose last use (or, before the first, storage) is longest ago; `least_used` the one with
    the fewest uses; `lowest_rate` the one with the lowest success rate; `oldest` the one stored first; `utility` the
    one with the fewest uses per time (Minton 1988: how often a piece of knowledge applies is the larger part of its
    utility), which also protects what alone covers its situations (Smyth & Keane 1995): it is used whenever they come.

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
        "utility": library.use_counts.astype(jnp.float32)
        / ((library.clock - library.created).astype(jnp.float32) + _GRACE),
    }
    return least_slot(keys[rule])[0]
