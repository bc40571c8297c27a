"""A default memory by hand: a puppet whose every step is told where it leads."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from memory.handmade import HAS_KEY, NOTHING, as_library
from plain_default import PlainSkill
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.protocol import Step
from procmem_jax.percept import Percept
from procmem_jax.records import as_arrays

SIZES = {"capacity": 6, "embedding_size": 4, "max_skill_length": 4}
LIBRARY = DefaultMemory(**SIZES).library_config(3, 2)
SUCCESS = (True, True, True)
NEXT_START = (1, -2)  # where every episode but the first begins
FAR = {"distance_cost": 1000.0}  # no skill is expected to do for another situation: every candidate is stored


# Where each switch is looked at, so that no method is compiled twice for the sake of another's.
SWITCHES = {
    "begin": ("deaths_teach", "caution", "progress", "values", "relevance", "undone"),
    "with_library": ("deaths_teach", "caution", "values", "relevance"),
    "decide": ("choose", "interruption", "progress", "values", "relevance"),
    "observe": (
        *("segmentation", "loop_erasure", "novel_only", "count_failures", "learn", "deaths_teach"),
        *("values", "relevance", "caution", "undone"),
    ),
    "consolidate": ("suffixes", "keep_better", "admission", "learn", "evict", "deaths_teach", "values", "relevance"),
}


@functools.cache
def jitted(method, **settings):
    return jax.jit(getattr(DefaultMemory(**SIZES, **settings), method))


@functools.cache
def embed(context):
    return np.asarray(direction_embedding(jnp.asarray(context, jnp.float32), 4)).tolist()


def percept(place, predicates):
    """What is known at a place (x, y), which is its own context."""
    fingerprint = jnp.uint32(place[0] % 100 + 100 * (place[1] % 100))
    return Percept(jnp.array(predicates), jnp.array(place, jnp.float32), fingerprint)


class Puppet:
    """A memory in a world that is told where every step leads."""

    def __init__(self, start=(3, 0), *, skills=(), predicates=NOTHING, memory=None, **changes):
        self.settings = {"history_length": 8, "interruption": False} | (memory or {})
        self.memory = DefaultMemory(**SIZES, **self.settings)
        numbers = {"merge_threshold": 0.99999, "novelty": 0.0, "retire_rate": 0.25, "forgiven_failures": 0} | changes
        self.params = as_arrays(DefaultMemoryParams(**numbers))
        self.place, self.predicates = start, predicates
        self.state = self.call("begin", percept(start, predicates), self.params)
        if skills:
            self.state = self.call("with_library", self.state, as_library(skills, LIBRARY, embed))

    def call(self, method, *args):
        looked_at = ("history_length", "embed", *SWITCHES.get(method, ()))
        return jitted(method, **{name: self.settings[name] for name in looked_at if name in self.settings})(*args)

    @property
    def library(self):
        return self.memory.library(self.state)

    def skills(self):
        """(actions, precondition, what it changes) of all skills, by slot."""
        library, rows = self.library, []
        for slot in np.flatnonzero(library.skill_ids >= 0):
            actions = library.actions[slot, : library.lengths[slot]].tolist()
            changes = np.flatnonzero(library.post_mask[slot]).tolist()
            rows.append((actions, tuple(library.pre_value[slot].tolist()), changes))
        return rows

    def counts(self, slot=0):
        """(uses, successes, failures) of a skill."""
        library = self.library
        return tuple(int(x[slot]) for x in (library.use_counts, library.success_counts, library.failure_counts))

    def decide(self, coin=127):
        """Whether a skill runs, and its next action; `coin` of 128."""
        self.state, in_skill, action = self.call("decide", self.state, percept(self.place, self.predicates),
                                                 jnp.uint32(coin << 1), self.params)  # fmt: skip
        return bool(in_skill), int(action)

    def step(self, to, action=9, *, predicates=None, over=False, died=False, reward=0, enabled=True, coin=127):
        """One step to a place, by a skill's action or else by `action`; returns (whether by a skill, the action)."""
        in_skill, skill_action = self.decide(coin)
        taken = skill_action if in_skill else action
        before = percept(self.place, self.predicates)
        self.place, self.predicates = to, self.predicates if predicates is None else predicates
        after = percept(self.place, self.predicates)
        truncated, enabled = jnp.bool_(over), jnp.bool_(enabled)
        step = Step(before, after, jnp.int32(taken), jnp.float32(reward), jnp.bool_(died), truncated)
        self.state = self.call("observe", self.state, step, self.params, enabled)
        if over or died:
            self.place, self.predicates = NEXT_START, NOTHING
        self.enter(is_first=over or died)
        return in_skill, taken

    def enter(self, place=None, predicates=None, *, is_first):
        """Puts the agent into a situation, by default the present one."""
        self.place, self.predicates = place or self.place, predicates or self.predicates
        here = percept(self.place, self.predicates)
        self.state = self.call("enter", self.state, here, jnp.bool_(is_first), self.params)

    def explore(self, *steps, **last):
        """Explores along (action, place) pairs; `last` goes to the last step."""
        for index, (action, place) in enumerate(steps):
            found = self.step(place, action, **(last if index == len(steps) - 1 else {}))
            assert found == (False, action)

    def consolidate(self, enabled=True):
        self.state = self.call("consolidate", self.state, self.params, jnp.bool_(enabled))
        return self


def skill(place, actions, before=NOTHING, after=HAS_KEY, **fields):
    return PlainSkill(place, tuple(actions), before, after, **fields)


TO_KEY = ((2, (2, 0)), (3, (1, 0)), (4, (0, 0)))  # from (3, 0), the last one takes the key


def after_key(**settings):
    """A memory that has found the key by exploring, before consolidation."""
    puppet = Puppet(**settings)
    puppet.explore(*TO_KEY, predicates=HAS_KEY)
    return puppet


KNOWN = skill((3, 0), [2, 3, 4])
