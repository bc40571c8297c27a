"""What the numbers of a library must be, and the first skill and field where they are not."""

from collections.abc import Iterator, Sequence

import numpy as np

from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import UNKNOWN

_UNIT_TOLERANCE = 1e-3  # of an embedding's length: far more than rounding, or another way to write numbers, makes of it
_COUNTS = ("success_counts", "failure_counts", "use_counts", "merge_counts")

# A rule in words, the field it is about, and where it holds: `[A, N]` for each skill, or `[A]`.
_Rule = tuple[str, str, np.ndarray]


def check_values(
    libraries: SkillLibrary, config: LibraryConfig, agents: Sequence[int], action_names: Sequence[str]
) -> None:
    """Raises a ValueError for values that no library can hold, of `libraries` `[A, N, ...]`, NumPy arrays."""
    _check(libraries, agents, _structure(libraries, config, len(action_names)))


def check_origin(libraries: SkillLibrary, config: LibraryConfig, agents: Sequence[int]) -> None:
    """Raises a ValueError for values that no memory of ours leaves, of `libraries` `[A, N, ...]`, NumPy arrays.

    A memory of a user's own may leave them in its run; what comes from a file that anybody may have written must not
    change the results of another run unnoticed.
    """
    _check(libraries, agents, _bookkeeping(libraries, config))


def _check(libraries: SkillLibrary, agents: Sequence[int], rules: Iterator[_Rule]) -> None:
    used = libraries.skill_ids != EMPTY
    for rule, field, holds in rules:
        broken = ~holds & used if holds.ndim == 2 else ~holds
        if broken.any():
            row, *slot = (int(number) for number in np.argwhere(broken)[0])
            where = f"agent {agents[row]}" + (f", slot {slot[0]}" if slot else "")
            value = getattr(libraries, field)[row, *slot]
            text = "" if np.ndim(value) else f"={value}"
            raise ValueError(f"no library is like this: {rule} ({where}: {field}{text})")


def _structure(libraries: SkillLibrary, config: LibraryConfig, num_actions: int) -> Iterator[_Rule]:
    longest, lengths = config.max_skill_length, libraries.lengths
    yield f"lengths are from 1 to {longest}", "lengths", (lengths >= 1) & (lengths <= longest)
    known = (libraries.actions >= 0) & (libraries.actions < num_actions)
    behind = np.arange(longest) >= lengths[..., None]
    yield f"actions are from 0 to {num_actions - 1}", "actions", np.all(known | behind, axis=-1)
    last = config.num_predicates - 1
    yield f"labels are from -1 to {last}", "labels", (libraries.labels >= -1) & (libraries.labels <= last)
    yield "embeddings are finite numbers", "embeddings", np.all(np.isfinite(libraries.embeddings), axis=-1)
    if libraries.reach is not None:
        yield "reach is a number", "reach", ~np.isnan(libraries.reach)
    for field in _COUNTS:
        yield "counts are not negative", field, getattr(libraries, field) >= 0
    ids = libraries.skill_ids
    # Slots that are not used count here: an id below -1 makes a slot a used one.
    yield "skill_ids are from 0 to next_id - 1", "skill_ids", (ids >= 0) & (ids < libraries.next_id[:, None])
    order = np.argsort(ids, axis=1, kind="stable")
    ordered = np.take_along_axis(ids, order, axis=1)
    repeats = np.zeros_like(ids, bool)
    np.put_along_axis(repeats, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    yield "skill_ids never repeat", "skill_ids", ~repeats


def _bookkeeping(libraries: SkillLibrary, config: LibraryConfig) -> Iterator[_Rule]:
    norms = np.sqrt(np.sum(np.square(libraries.embeddings.astype(np.float64)), axis=-1))
    yield "embeddings have length 1", "embeddings", np.abs(norms - 1.0) <= _UNIT_TOLERANCE
    for field in ("clock", "next_id", "num_evictions"):
        yield "clocks and counts are not negative", field, getattr(libraries, field) >= 0
    clock, created, last_used = libraries.clock[:, None], libraries.created, libraries.last_used
    yield "created is from 0 to the clock", "created", (created >= 0) & (created <= clock)
    yield "last_used is from created to the clock", "last_used", (last_used >= created) & (last_used <= clock)
    successes, uses = libraries.success_counts.astype(np.int64), libraries.use_counts.astype(np.int64)
    if config.counting == "tutorial":  # a skill begins with a success, and a merge counts as one
        possible = uses + libraries.merge_counts + 1
        yield "successes are not above uses and merges", "success_counts", successes <= possible
    else:
        yield "successes are not above uses", "success_counts", successes <= uses
    yield "failures are not above uses", "failure_counts", libraries.failure_counts <= libraries.use_counts
    for field in ("learned_episode", "learned_tick"):
        yield f"{field} is from {UNKNOWN}", field, getattr(libraries, field) >= UNKNOWN
