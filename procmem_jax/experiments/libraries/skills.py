"""The skills of one agent's library as records that people, tables, pictures and JSON can be made of."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np

from procmem_jax.memory.library import SkillLibrary, success_rates
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.settings import LibraryConfig


@dataclasses.dataclass(frozen=True)
class StoredSkill:
    """One skill of a library.

    Attributes:
        slot: its slot.
        skill_id: never given to another skill of this library.
        name: see `skill_name`.
        label: the predicate that names it, -1 for none.
        actions: as many as it has steps.
        requires, achieves: what its precondition and postcondition ask of which predicates, by name.
        uses, successes, failures, merges: counts.
        created, last_used: by the library's clock.
        episode, tick: in which it was learned, -1 if unknown.
        rate: its success rate as the memory sees it, cut to [0, 1]; None before it is used.
        reach: the distance below which it is tried out of its own situation; None where it has killed nobody.
        embedding: `[D]` float32.
    """

    slot: int
    skill_id: int
    name: str
    label: int
    actions: tuple[int, ...]
    requires: dict[str, bool]
    achieves: dict[str, bool]
    uses: int
    successes: int
    failures: int
    merges: int
    created: int
    last_used: int
    episode: int
    tick: int
    rate: float | None
    reach: float | None
    embedding: np.ndarray = dataclasses.field(repr=False, compare=False)


def read_skills(
    library: SkillLibrary, predicate_names: Sequence[str], config: LibraryConfig | None = None
) -> list[StoredSkill]:
    """Returns the skills of one agent's library, in the order of their slots.

    Args:
        library: one example, NumPy arrays.
        predicate_names: P names.
        config: the library's settings, which say what a success rate is; without them there are no rates.
    """
    rates = None
    if config is not None:
        rates = np.minimum(jax.device_get(success_rates(library, config)), 1.0)
    return [_read_skill(library, slot, predicate_names, rates) for slot in np.flatnonzero(library.used).tolist()]


def _read_skill(
    library: SkillLibrary, slot: int, predicate_names: Sequence[str], rates: np.ndarray | None
) -> StoredSkill:
    reach = np.inf if library.reach is None else float(library.reach[slot])
    label, length, uses = (int(column[slot]) for column in (library.labels, library.lengths, library.use_counts))
    return StoredSkill(
        slot=slot,
        skill_id=int(library.skill_ids[slot]),
        name=skill_name(label, length, predicate_names),
        label=label,
        actions=tuple(library.actions[slot, :length].tolist()),
        requires=_condition(library.pre_mask[slot], library.pre_value[slot], predicate_names),
        achieves=_condition(library.post_mask[slot], library.post_value[slot], predicate_names),
        uses=uses,
        successes=int(library.success_counts[slot]),
        failures=int(library.failure_counts[slot]),
        merges=int(library.merge_counts[slot]),
        created=int(library.created[slot]),
        last_used=int(library.last_used[slot]),
        episode=int(library.learned_episode[slot]),
        tick=int(library.learned_tick[slot]),
        rate=float(rates[slot]) if uses and rates is not None else None,
        reach=reach if reach < np.inf else None,
        embedding=library.embeddings[slot],
    )


def _condition(mask: np.ndarray, value: np.ndarray, predicate_names: Sequence[str]) -> dict[str, bool]:
    return {name: bool(value[p]) for p, name in enumerate(predicate_names) if mask[p]}


def condition_text(condition: dict[str, bool], otherwise: str) -> str:
    """Returns a condition in words, such as "has_key, not door_open"; `otherwise` where it asks for nothing."""
    return ", ".join(name if wanted else f"not {name}" for name, wanted in condition.items()) or otherwise
