"""Skills and libraries from the plain records of the reference (`plain_default`), and back."""

import jax.numpy as jnp
import numpy as np

from memory.plain_library import VECTORS
from plain_default import F, PlainMemory, PlainSkill
from procmem_jax.memory.library import SkillLibrary, empty
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import Skill

# Situations of the tests of this folder are numbers of vectors whose cosines are multiples of 1/4, exact in float32.
NUM_VECTORS = len(VECTORS) - 1  # the last one is zero
NOTHING, HAS_KEY, OPENED = (False, False, False), (True, False, False), (True, True, False)


def vector(number: int) -> tuple[F, ...]:
    """The embedding of situation `number`."""
    return tuple(F(x) for x in VECTORS[number])


def plain_skill(situation=0, length=1, before=NOTHING, after=HAS_KEY, **fields) -> PlainSkill:
    """A skill whose actions tell its situation."""
    return PlainSkill(situation, (situation % 6,) * length, before, after, **fields)


def as_skill(skill: PlainSkill, embedding, longest: int) -> Skill:
    """The arrays of a skill on its way into a library."""
    before, after = np.array(skill.before), np.array(skill.after)
    changed = before != after
    return Skill(
        embedding=np.array(embedding, np.float32),
        actions=np.array([*skill.actions, *[0] * (longest - len(skill.actions))], np.int8),
        length=np.int8(len(skill.actions)),
        pre_mask=np.ones_like(before),
        pre_value=before,
        post_mask=changed,
        post_value=after & changed,
        label=np.int8(np.argmax(changed) if changed.any() else -1),
        successes=np.int32(0),
    )


def as_library(slots, config: LibraryConfig, embed=vector, **scalars) -> SkillLibrary:
    """The library with these skills, None for empty slots; the rest of the slots is empty."""
    blank = empty(config)
    arrays = {name: np.array(column) for name, column in blank.known().items()}
    counts = {"success_counts": "successes", "failure_counts": "failures", "use_counts": "uses"}
    counts |= {"merge_counts": "merges", "created": "created", "last_used": "last_used"}
    for slot, skill in enumerate(slots):
        if skill is None:
            continue
        row = as_skill(skill, embed(skill.situation), config.max_skill_length)
        for name in ("actions", "pre_mask", "pre_value", "post_mask", "post_value"):
            arrays[name][slot] = getattr(row, name)
        arrays["embeddings"][slot], arrays["lengths"][slot], arrays["labels"][slot] = (
            row.embedding,
            row.length,
            row.label,
        )
        arrays["skill_ids"][slot] = slot if skill.number == -1 else skill.number
        for name, field in counts.items():
            arrays[name][slot] = getattr(skill, field)
    numbers = {"next_id": int(arrays["skill_ids"].max()) + 1, **scalars}
    arrays |= {name: np.int32(value) for name, value in numbers.items()}
    return SkillLibrary(**{name: jnp.asarray(array) for name, array in arrays.items()})


def check_library(library: SkillLibrary, memory: PlainMemory, embed=vector, what: object = "") -> None:
    """Compares every field of a concrete library with the reference; of empty slots only the id."""
    skills = dict(memory.occupied())
    longest = library.actions.shape[1]
    numbers = [skills[slot].number if slot in skills else -1 for slot in range(len(memory.slots))]
    assert library.skill_ids.tolist() == numbers, what
    columns = {
        "actions": lambda s: [*s.actions, *[0] * (longest - len(s.actions))],
        "lengths": lambda s: len(s.actions),
        "embeddings": lambda s: [float(x) for x in embed(s.situation)],
        "pre_mask": lambda s: [True] * len(s.before),
        "pre_value": lambda s: list(s.before),
        "post_mask": lambda s: [x != y for x, y in zip(s.before, s.after, strict=True)],
        "post_value": lambda s: [y and not x for x, y in zip(s.before, s.after, strict=True)],
        "labels": lambda s: [x != y for x, y in zip(s.before, s.after, strict=True)].index(True),
        "success_counts": lambda s: s.successes,
        "failure_counts": lambda s: s.failures,
        "use_counts": lambda s: s.uses,
        "merge_counts": lambda s: s.merges,
        "created": lambda s: s.created,
        "last_used": lambda s: s.last_used,
    }
    for name, value in columns.items():
        rows = getattr(library, name)[list(skills)].tolist() if skills else []
        assert rows == [value(skill) for skill in skills.values()], (what, name)
    totals = (int(library.clock), int(library.next_id), int(library.num_evictions))
    assert totals == (memory.clock, memory.next_number, memory.num_evictions), what
