"""The skills of one agent as a table of text."""

from collections.abc import Sequence

import jax
import numpy as np

from procmem_jax.envs.grid.actions import action_symbol
from procmem_jax.experiments.libraries.json import condition
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.naming import skill_name

_COLUMNS = {
    "slot": ">",
    "name": "<",
    "precondition": "<",
    "postcondition": "<",
    "actions": "<",
    "successes/failures": ">",
    "uses": ">",
}


def library_table(saved: SavedLibraries, agent: int) -> str:
    """Returns the skills of one agent, most used first (then by slot), below a line on the library as a whole.

    Args:
        saved: libraries.
        agent: the number of one of them.

    Raises:
        ValueError: there is no such agent.
    """
    library = jax.tree.map(lambda array: array[0], saved.of_agent(agent).libraries)
    slots = np.flatnonzero(library.used)
    slots = sorted(slots.tolist(), key=lambda slot: (-library.use_counts[slot], slot))
    head = (
        f"Agent {agent}: {_counted(len(slots), 'skill')}, capacity {saved.config.capacity}, "
        f"{_counted(int(library.num_evictions), 'eviction')}"
    )
    if not slots:
        return f"{head}\n\nThe library is empty: this agent has learned nothing yet."
    rows = [_row(library, slot, saved.predicate_names, saved.action_names) for slot in slots]
    seen = {saved.action_names[action] for slot in slots for action in library.actions[slot, : library.lengths[slot]]}
    legend = [
        f"{action_symbol(name)} {name}" for name in saved.action_names if name in seen and action_symbol(name) != name
    ]
    return "\n".join([head, "", *_aligned([list(_COLUMNS), *rows]), *(["", ", ".join(legend)] if legend else [])])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _row(library: SkillLibrary, slot: int, predicate_names: Sequence[str], action_names: Sequence[str]) -> list[str]:
    length = int(library.lengths[slot])
    names = [action_names[action] for action in library.actions[slot, :length]]
    return [
        str(slot),
        skill_name(int(library.labels[slot]), length, predicate_names),
        _condition_text(library.pre_mask[slot], library.pre_value[slot], predicate_names),
        _condition_text(library.post_mask[slot], library.post_value[slot], predicate_names),
        " ".join(map(action_symbol, names)),
        f"{library.success_counts[slot]}/{library.failure_counts[slot]}",
        str(library.use_counts[slot]),
    ]


def _condition_text(mask: np.ndarray, value: np.ndarray, predicate_names: Sequence[str]) -> str:
    asked = condition(mask, value, predicate_names)
    return ", ".join(name if wanted else f"not {name}" for name, wanted in asked.items()) or "-"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    formats = [f"{side}{width}" for side, width in zip(_COLUMNS.values(), widths, strict=True)]
    return ["  ".join(format(cell, form) for cell, form in zip(row, formats, strict=True)).rstrip() for row in rows]
