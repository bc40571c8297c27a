"""What a skill is for, in words: the situation that it was learned in."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

from procmem_jax.envs.foreign.door_key import BESIDE, DOOR_KEY_PREDICATES
from procmem_jax.envs.grid.world import SURROUNDINGS
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.skills import StoredSkill, condition_text
from procmem_jax.memory.default.direction import context_of_direction

_DIRECTION = re.compile(r"direction of (\d+) coordinates")
# Of worlds of key, door and goal, by the coordinates of their contexts: the words for (ahead or right, right or up),
# and for the opposites; then the cells that may be blocked.
_GRID = (("right", "left"), ("up", "down"))
_VIEW = (("ahead", "behind"), ("right", "left"))
_WORDS = {
    2: (_GRID, ()),
    2 + len(SURROUNDINGS): (_GRID, SURROUNDINGS),
    2 + len(BESIDE): (_VIEW, BESIDE),
}


def num_coordinates(embedding: str) -> int | None:
    """Returns how many coordinates the contexts have behind embeddings by direction; None for those of other rules."""
    match = _DIRECTION.fullmatch(embedding)
    return None if match is None else int(match[1])


def situation_text(skill: StoredSkill, saved: SavedLibraries) -> str:
    """Returns what a skill asks for and where things are, such as "key 3 right 1 up, walls N SE" where that is known.

    Elsewhere it is the numbers of the context, or, of embeddings that cannot be read back, a short digest, equal for
    equal situations; then the precondition.
    """
    condition = condition_text(skill.requires, "anything")
    size = num_coordinates(saved.embedding)
    if size is None:
        return f"situation {zlib.crc32(np.ascontiguousarray(skill.embedding)) % 2**16:04x}: {condition}"
    context = context_of_direction(skill.embedding, size)
    if saved.predicate_names != DOOR_KEY_PREDICATES or len(context) not in _WORDS or len(skill.requires) < 3:
        return f"context {' '.join(map(_number, context))}: {condition}"
    words, cells = _WORDS[len(context)]
    text = f"{_target(skill.requires)} {_offset(context[:2], words)}"
    blocked = [_beside(cell, words) for cell, is_blocked in zip(cells, context[2:], strict=True) if is_blocked > 0]
    return f"{text}, walls {' '.join(blocked)}" if blocked else text


def _target(requires: dict[str, bool]) -> str:
    """Returns what is to be fetched, opened or reached next."""
    return "goal" if requires["door_open"] else "door" if requires["has_key"] else "key"


def _offset(offset: np.ndarray, words: Sequence[tuple[str, str]]) -> str:
    parts = [
        f"{_number(abs(value))} {names[int(value < 0)]}"
        for value, names in zip(offset, words, strict=True)
        if value != 0
    ]
    here = "here" if words is _GRID else "here or not seen"
    return " ".join(parts) or here


def _beside(cell: tuple[int, int], words: Sequence[tuple[str, str]]) -> str:
    """Returns a cell beside the agent as on a map, north in front: N, SE."""
    north, east = cell if words is _VIEW else cell[::-1]
    return ("N" if north > 0 else "S" if north < 0 else "") + ("E" if east > 0 else "W" if east < 0 else "")


def _number(value: float) -> str:
    """Returns a number, whole if it is but for rounding."""
    return f"{value:.0f}" if abs(value - round(value)) < 0.02 * max(1.0, abs(value)) else f"{value:.1f}"
