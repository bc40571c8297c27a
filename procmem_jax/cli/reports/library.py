"""The skills of one agent as a table of text."""

from collections.abc import Sequence

import jax

from procmem_jax.envs.grid.actions import action_symbol
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.situations import situation_text
from procmem_jax.experiments.libraries.skills import StoredSkill, read_skills
from procmem_jax.experiments.text_tables import aligned_table, counted
from procmem_jax.memory.skills import UNKNOWN

_COLUMNS = {
    "slot": ">",
    "skill": "<",
    "for": "<",
    "actions": "<",
    "uses": ">",
    "ok/failed": ">",
    "learned": ">",
}
_CUT = (1, 2, 3)  # columns that may be cut
_WIDTH, _LEAST = 100, 20  # characters of a line, and of a column that is cut


def library_table(saved: SavedLibraries, agent: int) -> str:
    """Returns the skills of one agent, most used first (then by slot), below a line on the library as a whole.

    Args:
        saved: libraries.
        agent: the number of one of them.

    Raises:
        ValueError: there is no such agent.
    """
    skills = skills_by_use(saved, agent)
    num_evictions = int(saved.of_agent(agent).libraries.num_evictions[0])
    head = (
        f"Agent {agent}: {counted(len(skills), 'skill')}, capacity {saved.config.capacity}, "
        f"{counted(num_evictions, 'eviction')}"
    )
    if not skills:
        return f"{head}\n\nThe library is empty: this agent has learned nothing yet."
    seen = {saved.action_names[action] for skill in skills for action in skill.actions}
    names = [name for name in saved.action_names if name in seen and action_symbol(name) != name]
    legend = [", ".join(f"{action_symbol(name)} {name}" for name in names)] if names else []
    legend.append("ok/failed: uses that achieved what the skill is for, or not; learned: episode:tick")
    if saved.config.keeps_reach:
        legend.append("reach: it has killed, and is tried only in situations nearer to its own than this")
    return "\n".join([head, "", skills_table(skills, saved), "", *legend])


def skills_by_use(saved: SavedLibraries, agent: int) -> list[StoredSkill]:
    """Returns the skills of one agent, most used first, then by slot."""
    library = jax.tree.map(lambda array: array[0], saved.of_agent(agent).libraries)
    return sorted(
        read_skills(library, saved.predicate_names, saved.config), key=lambda skill: (-skill.uses, skill.slot)
    )


def skills_table(skills: Sequence[StoredSkill], saved: SavedLibraries) -> str:
    """Returns a line for each skill, of 100 characters at the most where that leaves the columns readable."""
    columns = _COLUMNS | ({"reach": ">"} if saved.config.keeps_reach else {})
    rows = [list(columns), *(_row(skill, saved)[: len(columns)] for skill in skills)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    spare = _WIDTH - 2 * (len(widths) - 1) - sum(widths)
    while spare < 0 and (longest := max(_CUT, key=lambda column: widths[column])) and widths[longest] > _LEAST:
        widths[longest] -= 1
        spare += 1
    shown = [[_cut(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return aligned_table(shown, columns.values())


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _row(skill: StoredSkill, saved: SavedLibraries) -> list[str]:
    return [
        str(skill.slot),
        skill.name,
        situation_text(skill, saved),
        " ".join(action_symbol(saved.action_names[action]) for action in skill.actions),
        str(skill.uses),
        f"{skill.successes}/{skill.failures}",
        "-" if skill.episode == UNKNOWN else f"{skill.episode}:{skill.tick}",
        "-" if skill.reach is None else f"{skill.reach:.2f}",
    ]
