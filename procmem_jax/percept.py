"""What an agent's memory may know of a world: predicates, a context vector and a fingerprint."""

import jax

from procmem_jax.records import state_record


@state_record
class Percept:
    """All that the memory learns of one observation.

    Attributes:
        predicates: `[P]` bool, in the order of the environment's `predicate_names`.
        context: `[C]` float32, where the agent is, in whatever terms transfer between episodes.
        fingerprint: `()` uint32, names the state within an episode: equal states have equal fingerprints, and
            states in which some action does different things have different ones.
    """

    predicates: jax.Array
    context: jax.Array
    fingerprint: jax.Array
