"""Two small libraries written down by hand, for tests of what is saved and shown."""

import dataclasses

import jax
import numpy as np

from procmem_jax.memory.library import SkillLibrary, empty
from procmem_jax.memory.settings import LibraryConfig

CONFIG = LibraryConfig(capacity=3, embedding_size=4, max_skill_length=3)
EMBEDDING = "direction of 2 coordinates"


def handmade_libraries(num_agents: int = 2) -> SkillLibrary:
    """Libraries of `CONFIG`, NumPy: agent 0 has skills in slots 0 and 2, the others have none."""
    blank = jax.device_get(empty(CONFIG))
    libraries = jax.tree.map(lambda array: np.repeat(array[None], num_agents, axis=0), blank)
    columns = {
        "embeddings": [[0.6, -0.0, 1e-45, 0.8], [0.6, -0.8, 0, 0]],
        "actions": [[1, 3, 4], [5, 0, 0]],
        "lengths": [3, 1],
        "pre_mask": [[True, True, False], [False, False, False]],
        "pre_value": [[False, True, False], [False, False, False]],
        "post_mask": [[True, False, False], [False, False, False]],
        "post_value": [[True, False, False], [False, False, False]],
        "labels": [0, -1],
        "skill_ids": [7, 5],
        "success_counts": [4, 12],
        "failure_counts": [1, 0],
        "use_counts": [5, 12],
        "merge_counts": [2, 2**31 - 1],
        "created": [3, 1],
        "last_used": [9, 8],
    }
    for name, rows in columns.items():
        getattr(libraries, name)[0, [0, 2]] = rows
    for name, number in {"clock": 11, "next_id": 9, "num_evictions": 1}.items():
        getattr(libraries, name)[0] = number
    return libraries


def changed(libraries: SkillLibrary, field: str, place, value) -> SkillLibrary:
    """The same libraries with another value in one place of one field."""
    array = getattr(libraries, field).copy()
    array[place] = value
    return dataclasses.replace(libraries, **{field: array})


def assert_same_bits(given: SkillLibrary, wanted: SkillLibrary) -> None:
    """Compares every field: dtype, shape and bytes."""
    assert given.known().keys() == wanted.known().keys()
    for name, b in wanted.known().items():
        a = getattr(given, name)
        assert isinstance(a, np.ndarray), name
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, np.asarray(b).tobytes()), name
