"""The libraries of many agents as one: the better of two alike, nothing that others cover, contradictions told."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np

from procmem_jax.experiments.libraries.pooling import (
    best_first,
    expected_costs,
    join_equal,
    join_near,
    rates_of,
    rows_of,
    take_rows,
)
from procmem_jax.experiments.libraries.rules import check_origin
from procmem_jax.experiments.libraries.saved import LIBRARY_NUMBERS, SavedLibraries
from procmem_jax.experiments.libraries.situations import num_coordinates
from procmem_jax.experiments.libraries.skills import StoredSkill, read_skills
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.eviction import EVICTION_RULES
from procmem_jax.memory.library import SkillLibrary, empty
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.records import function_text


@dataclasses.dataclass(frozen=True)
class Conflict:
    """Two skills for one situation of which a memory can take only one; their slots, ids and rates mean nothing.

    Attributes:
        kept, dropped: the skills, the better first.
        opposite: whether their effects contradict each other; else they get to the same in different ways.
    """

    kept: StoredSkill
    dropped: StoredSkill
    opposite: bool


@dataclasses.dataclass(frozen=True)
class MergedLibraries:
    """One library of many, and what became of their skills: kept, joined, in conflict, covered or left out.

    Attributes:
        saved: the library, of one agent, which has the lowest number of theirs; its best skills come first.
        num_agents, num_skills: of the sources.
        num_joined: skills with the same actions as another one, which has their counts now.
        conflicts: one for each skill that a better one for the same situation took the place of.
        num_covered: skills in whose situation another one is expected to be quicker.
        num_left_out: skills for which there was no room.
    """

    saved: SavedLibraries
    num_agents: int
    num_skills: int
    num_joined: int
    conflicts: tuple[Conflict, ...]
    num_covered: int
    num_left_out: int


def merge_libraries(
    sources: Sequence[SavedLibraries],
    *,
    capacity: int | None = None,
    params: DefaultMemoryParams | None = None,
    names: Sequence[str] | None = None,
) -> MergedLibraries:
    """Returns one library of the skills of all agents, in whatever order they are given.

    Skills with the same actions, precondition and effects for the same situation are joined: their successes, failures
    and uses are added, it counts as learned when the best of them was, and reaches no farther than any. Then the skills
    are gone through from the least expected cost (steps over success rate, as `skill_costs`; the retired last), and one
    is dropped if a kept one with its precondition

    * is for the same situation, and has the same effects or opposite ones: a conflict;
    * has the same effects, and is expected to be as quick or quicker in its situation, at which it looks similar
      enough: then the default memory would not take it there. (Only among embeddings by direction.)

    What does not fit is left out, fewest successes first. Source: Minton 1988, "Quantitative results concerning the
    utility of explanation-based learning", as for what the default memory takes in.

    Args:
        sources: libraries, of any number of agents each, that were learned from the same kind of percepts.
        capacity: slots of the library; by default as many as the largest of the sources has.
        params: what counts as the same situation, as similar and as retired; by default the default memory's.
        names: what errors call the sources; by default "source 1" and so on.

    Raises:
        ValueError: there are no sources, they do not belong together, or no memory leaves such libraries.
    """
    names = [f"source {number}" for number in range(1, len(sources) + 1)] if names is None else list(names)
    params = DefaultMemoryParams() if params is None else params
    _check_sources(sources, names)
    config = _config_of([source.config for source in sources], capacity)
    given = rows_of(sources, config)
    threshold = float(params.merge_threshold)
    pool = join_near(join_equal(given, config, params), config, params, threshold) if len(given.lengths) else given
    kept, conflicts, num_covered = _choose(pool, config, params, num_coordinates(sources[0].embedding))
    shown = kept[: config.capacity]
    percepts = {source.percept for source in sources} - {None}
    saved = dataclasses.replace(
        sources[0],
        libraries=_library_of(take_rows(pool, shown), config, len(kept) - len(shown)),
        config=config,
        agents=(min(agent for source in sources for agent in source.agents),),
        versions=versions(),
        percept=percepts.pop() if percepts else None,
    )
    num_given, num_pooled = len(given.lengths), len(pool.lengths)
    return MergedLibraries(
        saved=saved,
        num_agents=sum(len(source.agents) for source in sources),
        num_skills=num_given,
        num_joined=num_given - num_pooled,
        conflicts=_conflicts_of(pool, conflicts, saved),
        num_covered=num_covered,
        num_left_out=len(kept) - len(shown),
    )


def _check_sources(sources: Sequence[SavedLibraries], names: Sequence[str]) -> None:
    if not sources:
        raise ValueError("no libraries were given to merge; give one or more")
    for source, name in zip(sources, names, strict=True):
        try:
            check_origin(source.libraries, source.config, source.agents)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    # The percept may be unknown, which fits any.
    first = next((place for place, source in enumerate(sources) if source.percept is not None), 0)
    wanted = _kind_of(sources[first])
    for source, name in zip(sources, names, strict=True):
        for field, value in _kind_of(source).items():
            if value != wanted[field] and (field, value) != ("percept", None):
                raise ValueError(
                    f"{name}: {field}={_text(value)} differs from {_text(wanted[field])} of {names[first]}; merge "
                    "libraries of the same kind of world and memory"
                )
    agents = {agent for source in sources for agent in source.agents}
    if sources[0].embedding == "tutorial codes per_agent" and len(agents) > 1:
        raise ValueError(
            "code_tables=per_agent: no agent can read the embeddings of another; merge libraries of runs with --set "
            "code_tables=shared"
        )


def _kind_of(saved: SavedLibraries) -> dict[str, object]:
    """Returns all that must be equal of libraries that are merged, by name."""
    sizes = {name: getattr(saved.config, name) for name in ("embedding_size", "max_skill_length", "counting")}
    names = {name: getattr(saved, name) for name in ("action_names", "predicate_names", "embedding", "percept")}
    return names | sizes


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _config_of(configs: Sequence[LibraryConfig], capacity: int | None) -> LibraryConfig:
    first = min(configs, key=lambda config: function_text(config.eviction, EVICTION_RULES))
    return dataclasses.replace(
        first,
        capacity=max(config.capacity for config in configs) if capacity is None else capacity,
        wide_actions=any(config.wide_actions for config in configs),
        keeps_reach=any(config.keeps_reach for config in configs),
    )


def _choose(
    pool: SkillLibrary, config: LibraryConfig, params: DefaultMemoryParams, coordinates: int | None
) -> tuple[list[int], list[tuple[int, int, bool]], int]:
    """Returns (rows to keep, the most valuable first; (kept row, dropped row, opposite) of conflicts; covered rows)."""
    expected = expected_costs(pool, config, params)
    rates = rates_of(pool, config)
    embeddings = pool.embeddings.astype(np.float64)
    kept: dict[bytes, list[int]] = {}  # by precondition
    conflicts, num_covered = [], 0
    for row in best_first(expected).tolist():
        rivals = kept.setdefault(pool.pre_mask[row].tobytes() + pool.pre_value[row].tobytes(), [])
        others = np.array(rivals, int)
        cosine = embeddings[others] @ embeddings[row]
        opposite = np.any(
            pool.post_mask[others] & pool.post_mask[row] & (pool.post_value[others] != pool.post_value[row]), axis=1
        )
        alike = (
            np.all(pool.post_mask[others] == pool.post_mask[row], axis=1)
            & np.all(pool.post_value[others] == pool.post_value[row], axis=1)
            & (pool.labels[others] == pool.labels[row])
        )
        rivalling = (cosine > float(params.merge_threshold)) & (alike | opposite)
        if rivalling.any():
            first = int(np.argmax(rivalling))
            conflicts.append((rivals[first], row, bool(opposite[first])))
        elif coordinates is not None and np.any(
            alike & _covers(pool, others, rates, coordinates * (1.0 - cosine), params, expected[row])
        ):
            num_covered += 1
        else:
            rivals.append(row)
    rows = np.array(sorted(row for rows in kept.values() for row in rows), int)
    retired = ~np.isfinite(expected[rows])
    order = np.lexsort((rows, expected[rows], -pool.success_counts[rows].astype(np.int64), retired))
    return rows[order].tolist(), conflicts, num_covered


def _covers(
    pool: SkillLibrary,
    others: np.ndarray,
    rates: np.ndarray,
    distance: np.ndarray,
    params: DefaultMemoryParams,
    expected: float,
) -> np.ndarray:
    """Returns whether the skills of the rows `others` cost at most `expected` at such distances, as `skill_costs`."""
    steps = pool.lengths[others] + float(params.distance_cost) * (distance + float(params.mismatch_cost))
    allowed = (distance < float(params.match_tolerance)) & (rates[others] >= float(params.retire_rate))
    if pool.reach is not None:
        allowed = allowed & (distance < pool.reach[others])
    return allowed & (steps / rates[others] <= expected)


def _library_of(rows: SkillLibrary, config: LibraryConfig, num_left_out: int) -> SkillLibrary:
    """Returns the rows as one library `[1, N, ...]`: the first in the lowest slot, and as if it was stored last."""
    count = len(rows.lengths)
    rows = dataclasses.replace(rows, skill_ids=np.arange(count - 1, -1, -1, dtype=np.int32))

    def fill(blank: np.ndarray, column: np.ndarray) -> np.ndarray:
        return np.concatenate([column, blank[count:]])[None] if blank.ndim else column[None]

    numbers = {"clock": rows.clock, "next_id": count, "num_evictions": num_left_out}
    numbers = {name: np.asarray(numbers[name], np.int32) for name in LIBRARY_NUMBERS}
    return jax.tree.map(fill, jax.device_get(empty(config)), dataclasses.replace(rows, **numbers))


def _conflicts_of(
    pool: SkillLibrary, conflicts: Sequence[tuple[int, int, bool]], saved: SavedLibraries
) -> tuple[Conflict, ...]:
    skills = read_skills(pool, saved.predicate_names) if conflicts else []
    return tuple(Conflict(skills[kept], skills[dropped], opposite) for kept, dropped, opposite in conflicts)
