"""The settings of a library."""

import dataclasses

from procmem_jax.memory.eviction import EVICTION_RULES, EvictionRule
from procmem_jax.records import check_settings, setting


@dataclasses.dataclass(frozen=True)
class LibraryConfig:
    """What decides the shapes and rules of a library (static).

    `eviction` is a name or a function of one's own, for instance `Utility(grace=50.0)`: see `eviction.py`.

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    capacity: int = setting(16, "slots of a library (N)", minimum=1, maximum=65536)
    embedding_size: int = setting(8, "length of an embedding (D)", minimum=3, maximum=1024)
    max_skill_length: int = setting(5, "actions of the longest skill, steps (L)", minimum=1, maximum=127)
    num_predicates: int = setting(3, "predicates of the environment (P)", minimum=1, maximum=64)
    eviction: str | EvictionRule = setting(
        "lru", "which skill a full library gives up", choices=tuple(EVICTION_RULES), functions=True
    )
    counting: str = setting(
        "outcomes",
        "outcomes: failures count, a merge is no success, rate (s+1)/(s+f+2); "
        "tutorial: failures do not count, a merge is a success, rate s/max(uses,1)",
        choices=("outcomes", "tutorial"),
    )

    def __post_init__(self):
        check_settings(self)
