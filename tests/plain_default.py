"""The default agent in plain Python: one agent, one step at a time, lists and dicts; the tests' reference.

It pins what the fast agent does, tick by tick: how a segment grows, what becomes a skill, which skill is started, how
its outcome counts. Independent of `procmem_jax` but for the settings, whose fields it reads, and the sines of
distances, which it is given: what decides is compared in float32, and NumPy's sine has other last bits than XLA's.
"""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from plain_doorkey import PlainDoorKey
from plain_tutorial import PlainWorld, scripted_choice
from procmem_jax.agents.exploration import name_of_policy
from procmem_jax.memory.default.choice import least_expected_cost, random_applicable

F = np.float32
NUM_ACTIONS, WORD, STALL_STEPS = 6, 2**32, 2
Context, Predicates = tuple[int, ...], tuple[bool, bool, bool]


def make_embedding(codes: dict[int, tuple[F, F]], embedding_size: int) -> Callable[[Context], tuple[F, ...]]:
    """The embedding of contexts, given each coordinate's (cosine, sine) over the root of their number."""

    def embed(context: Context) -> tuple[F, ...]:
        cosines, sines = zip(*(codes[value] for value in context), strict=True)
        return (*cosines, *sines, *[F(0)] * (embedding_size - 2 * len(context)))

    return cache(embed)


def make_similarity(embed: Callable[[object], tuple[F, ...]]) -> Callable[[object, object], F]:
    """The cosine of two situations' embeddings, summed by halves, in float32."""

    def similarity(left, right) -> F:
        terms = [x * y for x, y in zip(embed(left), embed(right), strict=True)]
        while len(terms) & (len(terms) - 1):
            terms.append(F(0))
        while len(terms) > 1:
            half = len(terms) // 2
            terms = [x + y for x, y in zip(terms[:half], terms[half:], strict=True)]
        return min(max(terms[0], F(-1)), F(1))

    return cache(similarity)


@dataclass
class PlainSkill:
    """A skill, made for `situation` (a context): `before` is its full precondition, `after` where it leads."""

    situation: object
    actions: tuple[int, ...]
    before: Predicates
    after: Predicates
    number: int = -1
    successes: int = 0
    failures: int = 0
    uses: int = 0
    merges: int = 0
    created: int = 0
    last_used: int = 0

    def rate(self) -> F:
        """(s + 1) / (s + f + 2)."""
        return F(self.successes + 1) / F(self.successes + self.failures + 2)

    def reached_by(self, predicates: Predicates) -> bool:
        """Whether what the skill changes now is as it makes it."""
        rows = zip(self.before, self.after, predicates, strict=True)
        return all(now == after for before, after, now in rows if before != after)


class PlainMemory:
    """A library with the rules of choice and consolidation, of a `DefaultMemory` and concrete numbers."""

    def __init__(self, memory, params, similarity: Callable[[object, object], F], num_coordinates: int):
        self.switches, self.similarity, self.num_coordinates = memory, similarity, F(num_coordinates)
        names = ("merge_threshold", "match_tolerance", "distance_cost", "mismatch_cost", "retire_rate", "novelty")
        self.numbers = {name: F(getattr(params, name)) for name in names}
        self.retreat_steps, self.forgiven = int(params.retreat_steps), int(params.forgiven_failures)
        self.slots: list[PlainSkill | None] = [None] * memory.capacity
        self.clock = self.next_number = self.num_evictions = 0

    def judge(self, skill: PlainSkill, situation, predicates: Predicates) -> tuple[F, bool, bool]:
        """Returns (steps, as if it never failed, whether it was made for this situation, whether it is allowed)."""
        similarity = self.similarity(situation, skill.situation)
        distance = self.num_coordinates * (F(1) - similarity)
        exact = bool(similarity > self.numbers["merge_threshold"])
        allowed = skill.before == predicates and distance < self.numbers["match_tolerance"]
        allowed = allowed and skill.rate() >= self.numbers["retire_rate"]
        detour = F(0) if exact else self.numbers["distance_cost"] * (distance + self.numbers["mismatch_cost"])
        return F(len(skill.actions)) + detour, exact, bool(allowed)

    def retreat_after(self, failures: int) -> int:
        """Returns the steps of exploration after so many failures in a segment."""
        return self.retreat_steps * max(failures - self.forgiven, 0)

    def choose(self, situation, predicates: Predicates, lot: int) -> tuple[int, bool, F] | None:
        """Returns (slot, whether as a whole, steps) of the skill of least cost, the lowest slot of equals, or None."""
        costs = []
        for slot, skill in enumerate(self.slots):
            if skill is None:
                continue
            if self.switches.choose is random_applicable:
                if skill.before == predicates:
                    costs.append((_random_cost(lot + slot), slot, True, F(0)))
                continue
            steps, exact, allowed = self.judge(skill, situation, predicates)
            if allowed:
                costs.append((steps / max(skill.rate(), F(1e-6)), slot, exact, steps))
        return min(costs)[1:] if costs else None

    def challenge(self, slot: int) -> F:
        """The probability of exploration in the place of a skill that has been chosen."""
        return self.numbers["novelty"] / (F(1) + F(self.slots[slot].uses))

    def count(self, slot: int, success: bool) -> None:
        """Counts one use."""
        skill = self.slots[slot]
        skill.successes += success
        skill.failures += not success
        skill.uses += 1
        skill.last_used = self.clock
        self.clock += 1

    def utility(self, slot: int) -> F:
        """Uses per time since the skill was stored."""
        skill = self.slots[slot]
        return F(skill.uses) / (F(self.clock - skill.created) + F(self.switches.evict.grace))

    def take_in(self, skill: PlainSkill, protected: int | None) -> None:
        """Merges, stores or turns away a new skill; the slot `protected` is not overwritten."""
        judged = [(slot, old, *self.judge(old, skill.situation, skill.before)) for slot, old in self.occupied()]
        same = [(slot, old) for slot, old, _, exact, _ in judged if exact and old.before == skill.before]
        foreseen = min((steps for *_, steps, _, allowed in judged if allowed), default=F(np.inf))
        if same:
            slot, old = same[0]
            old.merges += 1
            better = len(skill.actions) < len(old.actions) or old.rate() < self.numbers["retire_rate"]
            if better and self.switches.keep_better and slot != protected:
                skill.uses, skill.merges = old.uses, old.merges
                self.store(skill, slot, old.created)
        elif not (self.switches.admission and foreseen <= len(skill.actions)):
            full = None not in self.slots
            slot = min(range(len(self.slots)), key=self.utility) if full else self.slots.index(None)
            if slot != protected:
                self.store(skill, slot, self.clock)
                self.num_evictions += full
        self.clock += 1

    def occupied(self) -> list[tuple[int, PlainSkill]]:
        """Returns (slot, skill) of all skills."""
        return [(slot, skill) for slot, skill in enumerate(self.slots) if skill is not None]

    def store(self, skill: PlainSkill, slot: int, created: int) -> None:
        """Writes a skill into a slot under a new number."""
        skill.number, skill.created, skill.last_used = self.next_number, created, self.clock
        self.slots[slot] = skill
        self.next_number += 1


def _random_cost(lot: int) -> int:
    lot = lot * 0x9E3779B1 % WORD
    lot = (lot ^ lot >> 15) * 0x85EBCA77 % WORD
    return (lot ^ lot >> 13) >> 8


PlainPercept = namedtuple("PlainPercept", "predicates context fingerprint")
PathStep = namedtuple("PathStep", "percept action explored", defaults=(-1, False))  # a state, the action taken in it


def perceive(world: PlainWorld) -> PlainPercept:
    """The percept of a world: the offset to key, door or goal, and in a doorkey world what is blocked."""
    x, y, has_key, door_open = world.state()
    target = world.key if not has_key else world.goal if door_open else world.door
    context = (target[0] - x, target[1] - y)
    if isinstance(world, PlainDoorKey):
        context += world.surroundings()
    success = door_open and (x, y) == world.goal
    return PlainPercept((has_key, door_open, success), context, x | y << 6 | has_key << 12 | door_open << 13)


@dataclass
class PlainAgent:
    """One agent. `begin_world` makes the world of an episode; `config`, `params`: `Config` and concrete `Params`."""

    config: object
    params: object
    memory: PlainMemory
    begin_world: Callable[[int], PlainWorld]
    num_episodes: int
    rows: list[tuple] = field(default_factory=list)  # of finished episodes: steps, success, skills, uses, skill steps
    episode: int = 0
    tick_number: int = 0
    uses: int = 0
    count: int = 0  # the number of the present state
    segment: tuple | None = None  # (path steps, predicates before and after) waiting for consolidation

    def __post_init__(self):
        self.start_episode()

    def start_episode(self) -> None:
        """Puts the agent into the next episode's world."""
        self.world = self.begin_world(self.episode)
        self.path = [PathStep(perceive(self.world))]
        self.running = self.dropped = self.last_action = None
        self.judged = None  # (slot, steps promised) of a first step that waits for what is promised next
        self.steps = self.skill_steps = self.failures = self.retreat = 0

    def tick(self, words: tuple[int, int]) -> tuple | None:
        """One step; returns (action, x, y, has_key, door_open, terminated, truncated), None once frozen."""
        if self.episode == self.num_episodes:
            return None
        before = self.path[-1].percept
        self.decide(before, ((words[0] >> 1) & 127) / 128)
        in_skill = self.running is not None
        action = self.memory.slots[self.running].actions[self.cursor] if in_skill else self.explore(words[0])
        sticks = self.steps > 0 and (words[1] >> 8) * 2.0**-24 < float(F(self.params.environment.sticky))
        self.last_action = self.last_action if sticks else action
        _, terminated = self.world.step(self.last_action)
        self.steps += 1
        self.skill_steps += in_skill
        truncated = not terminated and self.steps >= self.params.environment.max_steps
        self.observe(before, action, perceive(self.world), terminated or truncated)
        report = (action, *self.world.state(), terminated, truncated)
        if terminated or truncated:
            self.rows.append((self.steps, terminated, len(self.memory.occupied()), self.uses, self.skill_steps))
            self.episode += 1
            self.start_episode()
        self.tick_number += 1
        if self.tick_number % self.config.memory.consolidation_interval == 0:
            self.consolidate()
        return report

    def explore(self, word: int) -> int:
        """The explorer's action: the high half of the word times 6, or the script's."""
        action, leftover = divmod(word * NUM_ACTIONS, WORD)
        noise = {"random": 1.0, "scripted": 0.0}.get(name_of_policy(self.config.exploration))
        noise = float(F(self.params.exploration.epsilon)) if noise is None else noise
        if (leftover >> 8) * 2.0**-24 < noise:
            return action
        has_script = isinstance(self.world, PlainDoorKey)
        scripted = self.world.scripted_choice() if has_script else scripted_choice(self.world, None)
        return action if scripted is None else scripted

    def decide(self, percept: PlainPercept, coin: float) -> None:
        """Breaks a running skill off, or starts one, or none."""
        best = self.memory.choose(percept.context, percept.predicates, percept.fingerprint + self.count)
        self.judge_first_step(best)
        breaks_off = self.config.memory.interruption and self.config.memory.choose is least_expected_cost
        if self.running is not None and breaks_off and best is not None and self.whole:
            if best[2] != self.run_length - self.cursor:
                self.dropped = self.running if self.looped else None
                self.running = None
                if self.dropped is not None:
                    return
        if self.running is not None or self.retreat > 0 or best is None or coin < self.memory.challenge(best[0]):
            return
        self.running, self.whole, _ = best
        self.run_length = len(self.memory.slots[self.running].actions) if self.whole else 1
        self.promised = best[2]
        self.cursor = self.stalled = 0
        self.looped = False

    def judge_first_step(self, best: tuple | None) -> None:
        """Counts the first step of the last tick by what `best` promises, if it waits for that."""
        if self.judged is None:
            return
        slot, promised = self.judged
        self.judged = None
        success = best is not None and (self.config.memory.choose is not least_expected_cost or best[2] < promised)
        self.memory.count(slot, success or not self.config.memory.count_failures)
        if not success:
            self.failures += 1
            self.retreat = self.memory.retreat_after(self.failures)

    def observe(self, before: PlainPercept, action: int, after: PlainPercept, episode_over: bool) -> None:
        """Learns of a step: keeps a segment, counts an outcome, moves on along the path."""
        switches, in_skill = self.config.memory, self.running is not None
        changed = before.predicates != after.predicates
        self.path[-1] = PathStep(before, action, not in_skill)
        seen = [i for i, step in enumerate(self.path) if step.percept.fingerprint == after.fingerprint]
        loop = seen[-1] if seen and not changed else None
        if changed:
            steps = self.path[-self.config.memory.max_skill_length :]
            news = any(step.explored for step in steps) or not switches.novel_only
            if news and (switches.segmentation == "predicates" or after.predicates[2]):
                self.segment = (steps, before.predicates, after.predicates)
        failed = self.end_skill(after, changed, loop, episode_over) if in_skill else self.end_dropped()
        self.failures = 0 if changed else self.failures + failed
        retreat = self.memory.retreat_after(self.failures) if failed else 0 if changed else self.retreat
        self.retreat = max(retreat - (not in_skill), 0)
        if changed:
            self.path = []
        elif loop is not None and switches.loop_erasure:
            self.count -= len(self.path) - loop
            self.path = self.path[:loop]
        self.count += 1
        self.path = [*self.path, PathStep(after)][-switches.history_length :]

    def end_skill(self, after: PlainPercept, changed: bool, loop: int | None, episode_over: bool) -> bool:
        """Ends the running skill if it is over; returns whether it failed."""
        self.cursor += 1
        self.looped = self.looped or loop is not None
        self.stalled = self.stalled + 1 if loop == len(self.path) - 1 else 0
        if not (changed or episode_over or self.cursor >= self.run_length or self.stalled >= STALL_STEPS):
            return False
        if self.config.memory.progress and not (self.whole or changed or loop is not None or episode_over):
            self.judged = self.running, self.promised
            self.running = None
            self.uses += 1
            return False
        reached = changed and self.memory.slots[self.running].reached_by(after.predicates)
        success = reached or (not self.whole and loop is None)
        self.memory.count(self.running, success or not self.config.memory.count_failures)
        self.running = None
        self.uses += 1
        return not success

    def end_dropped(self) -> bool:
        """Counts the failure of a skill that was broken off after a loop; returns whether there was one."""
        if self.dropped is None:
            return False
        self.memory.count(self.dropped, not self.config.memory.count_failures)
        self.dropped = None
        self.uses += 1
        return True

    def consolidate(self) -> None:
        """Takes the suffixes of the kept segment in, shortest first."""
        if self.segment is not None and self.episode < self.num_episodes:
            steps, before, after = self.segment
            for length in range(1 if self.config.memory.suffixes else len(steps), len(steps) + 1):
                suffix = steps[-length:]
                actions = tuple(step.action for step in suffix)
                skill = PlainSkill(suffix[0].percept.context, actions, before, after)
                self.memory.take_in(skill, self.running if self.judged is None else self.judged[0])
        self.segment = None
