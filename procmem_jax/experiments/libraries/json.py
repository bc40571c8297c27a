"""Skill libraries as JSON that people can read: a list of skills for each agent, with names for numbers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.experiments.libraries.saved import LIBRARY_NUMBERS
from procmem_jax.experiments.libraries.skills import StoredSkill, read_skills
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import NO_LABEL, UNKNOWN

# By its name in the file: the array that a number is from, and what it is in a file that lacks it.
_SKILL_NUMBERS = {
    "id": ("skill_ids", None),
    "successes": ("success_counts", None),
    "failures": ("failure_counts", None),
    "uses": ("use_counts", None),
    "merges": ("merge_counts", None),
    "created": ("created", None),
    "last_used": ("last_used", None),
    "episode": ("learned_episode", UNKNOWN),
    "tick": ("learned_tick", UNKNOWN),
}


_MOST_BYTES = 1 << 31  # of all libraries of a file


def library_entries(
    libraries: SkillLibrary, agents: Sequence[int], predicate_names: Sequence[str], action_names: Sequence[str]
) -> list[dict]:
    """Returns a dict for each agent, ready for JSON, with a dict for each of its skills in the order of slots.

    Args:
        libraries: `[A, N, ...]` NumPy arrays.
        agents: the number of each of them.
        predicate_names, action_names: what the numbers mean.
    """
    entries = []
    for row, agent in enumerate(agents):
        library = jax.tree.map(lambda array, row=row: array[row], libraries)
        numbers = {name: int(getattr(library, name)) for name in LIBRARY_NUMBERS}
        skills = [_skill_entry(skill, predicate_names, action_names) for skill in read_skills(library, predicate_names)]
        entries.append({"agent": agent, **numbers, "skills": skills})
    return entries


def _skill_entry(skill: StoredSkill, predicate_names: Sequence[str], action_names: Sequence[str]) -> dict[str, Any]:
    return {
        "slot": skill.slot,
        "name": skill.name,
        "precondition": skill.requires,
        "postcondition": skill.achieves,
        "actions": [action_names[action] for action in skill.actions],
        "label": None if skill.label == NO_LABEL else predicate_names[skill.label],
        "id": skill.skill_id,
        "successes": skill.successes,
        "failures": skill.failures,
        "uses": skill.uses,
        "merges": skill.merges,
        "created": skill.created,
        "last_used": skill.last_used,
        "episode": skill.episode,
        "tick": skill.tick,
        **({} if skill.reach is None else {"reach": skill.reach}),
        "embedding": skill.embedding.tolist(),
    }


def libraries_of_entries(
    entries: Sequence[Mapping], config: LibraryConfig, predicate_names: Sequence[str], action_names: Sequence[str]
) -> SkillLibrary:
    """Returns the libraries `[A, N, ...]` that `library_entries` has told, as NumPy arrays.

    Raises:
        KeyError, TypeError, ValueError, IndexError, OverflowError: an entry lacks something, or it makes no sense.
    """
    _check_room(config, len(entries))
    blank = jax.device_get(skill_library.empty(config))
    libraries = jax.tree.map(lambda array: np.repeat(array[None], len(entries), axis=0), blank)
    for row, entry in enumerate(entries):
        for name in LIBRARY_NUMBERS:
            getattr(libraries, name)[row] = _as_int32(name, entry[name])
        library = jax.tree.map(lambda array, row=row: array[row], libraries)  # views: writing there writes here
        for skill in entry["skills"]:
            try:
                _write_skill(library, skill, predicate_names, action_names)
            except (TypeError, ValueError) as error:
                where = f"agent {entry['agent']}, slot {skill.get('slot')}"
                raise type(error)(f"{error} ({where})") from None
    return libraries


def _check_room(config: LibraryConfig, count: int) -> None:
    """Raises a ValueError for libraries that do not fit into memory: a short text may name any capacity."""
    blank = jax.tree.leaves(jax.eval_shape(lambda: skill_library.empty(config)))
    needed = count * sum(array.size * array.dtype.itemsize for array in blank)
    if needed > _MOST_BYTES:
        raise ValueError(f"capacity={config.capacity} for {count} agents takes {needed:,} bytes; use an npz file")


def _as_int32(name: str, number: int) -> int:
    if type(number) is not int:
        raise TypeError(f"{name}={number!r} is not a whole number")
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"{name}={number} has more than 32 bits")
    return number


def _as_float32(name: str, number: float) -> np.float32:
    if type(number) not in (int, float):
        raise TypeError(f"{name}={number!r} is not a number")
    with np.errstate(over="ignore"):
        return np.float32(number)


def _write_skill(
    library: SkillLibrary, skill: Mapping, predicate_names: Sequence[str], action_names: Sequence[str]
) -> None:
    slot, actions = _as_int32("slot", skill["slot"]), skill["actions"]
    capacity, longest = library.actions.shape
    if not 0 <= slot < capacity or library.skill_ids[slot] != EMPTY:
        raise ValueError(f"slot={slot} is taken twice or outside 0 to {capacity - 1}")
    if _as_int32("id", skill["id"]) < 0:
        raise ValueError(f"id={skill['id']} is below 0")
    if len(actions) > longest:
        raise ValueError(f"a skill of {len(actions)} actions is longer than max_skill_length={longest}")
    library.actions[slot, : len(actions)] = [_number_of(action, action_names) for action in actions]
    library.lengths[slot] = len(actions)
    library.labels[slot] = NO_LABEL if skill["label"] is None else _number_of(skill["label"], predicate_names)
    with np.errstate(over="ignore"):  # infinite numbers are refused later
        embedding = np.array(skill["embedding"], np.float32)
    if embedding.shape != library.embeddings.shape[1:]:
        raise ValueError(f"embedding of shape {embedding.shape} is not of {library.embeddings.shape[1]} numbers")
    library.embeddings[slot] = embedding
    for name, (field, absent) in _SKILL_NUMBERS.items():
        number = skill[name] if absent is None else skill.get(name, absent)
        getattr(library, field)[slot] = _as_int32(name, number)
    if library.reach is not None:
        library.reach[slot] = _as_float32("reach", skill.get("reach", np.inf))
    for name, mask, value in (
        ("precondition", library.pre_mask, library.pre_value),
        ("postcondition", library.post_mask, library.post_value),
    ):
        for predicate, wanted in skill[name].items():
            if not isinstance(wanted, bool):
                raise TypeError(f"{name} asks {wanted!r} of {predicate}, not true or false")
            number = _number_of(predicate, predicate_names)
            mask[slot, number], value[slot, number] = True, wanted


def _number_of(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ValueError(f"{name!r} is not among {', '.join(names)}")
    return names.index(name)


def json_text(content: Mapping) -> str:
    """Returns `content` as JSON with a line for each field; lists of plain values stay on their line.

    Raises:
        ValueError: a number is not finite.
    """
    return "".join(_pieces(content, "\n")) + "\n"


def _pieces(content: Any, newline: str) -> Iterator[str]:
    deeper = newline + "  "
    is_list_of_records = isinstance(content, list) and content and isinstance(content[0], dict)
    if isinstance(content, dict) and any(isinstance(value, (dict, list)) for value in content.values()):
        for number, (name, value) in enumerate(content.items()):
            yield f"{',' if number else '{'}{deeper}{json.dumps(name)}: "
            yield from _pieces(value, deeper)
        yield newline + "}"
    elif is_list_of_records:
        for number, value in enumerate(content):
            yield f"{',' if number else '['}{deeper}"
            yield from _pieces(value, deeper)
        yield newline + "]"
    else:
        yield json.dumps(content, allow_nan=False, ensure_ascii=False)
