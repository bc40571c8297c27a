"""The skills of one agent as a table of text."""

from collections.abc import Sequence

import jax

from procmem_jax.envs.grid.actions import action_symbol
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.skills import StoredSkill, condition_text, read_skills
from procmem_jax.experiments.text_tables import aligned_table
from procmem_jax.memory.skills import UNKNOWN

_COLUMNS = {
    "slot": ">",
    "name": "<",
    "precondition": "<",
    "postcondition": "<",
    "actions": "<",
    "successes/failures": ">",
    "uses": ">",
    "learned in": "<",
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
    skills = sorted(read_skills(library, saved.predicate_names), key=lambda skill: (-skill.uses, skill.slot))
    head = (
        f"Agent {agent}: {_counted(len(skills), 'skill')}, capacity {saved.config.capacity}, "
        f"{_counted(int(library.num_evictions), 'eviction')}"
    )
    if not skills:
        return f"{head}\n\nThe library is empty: this agent has learned nothing yet."
    rows = [_row(skill, saved.action_names) for skill in skills]
    seen = {saved.action_names[action] for skill in skills for action in skill.actions}
    legend = [
        f"{action_symbol(name)} {name}" for name in saved.action_names if name in seen and action_symbol(name) != name
    ]
    table = aligned_table([list(_COLUMNS), *rows], _COLUMNS.values())
    return "\n".join([head, "", table, *(["", ", ".join(legend)] if legend else [])])


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _row(skill: StoredSkill, action_names: Sequence[str]) -> list[str]:
    return [
        str(skill.slot),
        skill.name,
        condition_text(skill.requires, "-"),
        condition_text(skill.achieves, "-"),
        " ".join(action_symbol(action_names[action]) for action in skill.actions),
        f"{skill.successes}/{skill.failures}",
        str(skill.uses),
        "-" if skill.episode == UNKNOWN else f"episode {skill.episode}, tick {skill.tick}",
    ]
