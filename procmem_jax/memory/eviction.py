"""Which skill a full library gives up: one function for each rule, and a table of their names.

A rule is any hashable function `(library, rates) -> slot` of one example: a full `SkillLibrary` and the success rates
of its slots (`[N]` float32) give the slot to overwrite (`()` int32). In each rule here ties go to the lowest slot. A
rule of one's own may also answer -1, or anything else that is no slot: then the newcomer is turned away.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.memory.slots import least_slot
from procmem_jax.records import check_settings, setting

EvictionRule = Callable[[Any, jax.Array], jax.Array]  # see above; `library.py` imports this module, hence Any
NOTHING_TO_EVICT = -1


def lru(library: Any, rates: jax.Array) -> jax.Array:
    """Returns the slot whose last use (or, before the first, storage) is longest ago."""
    del rates
    return least_slot(library.last_used)[0]


def least_used(library: Any, rates: jax.Array) -> jax.Array:
    """Returns the slot with the fewest uses."""
    del rates
    return least_slot(library.use_counts)[0]


def lowest_rate(library: Any, rates: jax.Array) -> jax.Array:
    """Returns the slot with the lowest success rate."""
    del library
    return least_slot(rates)[0]


def oldest(library: Any, rates: jax.Array) -> jax.Array:
    """Returns the slot whose skill was stored first."""
    del rates
    return least_slot(library.skill_ids)[0]


@dataclasses.dataclass(frozen=True)
class Utility:
    """The rule that gives up the slot with the fewest uses per time.

    Sources: Minton 1988, "Quantitative results concerning the utility of explanation-based learning" (how often a piece
    of knowledge applies is the larger part of its utility). It also protects what alone covers its situations (Smyth &
    Keane 1995, "Remembering to forget"): that is used whenever they come.

    Raises:
        TypeError, ValueError: `grace` is no float, or below 1.
    """

    grace: float = setting(
        200.0,
        "uses are compared as if each skill had been there this much longer, so that a newcomer gets time to prove "
        "itself; in insertions and outcomes, the unit of the library's clock",
        minimum=1.0,
        maximum=1e30,
    )

    def __post_init__(self):
        check_settings(self)

    def __call__(self, library: Any, rates: jax.Array) -> jax.Array:
        """See `EvictionRule`."""
        del rates
        age = (library.clock - library.created).astype(jnp.float32)
        return least_slot(library.use_counts.astype(jnp.float32) / (age + self.grace))[0]


utility = Utility()
# Names are for the command line and for files; a function need not be in the table.
EVICTION_RULES: dict[str, EvictionRule] = {
    "lru": lru,
    "least_used": least_used,
    "lowest_rate": lowest_rate,
    "oldest": oldest,
    "utility": utility,
}


def slot_to_evict(library: Any, rates: jax.Array, rule: str | EvictionRule) -> jax.Array:
    """Returns the slot that `rule` gives up, `()` int32; -1 if a rule of the user's names none of the N slots.

    Args:
        library: `SkillLibrary`, one example, every slot used.
        rates: `[N]` float32, the success rates of its slots.
        rule: static, a name in `EVICTION_RULES` or a function.

    Raises:
        TypeError: a function returns something other than one integer.
    """
    if isinstance(rule, str):
        return EVICTION_RULES[rule](library, rates)
    slot = jnp.asarray(rule(library, rates))
    if slot.shape != () or not jnp.issubdtype(slot.dtype, jnp.integer):
        raise TypeError(f"eviction rule {rule!r} gave {slot.dtype}{list(slot.shape)}, not one integer; return a slot")
    slot = slot.astype(jnp.int32)
    return jnp.where((slot >= 0) & (slot < rates.shape[0]), slot, NOTHING_TO_EVICT)
