"""The names of tasks: families of layouts at some size, and their time limits.

Nothing here needs jax, so that the command line can tell a wrong name at once.
"""

import dataclasses
import re
from collections.abc import Sequence

from procmem_jax.near_misses import choose_from

TASK_FAMILIES = {
    "tutorial": (
        4,
        64,
        "the tutorial's grid: key (2, 2), door (3, 3), box (1, 3), goal in the corner; 50 steps",
    ),
    "random": (
        3,
        64,
        "agent, key, door, goal and box on distinct cells, drawn for each episode; 4 N^2 steps",
    ),
    "doorkey": (
        5,
        16,
        "key and agent left of a wall with one door, the goal right of it, drawn for each episode; 4 N^2 steps",
    ),
    "shifting": (3, 64, "three random layouts per agent in turn, 50 episodes each (--set shift_every=50); 4 N^2 steps"),
}
_TUTORIAL_STEPS = 50


@dataclasses.dataclass(frozen=True)
class Task:
    """A kind of layout at one size.

    Attributes:
        family: a name in `TASK_FAMILIES`, also the name of the layout.
        size: cells along a side.
        max_steps: the time limit of an episode, steps.
    """

    family: str
    size: int
    max_steps: int

    @property
    def name(self) -> str:
        """The name that `parse_task` reads."""
        return f"{self.family}-{self.size}"


def is_foreign(name: str) -> bool:
    """Whether a task is an environment of another package (see `envs.foreign.peer_names`), or to be imported."""
    return ":" in name


def parse_task(name: str, others: Sequence[str] = ()) -> Task:
    """Returns the task called `name`, such as "random-5".

    Args:
        name: of a task.
        others: what else is a task, for the error.

    Raises:
        ValueError: there is no such task; the message lists the families and their sizes.
    """
    match = re.fullmatch(r"([a-z]+)-(0|[1-9][0-9]{0,8})", name)
    if match is None or match[1] not in TASK_FAMILIES:
        known = [*(f"{family}-N" for family in TASK_FAMILIES), *others]
        listed = ", ".join([*known, "another package's, such as gymnax:..., or package.module:make_task"])
        remedy = choose_from(re.sub("[0-9]+$", "N", name), known, among=listed, likeness=0.7)
        raise ValueError(f"task={name!r} is unknown; {remedy} (see `procmem tasks`)")
    family, size = match[1], int(match[2])
    smallest, largest, _ = TASK_FAMILIES[family]
    if not smallest <= size <= largest:
        why = " (the tutorial's door stands at (3, 3))" if family == "tutorial" and size < smallest else ""
        raise ValueError(f"task={name!r}: N={size} is outside {smallest} to {largest}{why}; choose N in that range")
    return Task(family, size, _TUTORIAL_STEPS if family == "tutorial" else 4 * size * size)
