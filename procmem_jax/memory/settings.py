"""The settings of a library."""

import dataclasses

import numpy as np

from procmem_jax.memory.eviction import EVICTION_RULES, EvictionRule
from procmem_jax.records import check_settings, setting

_MOST_NARROW, _MOST_WIDE = 127, 2**15 - 1  # actions


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
    eviction: str | EvictionRule = setting("lru", "which skill a full library gives up", functions=EVICTION_RULES)
    counting: str = setting(
        "outcomes",
        "outcomes: failures count, a merge is no success, rate (s+1)/(s+f+2); "
        "tutorial: failures do not count, a merge is a success, rate s/max(uses,1)",
        choices=("outcomes", "tutorial"),
    )
    wide_actions: bool = setting(
        False, "a stored action takes two bytes, for up to 32,767 of them; else one, up to 127"
    )
    keeps_reach: bool = setting(False, "each skill keeps how near a situation must be for it to be tried there")
    worth_size: int = setting(0, "numbers about what the skills are worth, all together", minimum=0, maximum=2**20)

    def __post_init__(self):
        check_settings(self)

    @property
    def action_dtype(self) -> np.dtype:
        """Of stored actions: int8 or int16."""
        return np.dtype(np.int16 if self.wide_actions else np.int8)

    @property
    def largest_action(self) -> int:
        """The largest index that a stored action can have."""
        return int(np.iinfo(self.action_dtype).max)


def needs_wide_actions(num_actions: int) -> bool:
    """Returns whether so many actions are too many for one byte each."""
    return num_actions > _MOST_NARROW


def check_num_actions(config: LibraryConfig, num_actions: int) -> None:
    """Raises a ValueError if a library cannot hold skills of so many actions."""
    most = _MOST_WIDE if config.wide_actions else _MOST_NARROW
    if num_actions > most:
        remedy = "use fewer" if config.wide_actions else "set wide_actions=True, as the memory's for_environment does"
        raise ValueError(
            f"number of actions={num_actions} is above {most}, wide_actions={config.wide_actions}; {remedy}"
        )
