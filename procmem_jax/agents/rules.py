"""What an agent does with its memory, one interface for every kind: the tick asks, the rule answers.

A rule is a stateless handle; its state is a pytree that the agent carries. All methods take one example.
"""

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from procmem_jax.agents import q_learning
from procmem_jax.agents.settings import AgentParams, Config
from procmem_jax.envs.grid.actions import ACTION_NAMES
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.default import machine as default_memory
from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.tutorial import machine as tutorial_memory
from procmem_jax.memory.tutorial.embedding import CodeTables
from procmem_jax.percept import Percept
from procmem_jax.records import state_record

RuleState = Any  # a pytree; which one is the rule's own business


@state_record
class Step:
    """One step as a rule sees it.

    Attributes:
        before, after: the situations around it, before any reset.
        action: `()` int32, what the agent chose.
        reward: `()` float32.
        terminated, truncated: `()` bool.
    """

    before: Percept
    after: Percept
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array


@state_record
class Running:
    """The skill that runs between a decision and the step that follows it; `()` int32 each.

    Attributes:
        slot: of the skill, -1 for none.
        cursor: actions of it already taken.
        run_length: actions of it to take in all, as things stand.
    """

    slot: jax.Array
    cursor: jax.Array
    run_length: jax.Array


def no_skill() -> Running:
    """Returns what runs where no skill does."""
    return Running(jnp.full((), EMPTY, jnp.int32), jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32))


class Rule(Protocol):
    """What a kind of memory must answer.

    Attributes:
        settles: whether it is a `SettlingRule`.
        consolidates: whether it is a `ConsolidatingRule`.
    """

    settles: bool
    consolidates: bool

    def begin(self, percept: Percept, params: AgentParams) -> RuleState:
        """Returns the state of a new memory in the situation `percept`."""

    def decide(
        self, state: RuleState, percept: Percept, word: jax.Array, params: AgentParams
    ) -> tuple[RuleState, jax.Array, jax.Array]:
        """Returns (state, whether the memory acts `()` bool, its action `()` int32); `word` is a random word."""

    def observe(self, state: RuleState, step: Step, params: AgentParams, enabled: jax.Array) -> RuleState:
        """Returns the state after a step; with `enabled` False what the memory has learned stays as it is."""

    def is_busy(self, state: RuleState) -> jax.Array:
        """Returns whether a skill is running, `()` bool: the agent's own budget does not end an episode inside it."""

    def running(self, state: RuleState) -> Running:
        """Returns the skill that runs after `decide`; `run_length` means nothing where there is none."""

    def arrive(self, state: RuleState, percept: Percept, starts: jax.Array) -> RuleState:
        """Returns the state in the situation `percept`, after any reset; the first of an episode where `starts`."""

    def library(self, state: RuleState) -> SkillLibrary:
        """Returns the skills."""

    def with_library(self, state: RuleState, library: SkillLibrary) -> RuleState:
        """Returns the state with other skills.

        Raises:
            ValueError: the rule has no skills.
        """

    def num_skills(self, state: RuleState) -> jax.Array:
        """Returns how many skills there are, `()` int32."""

    def num_uses(self, state: RuleState) -> jax.Array:
        """Returns how many skills have been used, `()` int32."""


class SettlingRule(Rule, Protocol):
    """A rule that has rare and costly work to do in the very tick that ends an episode."""

    def end_episode(
        self, state: RuleState, step: Step, ended: jax.Array, params: AgentParams, enabled: jax.Array
    ) -> RuleState:
        """Returns the state after `step` if the episode `ended` with it, before the next one starts."""

    def is_unsettled(self, state: RuleState) -> jax.Array:
        """Returns whether `settle` has anything to do, `()` bool."""

    def settle(self, state: RuleState, codes: CodeTables, params: AgentParams) -> RuleState:
        """Returns the state after that work."""


class ConsolidatingRule(Rule, Protocol):
    """A rule that has costly work to do which can wait.

    Attributes:
        interval: ticks between two times that it is done.
    """

    interval: int

    def is_unconsolidated(self, state: RuleState) -> jax.Array:
        """Returns whether `consolidate` has anything to do, `()` bool."""

    def consolidate(self, state: RuleState, params: AgentParams, enabled: jax.Array) -> RuleState:
        """Returns the state after that work."""


@dataclasses.dataclass(frozen=True)
class TutorialRule:
    """The tutorial's memory (see `tutorial_memory`)."""

    config: Config
    settles = True
    consolidates = False

    def begin(self, percept: Percept, params: AgentParams):
        """See `Rule`."""
        del percept, params
        return tutorial_memory.begin(self.config.library)

    def decide(self, state, percept: Percept, word: jax.Array, params: AgentParams):
        """See `Rule`."""
        del word, params
        return tutorial_memory.decide(state, percept.context, percept.predicates, self.config.library)

    def observe(self, state, step: Step, params: AgentParams, enabled: jax.Array):
        """See `Rule`."""
        del params
        before = step.before
        return tutorial_memory.observe(
            state,
            before.context,
            before.predicates,
            step.action,
            step.terminated,
            step.truncated,
            enabled,
            learn=self.config.memory.learn,
        )

    def is_busy(self, state) -> jax.Array:
        """See `Rule`."""
        return state.running != EMPTY

    def running(self, state) -> Running:
        """See `Rule`."""
        length = state.library.lengths[jnp.maximum(state.running, 0)].astype(jnp.int32)
        return Running(state.running, state.cursor, length)

    def end_episode(self, state, step: Step, ended, params: AgentParams, enabled):
        """See `Rule`."""
        return tutorial_memory.end_episode(
            state,
            ended,
            step.terminated,
            step.after.predicates,
            min_success_steps=params.min_success_steps,
            enabled=enabled & self.config.memory.learn,
        )

    def is_unsettled(self, state) -> jax.Array:
        """See `Rule`."""
        return state.unsettled

    def settle(self, state, codes: CodeTables, params: AgentParams):
        """See `Rule`."""
        return tutorial_memory.settle(
            state, codes.action_codes, self.config.library, merge_threshold=params.merge_threshold
        )

    def arrive(self, state, percept: Percept, starts: jax.Array):
        """See `Rule`."""
        del percept, starts
        return state

    def library(self, state) -> SkillLibrary:
        """See `Rule`."""
        return state.library

    def with_library(self, state, library: SkillLibrary):
        """See `Rule`; of one example."""
        return tutorial_memory.with_library(state, library)

    def num_skills(self, state) -> jax.Array:
        """See `Rule`."""
        return state.num_skills

    def num_uses(self, state) -> jax.Array:
        """See `Rule`."""
        return state.num_uses


@dataclasses.dataclass(frozen=True)
class DefaultRule:
    """The memory that never hurts (see `default_memory`)."""

    config: Config
    settles = False
    consolidates = True

    @property
    def interval(self) -> int:
        """See `Rule`."""
        return self.config.memory.consolidation_interval

    def begin(self, percept: Percept, params: AgentParams):
        """See `Rule`."""
        del params
        return default_memory.begin(percept, self.config.library, self.config.memory)

    def decide(self, state, percept: Percept, word: jax.Array, params: AgentParams):
        """See `Rule`."""
        return default_memory.decide(state, percept, coin_of(word), self.config.library, params, self.config.memory)

    def observe(self, state, step: Step, params: AgentParams, enabled: jax.Array):
        """See `Rule`."""
        over = step.terminated | step.truncated
        return default_memory.observe(
            state,
            step.before,
            step.action,
            step.after,
            over,
            enabled,
            self.config.library,
            params,
            self.config.memory,
        )

    def is_busy(self, state) -> jax.Array:
        """See `Rule`."""
        return state.running != EMPTY

    def running(self, state) -> Running:
        """See `Rule`."""
        return Running(state.running, state.cursor, state.run_length)

    def arrive(self, state, percept: Percept, starts: jax.Array):
        """See `Rule`."""
        return default_memory.arrive(state, percept, starts, self.config.library)

    def is_unconsolidated(self, state) -> jax.Array:
        """See `Rule`."""
        return state.segment.num_steps > 0

    def consolidate(self, state, params: AgentParams, enabled: jax.Array):
        """See `Rule`."""
        return default_memory.consolidate(state, enabled, self.config.library, params, self.config.memory)

    def library(self, state) -> SkillLibrary:
        """See `Rule`."""
        return state.library

    def with_library(self, state, library: SkillLibrary):
        """See `Rule`; of one example."""
        return default_memory.with_library(state, library)

    def num_skills(self, state) -> jax.Array:
        """See `Rule`."""
        return state.num_skills

    def num_uses(self, state) -> jax.Array:
        """See `Rule`."""
        return state.num_uses


@dataclasses.dataclass(frozen=True)
class QLearningRule:
    """Tabular Q-learning (see `q_learning`): it always acts, and has no skills."""

    config: Config
    settles = False
    consolidates = False

    def begin(self, percept: Percept, params: AgentParams):
        """See `Rule`."""
        rows = q_learning.num_situations(
            percept.predicates.shape[0], percept.context.shape[0], self.config.world.max_size
        )
        return q_learning.begin(rows, len(ACTION_NAMES), params)

    def decide(self, state, percept: Percept, word: jax.Array, params: AgentParams):
        """See `Rule`."""
        index = q_learning.situation_index(percept, self.config.world.max_size)
        action = q_learning.decide(state, index, word, coin_of(word), params)
        return state, jnp.ones((), jnp.bool_), action

    def observe(self, state, step: Step, params: AgentParams, enabled: jax.Array):
        """See `Rule`."""
        index, next_index = (
            q_learning.situation_index(percept, self.config.world.max_size) for percept in (step.before, step.after)
        )
        return q_learning.learn(state, index, step.action, step.reward, next_index, step.terminated, enabled, params)

    def is_busy(self, state) -> jax.Array:
        """See `Rule`."""
        del state
        return jnp.zeros((), jnp.bool_)

    def running(self, state) -> Running:
        """See `Rule`."""
        del state
        return no_skill()

    def arrive(self, state, percept: Percept, starts: jax.Array):
        """See `Rule`."""
        del percept, starts
        return state

    def library(self, state) -> SkillLibrary:
        """See `Rule`."""
        del state
        return skill_library.empty(self.config.library)

    def with_library(self, state, library: SkillLibrary):
        """See `Rule`."""
        raise ValueError("memory='q_learning' has no skills; use another memory to start from a library")

    def num_skills(self, state) -> jax.Array:
        """See `Rule`."""
        del state
        return jnp.zeros((), jnp.int32)

    def num_uses(self, state) -> jax.Array:
        """See `Rule`."""
        del state
        return jnp.zeros((), jnp.int32)


def make_rule(config: Config) -> Rule | None:
    """Returns the rule that `config` names, None if the memory is off."""
    if not config.agent.use_skills:
        return None
    return {"tutorial": TutorialRule, "default": DefaultRule, "q_learning": QLearningRule}[config.agent.memory](config)


def coin_of(word: jax.Array) -> jax.Array:
    """Returns a number from {0, 1/128, ..., 127/128}, `()` float32, from low bits that no other draw looks at.

    The explorer's action and coin come from the high bits of the same word (see `exploration.explore`).
    """
    return ((word >> 1) & jnp.uint32(127)).astype(jnp.float32) * (1.0 / 128.0)
