"""What became of the skills of many libraries, in words."""

from procmem_jax.envs.grid.actions import action_symbol
from procmem_jax.experiments.libraries.merging import Conflict, MergedLibraries
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.situations import situation_text
from procmem_jax.experiments.libraries.skills import StoredSkill
from procmem_jax.experiments.text_tables import counted

_SHOWN = 5  # conflicts that have a line each


def merged_text(merged: MergedLibraries) -> str:
    """Returns a line on the library, one on the skills that are not in it, and one for each of some conflicts.

    The conflicts shown are those between the skills with the most uses.
    """
    saved = merged.saved
    agents, kept = counted(merged.num_agents, "agent"), counted(int(saved.libraries.used.sum()), "skill")
    lines = [
        f"one library of {agents}, {kept} of {merged.num_skills:,}, sha256 {saved.sha256}",
        f"{merged.num_joined:,} joined with their equals, {merged.num_covered:,} covered by others, "
        f"{counted(len(merged.conflicts), 'conflict')}, {merged.num_left_out:,} left out for capacity="
        f"{saved.config.capacity}",
    ]
    by_use = sorted(merged.conflicts, key=lambda conflict: -min(conflict.kept.uses, conflict.dropped.uses))
    lines += [_conflict_text(conflict, saved) for conflict in by_use[:_SHOWN]]
    if len(by_use) > _SHOWN:
        lines.append(f"and {counted(len(by_use) - _SHOWN, 'more conflict')}")
    return "\n".join(lines)


def _conflict_text(conflict: Conflict, saved: SavedLibraries) -> str:
    kept, dropped = (_skill_text(skill, saved) for skill in (conflict.kept, conflict.dropped))
    what = "opposite effects" if conflict.opposite else conflict.kept.name
    return f"{situation_text(conflict.kept, saved)}: {what}: kept {kept}, dropped {dropped}"


def _skill_text(skill: StoredSkill, saved: SavedLibraries) -> str:
    actions = " ".join(action_symbol(saved.action_names[action]) for action in skill.actions)
    return f"{actions} ({skill.successes} of {skill.uses} uses)"
