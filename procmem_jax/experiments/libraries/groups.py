"""The skills of one agent in groups: those that achieve the same in the same situation."""

import dataclasses

import jax
import numpy as np

from procmem_jax.experiments.libraries.json import condition
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.memory.library import success_rates
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.skills import NO_LABEL


@dataclasses.dataclass(frozen=True)
class StoredSkill:
    """One skill of a library.

    Attributes:
        slot: its slot.
        actions: as many as it has steps.
        uses, successes, failures: counts.
        rate: its success rate as the memory sees it, cut to [0, 1]; None before it is used.
    """

    slot: int
    actions: tuple[int, ...]
    uses: int
    successes: int
    failures: int
    rate: float | None


@dataclasses.dataclass(frozen=True)
class SkillGroup:
    """Skills with the same label and precondition.

    Attributes:
        label: the predicate that names them, -1 for none.
        name: of its skills; "navigate" without a label.
        when: the precondition in words.
        skills: most used first, then by slot.
    """

    label: int
    name: str
    when: str
    skills: tuple[StoredSkill, ...]

    @property
    def uses(self) -> int:
        """Of all its skills together."""
        return sum(skill.uses for skill in self.skills)


def group_skills(saved: SavedLibraries, agent: int) -> list[SkillGroup]:
    """Returns the groups of an agent's skills, in the order of the predicates, the most used precondition first.

    Args:
        saved: libraries.
        agent: the number of one of them.

    Raises:
        ValueError: there is no such agent, or it has no skills.
    """
    library = jax.tree.map(lambda array: array[0], saved.of_agent(agent).libraries)
    rates = np.minimum(success_rates(library, saved.config), 1.0)
    groups: dict[tuple[int, str], list[StoredSkill]] = {}
    for slot in np.flatnonzero(library.used).tolist():
        asked = condition(library.pre_mask[slot], library.pre_value[slot], saved.predicate_names)
        when = ", ".join(name if wanted else f"not {name}" for name, wanted in asked.items()) or "always"
        counts = (library.use_counts, library.success_counts, library.failure_counts)
        uses, successes, failures = (int(count[slot]) for count in counts)
        actions = tuple(library.actions[slot, : library.lengths[slot]].tolist())
        skill = StoredSkill(slot, actions, uses, successes, failures, float(rates[slot]) if uses else None)
        groups.setdefault((int(library.labels[slot]), when), []).append(skill)
    if not groups:
        raise ValueError(f"agent={agent} has no skills to draw; choose another agent, or train it longer")
    made = [_make_group(*key, skills, saved.predicate_names) for key, skills in groups.items()]
    return sorted(made, key=lambda group: (group.label == NO_LABEL, group.label, -group.uses, group.when))


def _make_group(label: int, when: str, skills: list[StoredSkill], predicate_names: tuple[str, ...]) -> SkillGroup:
    name = "navigate" if label == NO_LABEL else skill_name(label, 0, predicate_names)
    return SkillGroup(label, name, when, tuple(sorted(skills, key=lambda skill: (-skill.uses, skill.slot))))
