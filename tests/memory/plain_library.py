"""The skill library in plain Python, a list of dicts: the tests' model. And random operations for both."""

import dataclasses

import jax
import numpy as np

from procmem_jax.memory.insertion import insert
from procmem_jax.memory.library import empty, record_outcome, summary
from procmem_jax.memory.retrieval import retrieve
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.skills import Skill

COPIED = ("actions", "length", "pre_mask", "pre_value", "post_mask", "post_value", "label")
COUNTS = ("successes", "failures", "uses", "merges")
# Unit vectors whose cosines are exact in float32: multiples of 1/4, so that model and library agree on ties.
VECTORS = [*np.eye(4).tolist(), [0.5] * 4, [0.5, 0.5, -0.5, -0.5], [-1.0, 0, 0, 0], [0.0] * 4]
INSERT, RECORD, NOTHING = range(3)


def cosine(left, right):
    """The cosine of two unit or zero vectors."""
    return float(np.dot(left, right))


class PlainLibrary:
    """The model: `slots` holds None or a skill as a dict with its id, counts and times."""

    def __init__(self, config: LibraryConfig):
        self.config = config
        self.slots: list[dict | None] = [None] * config.capacity
        self.clock = self.next_id = self.num_evictions = 0

    def rate(self, skill: dict) -> np.float32:
        """The success rate, rounded as the library rounds it."""
        if self.config.counting == "tutorial":
            return np.float32(skill["successes"]) / np.float32(max(skill["uses"], 1))
        return np.float32(skill["successes"] + 1) / np.float32(skill["successes"] + skill["failures"] + 2)

    def victim(self, time: int) -> int:
        """The slot that the rule gives up, the lowest of equals."""
        worth = {
            "lru": lambda skill: skill["last_used"],
            "least_used": lambda skill: skill["uses"],
            "lowest_rate": self.rate,
            "oldest": lambda skill: skill["id"],
            "utility": lambda skill: np.float32(skill["uses"]) / np.float32(time - skill["created"] + 200),
        }[self.config.eviction]
        return min(range(len(self.slots)), key=lambda slot: worth(self.slots[slot]))

    def insert(self, skill: dict, merge_threshold: float) -> tuple[int, bool, int]:
        """Returns (slot, merged, evicted id)."""
        time, self.clock = self.clock, self.clock + 1
        for slot, stored in enumerate(self.slots):
            if stored is not None and cosine(skill["embedding"], stored["embedding"]) > merge_threshold:
                stored["merges"] += 1
                stored["successes"] += self.config.counting == "tutorial"
                return slot, True, -1
        evicted = -1
        if None in self.slots:
            slot = self.slots.index(None)
        else:
            slot = self.victim(time)
            evicted = self.slots[slot]["id"]
            self.num_evictions += 1
        fresh = {"id": self.next_id, "created": time, "last_used": time}
        self.slots[slot] = {**skill, **fresh, "failures": 0, "uses": 0, "merges": 0}
        self.next_id += 1
        return slot, False, evicted

    def record_outcome(self, slot: int, success: bool) -> None:
        """Counts one use, if there is a skill in `slot`."""
        if not 0 <= slot < len(self.slots) or self.slots[slot] is None:
            return
        skill = self.slots[slot]
        skill["uses"] += 1
        skill["successes" if success else "failures"] += 1
        skill["last_used"] = self.clock
        self.clock += 1

    def retrieve(self, predicates, query, k: int) -> tuple[list, list, list]:
        """Returns (scores, slots, valid), by cosine with `query` or, if it is None, by success rate."""
        ranked = []
        for slot, skill in enumerate(self.slots):
            if skill is None:
                continue
            asked = zip(skill["pre_mask"], skill["pre_value"], predicates, strict=True)
            if all(value == now for mask, value, now in asked if mask):
                score = self.rate(skill) if query is None else cosine(query, skill["embedding"])
                ranked.append((-score, slot))
        ranked = sorted(ranked)[:k]
        rest = k - len(ranked)
        scores = [float(-score) for score, _ in ranked] + [-np.inf] * rest
        return scores, [slot for _, slot in ranked] + [-1] * rest, [True] * len(ranked) + [False] * rest

    def summary(self) -> tuple[int, int, float]:
        """Returns (skills, uses, mean success rate)."""
        skills = [skill for skill in self.slots if skill is not None]
        rates = [float(self.rate(skill)) for skill in skills]
        return len(skills), sum(skill["uses"] for skill in skills), sum(rates) / max(len(rates), 1)

    def fields(self) -> dict:
        """Returns the arrays that a `SkillLibrary` should hold, by name; None where a slot is empty."""
        arrays = {"clock": self.clock, "next_id": self.next_id, "num_evictions": self.num_evictions}
        columns = {name: name for name in ("actions", "pre_mask", "pre_value", "post_mask", "post_value")}
        columns |= {"lengths": "length", "labels": "label", "skill_ids": "id", "embeddings": "embedding"}
        columns |= {"success_counts": "successes", "failure_counts": "failures", "use_counts": "uses"}
        columns |= {"merge_counts": "merges", "last_used": "last_used", "created": "created"}
        columns |= {"learned_episode": "episode", "learned_tick": "tick"}
        for array, field in columns.items():
            arrays[array] = [None if skill is None else skill[field] for skill in self.slots]
        return arrays


def assert_equal_libraries(library, model: PlainLibrary) -> None:
    """Compares every field of a concrete `SkillLibrary`; what an empty slot holds besides its id is free."""
    expected = model.fields()
    assert library.skill_ids.tolist() == [-1 if number is None else number for number in expected["skill_ids"]]
    for name, column in library.known().items():
        actual, wanted = column.tolist(), expected[name]
        if isinstance(wanted, list):
            actual = [
                None if number is None else value for value, number in zip(actual, expected["skill_ids"], strict=True)
            ]
        assert actual == wanted, name


def make_skill(skill: dict) -> Skill:
    """The model's skill as NumPy arrays."""
    dtypes = {"embedding": np.float32, "actions": np.int8, "length": np.int8, "label": np.int8}
    dtypes |= {"successes": np.int32, "episode": np.int32, "tick": np.int32}
    names = [field.name for field in dataclasses.fields(Skill) if field.name in skill]
    return Skill(**{name: np.asarray(skill[name], dtypes.get(name, np.bool_)) for name in names})


def plain_skill(number: int, vector: int, config: LibraryConfig, condition: int = 0) -> dict:
    """Skill `number`, which carries its number in every field but its embedding and precondition."""
    bits = [bool(number >> shift & 1) for shift in range(2 * config.num_predicates)]
    predicates = config.num_predicates
    masks = [bool(condition >> shift & 1) for shift in range(2 * predicates)]
    return {
        "embedding": VECTORS[vector],
        "actions": [number % 128] * config.max_skill_length,
        "length": 1 + number % config.max_skill_length,
        "pre_mask": masks[:predicates],
        "pre_value": masks[predicates:],
        "post_mask": bits[:predicates],
        "post_value": bits[predicates:],
        "label": number % predicates,
        "successes": number % 4,
        "episode": number + 1000,
        "tick": number + 2000,
    }


def make_program(config: LibraryConfig, k: int):
    """One jitted scan over operations; returns what `insert`, `retrieve` and `summary` say after each of them."""

    def tick(library, inputs):
        kind, skill, threshold, slot, success, predicates, query = inputs
        library, insertion = insert(library, skill, config, merge_threshold=threshold, enabled=kind == INSERT)
        library = record_outcome(library, slot, success, enabled=kind == RECORD)
        by_query = retrieve(library, predicates, config, query=query, k=k)
        by_rate = retrieve(library, predicates, config, k=k)
        return library, (library, insertion, by_query, by_rate, summary(library, config))

    return jax.jit(lambda inputs: jax.lax.scan(tick, empty(config), inputs)[1])
