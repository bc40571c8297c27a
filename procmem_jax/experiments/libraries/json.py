"""Skill libraries as JSON that people can read: a list of skills for each agent, with names for numbers."""

import json
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from procmem_jax.experiments.libraries.saved import LIBRARY_NUMBERS
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.naming import skill_name
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import NO_LABEL

_SKILL_NUMBERS = {
    "id": "skill_ids",
    "successes": "success_counts",
    "failures": "failure_counts",
    "uses": "use_counts",
    "merges": "merge_counts",
    "created": "created",
    "last_used": "last_used",
}


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
        slots = np.flatnonzero(library.used).tolist()
        skills = [_skill_entry(library, slot, predicate_names, action_names) for slot in slots]
        entries.append({"agent": agent, **numbers, "skills": skills})
    return entries


def _skill_entry(
    library: SkillLibrary, slot: int, predicate_names: Sequence[str], action_names: Sequence[str]
) -> dict[str, Any]:
    label, length = int(library.labels[slot]), int(library.lengths[slot])
    return {
        "slot": slot,
        "name": skill_name(label, length, predicate_names),
        "precondition": condition(library.pre_mask[slot], library.pre_value[slot], predicate_names),
        "postcondition": condition(library.post_mask[slot], library.post_value[slot], predicate_names),
        "actions": [action_names[action] for action in library.actions[slot, :length]],
        "label": None if label == NO_LABEL else predicate_names[label],
        **{name: int(getattr(library, field)[slot]) for name, field in _SKILL_NUMBERS.items()},
        "embedding": library.embeddings[slot].tolist(),
    }


def condition(mask: np.ndarray, value: np.ndarray, predicate_names: Sequence[str]) -> dict[str, bool]:
    """Returns what a condition asks of which predicates; `mask` and `value` are `[P]` bool."""
    return {name: bool(value[p]) for p, name in enumerate(predicate_names) if mask[p]}


def libraries_of_entries(
    entries: Sequence[Mapping], config: LibraryConfig, predicate_names: Sequence[str], action_names: Sequence[str]
) -> SkillLibrary:
    """Returns the libraries `[A, N, ...]` that `library_entries` has told, as NumPy arrays.

    Raises:
        KeyError, TypeError, ValueError, IndexError, OverflowError: an entry lacks something, or it makes no sense.
    """
    blank = jax.device_get(skill_library.empty(config))
    libraries = jax.tree.map(lambda array: np.repeat(array[None], len(entries), axis=0), blank)
    for row, entry in enumerate(entries):
        for name in LIBRARY_NUMBERS:
            getattr(libraries, name)[row] = operator.index(entry[name])
        library = jax.tree.map(lambda array, row=row: array[row], libraries)  # views: writing there writes here
        for skill in entry["skills"]:
            _write_skill(library, skill, predicate_names, action_names)
    return libraries


def _write_skill(
    library: SkillLibrary, skill: Mapping, predicate_names: Sequence[str], action_names: Sequence[str]
) -> None:
    slot, actions = operator.index(skill["slot"]), skill["actions"]
    capacity, longest = library.actions.shape
    if not 0 <= slot < capacity or library.skill_ids[slot] != EMPTY:
        raise ValueError(f"slot={slot} is taken twice or outside 0 to {capacity - 1}")
    if skill["id"] < 0:
        raise ValueError(f"id={skill['id']} is below 0")
    if len(actions) > longest:
        raise ValueError(f"a skill of {len(actions)} actions is longer than max_skill_length={longest}")
    library.actions[slot, : len(actions)] = [_number_of(action, action_names) for action in actions]
    library.lengths[slot] = len(actions)
    library.labels[slot] = NO_LABEL if skill["label"] is None else _number_of(skill["label"], predicate_names)
    with np.errstate(over="ignore"):  # infinite numbers are refused later
        library.embeddings[slot] = np.array(skill["embedding"], np.float32).reshape(library.embeddings.shape[1])
    for name, field in _SKILL_NUMBERS.items():
        getattr(library, field)[slot] = operator.index(skill[name])
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
