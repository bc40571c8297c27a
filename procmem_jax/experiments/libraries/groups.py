"""The skills of one agent in groups: those that achieve the same in the same situation."""

import dataclasses

import jax

from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.skills import StoredSkill, condition_text, read_skills
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.skills import NO_LABEL


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
    groups: dict[tuple[int, str], list[StoredSkill]] = {}
    for skill in read_skills(library, saved.predicate_names, saved.config):
        groups.setdefault((skill.label, condition_text(skill.requires, "always")), []).append(skill)
    if not groups:
        raise ValueError(f"agent={agent} has no skills to draw; choose another agent, or train it longer")
    made = [_make_group(*key, skills, saved.predicate_names) for key, skills in groups.items()]
    return sorted(made, key=lambda group: (group.label == NO_LABEL, group.label, -group.uses, group.when))


def _make_group(label: int, when: str, skills: list[StoredSkill], predicate_names: tuple[str, ...]) -> SkillGroup:
    name = "navigate" if label == NO_LABEL else skill_name(label, 0, predicate_names)
    return SkillGroup(label, name, when, tuple(sorted(skills, key=lambda skill: (-skill.uses, skill.slot))))
