"""What an agent asks of a memory: the hooks that a memory of one's own fills in, the rest being inherited.

A memory is a frozen, hashable object that owns its static settings (`records.setting`) and names the record of its
traced numbers (`Params`). Its state is a pytree that the agent carries. All methods take one example.
"""

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.percept import Percept
from procmem_jax.records import check_numbers, params_record, state_record

MemoryState = Any  # a pytree; which one is the memory's own business
MemoryParams = Any  # a pytree of numbers
Inputs = Any  # a pytree that is constant over an agent's life, or None


@state_record
class Step:
    """One step as a memory or an exploration policy sees it.

    Attributes:
        before, after: the situations around it, before any reset.
        action: `()` int32, what the agent chose.
        reward: `()` float32.
        terminated, truncated: `()` bool.
        episode, tick: `()` int32, the numbers of the episode and of the agent's tick.
    """

    before: Percept
    after: Percept
    action: jax.Array
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    episode: jax.Array | int = -1
    tick: jax.Array | int = -1


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


class World(Protocol):
    """What a memory may ask of an environment before anything runs (see `envs.protocol`)."""

    predicate_names: tuple[str, ...]
    context_size: int

    @property
    def num_actions(self) -> int:
        """The number of actions."""


def check_grid(who: str, environment: World, environment_params: Any, max_size: int) -> None:
    """Raises a ValueError unless `environment` is a grid of at most `max_size` cells along a side."""
    if not getattr(environment, "is_grid", False):
        raise ValueError(f"{who} knows the grid only; use the default memory")
    if getattr(environment, "has_legal_actions", False):
        raise ValueError(f"{who} takes any action, this environment has illegal ones; use the default memory")
    largest = int(np.max(environment_params.size))
    if largest > max_size:
        raise ValueError(f"max_size={max_size} of {who} is below size={largest}; raise max_size or lower size")


def grid_size(environment: World, environment_params: Any, otherwise: int) -> int:
    """Returns the cells along a side of the largest grid; `otherwise` where there is no grid."""
    return int(np.max(environment_params.size)) if getattr(environment, "is_grid", False) else otherwise


@params_record
class NoParams:
    """The numbers of an object that has none."""


class Memory:
    """The base of all memories: `begin`, `decide` and `observe` must be written, what else there is has a default.

    A memory of one's own is a frozen dataclass that inherits from this class, its settings made with
    `records.setting`. Its skills should be a `SkillLibrary`, which run folders, tables and warm starts understand: as
    the whole state, or as the state's field `library`.

    Attributes:
        Params: class of its numbers.
        has_skills: whether there is ever anything in its library.
        title: what pictures of an episode call it where it acts without a skill.
        settles: whether `settle` has work to do after the end of an episode.
        period: ticks between two calls of `consolidate`; 0 for never.
        group_size: agents that share one library while they learn, a divisor of 16; 1 for agents on their own. In a
            group nothing but `consolidate` may store skills, and in between they are only counted (see `pool_counts`).
        keeps_still: whether `enabled` False leaves what it has learned as it is; if not, the agent sees to it.
    """

    Params: type = NoParams
    has_skills = True
    title = "memory"
    settles = False
    period = 0
    group_size = 1
    keeps_still = False

    def default_params(self) -> MemoryParams:
        """Returns the numbers of the preset."""
        return self.Params()

    def check(self, environment: World, environment_params: Any, params: MemoryParams) -> None:
        """Raises a ValueError if it cannot work in `environment`, or a concrete number is out of bounds."""
        del environment, environment_params
        if dataclasses.is_dataclass(params):
            check_numbers(params)

    def for_environment(self, environment: World, environment_params: Any) -> "Memory":
        """Returns this memory in the sizes that the environment needs; by default as it is."""
        del environment, environment_params
        return self

    def frozen(self) -> "Memory | None":
        """Returns a memory that uses its skills and learns nothing, by its setting `learn`; None if it has no such.

        Without one the agent puts the skills back after every step.
        """
        if "learn" not in {field.name for field in dataclasses.fields(self)}:
            return None
        return dataclasses.replace(self, learn=False)

    def library_config(self, num_predicates: int, context_size: int) -> LibraryConfig:
        """Returns the settings of its library in an environment of P predicates and contexts of size C."""
        del context_size
        return LibraryConfig(capacity=1, num_predicates=num_predicates)

    def embedding_name(self, context_size: int) -> str:
        """Returns the name of what makes its embeddings: under equal names, libraries can be exchanged."""
        return f"{type(self).__module__}:{type(self).__qualname__} of {context_size} coordinates"

    def make_inputs(self, agent_id: jax.Array, num_actions: int) -> Inputs:
        """Returns what the agent `agent_id` (`()` uint32) keeps for its whole life, beside the state."""
        del agent_id, num_actions

    def view(self, percept: Percept, env_state: Any, inputs: Inputs) -> Percept:
        """Returns the percept as this memory sees it; by default as it is."""
        del env_state, inputs
        return percept

    def begin(self, percept: Percept, params: MemoryParams) -> MemoryState:
        """Returns the state of a new memory in the situation `percept`."""
        raise NotImplementedError(f"{type(self).__name__} lacks begin(percept, params)")

    def decide(
        self, state: MemoryState, percept: Percept, word: jax.Array, params: MemoryParams
    ) -> tuple[MemoryState, jax.Array, jax.Array]:
        """Returns (state, whether the memory acts `()` bool, its action `()` int32); `word` is a random word."""
        raise NotImplementedError(f"{type(self).__name__} lacks decide(state, percept, word, params)")

    def safe_actions(self, state: MemoryState, percept: Percept, word: jax.Array, num_actions: int) -> jax.Array | None:
        """Returns which actions the agent may take as far as the memory knows, `[A]` bool; None, the default, for all.

        Called before `decide`, with the same random word. Where none is safe (and legal), any (legal one) may be taken.
        """
        del state, percept, word, num_actions
        return None

    def break_off(self, state: MemoryState, now: jax.Array) -> MemoryState:
        """Returns the state after a `decide` whose action is not taken where `now` (`()` bool): it is not allowed.

        Exploration acts instead. By default as it is: `observe` gets the action that was taken.
        """
        del now
        return state

    def observe(self, state: MemoryState, step: Step, params: MemoryParams, enabled: jax.Array) -> MemoryState:
        """Returns the state after a step; with `enabled` False what the memory has learned stays as it is."""
        raise NotImplementedError(f"{type(self).__name__} lacks observe(state, step, params, enabled)")

    def enter(self, state: MemoryState, percept: Percept, is_first: jax.Array, params: MemoryParams) -> MemoryState:
        """Returns the state in the situation `percept`, after any reset; an episode's first where `is_first`."""
        del percept, is_first, params
        return state

    def end_episode(
        self, state: MemoryState, step: Step, ended: jax.Array, params: MemoryParams, enabled: jax.Array
    ) -> MemoryState:
        """Returns the state after `step` if the episode `ended` with it, before the next one starts."""
        del step, ended, params, enabled
        return state

    def is_unsettled(self, state: MemoryState) -> jax.Array:
        """Returns whether `settle` has anything to do, `()` bool; in no other tick than that which ended an episode."""
        raise NotImplementedError(f"{type(self).__name__} settles, but lacks is_unsettled(state)")

    def settle(self, state: MemoryState, inputs: Inputs, params: MemoryParams) -> MemoryState:
        """Returns the state after rare and costly work in the very tick that ended an episode."""
        del inputs, params
        return state

    def is_unconsolidated(self, state: MemoryState) -> jax.Array:
        """Returns whether `consolidate` has anything to do, `()` bool."""
        del state
        return jnp.ones((), jnp.bool_)

    def consolidate(self, state: MemoryState, params: MemoryParams, enabled: jax.Array) -> MemoryState:
        """Returns the state after costly work that can wait, done by all agents in the same ticks."""
        del params, enabled
        return state

    def advance(
        self, state: MemoryState, step: Step, percept: Percept, params: MemoryParams, inputs: Inputs = None
    ) -> MemoryState:
        """Returns the state after `step`, in the situation `percept`: all that a loop of one's own owes a memory.

        It is what the agent does with the hooks, in the agent's order, and to the bit; `decide` comes before a step.
        Under `vmap`, `step.tick` should be one number for all: what is done every `period` ticks costs little then,
        and is done, and thrown away, in every tick if each has a number of its own.

        Args:
            state: one example.
            step: its `tick` counts from 0; an episode ends with it where it is terminated or truncated.
            percept: of the situation in which the next step is taken, after any reset.
            params: its numbers.
            inputs: what `make_inputs` gave.

        Raises:
            ValueError: the memory is one for a group.
        """
        if self.group_size > 1:
            raise ValueError(
                f"group_size={self.group_size}: a loop of one's own has no groups; use group_size=1, or train"
            )
        enabled = jnp.ones((), jnp.bool_)
        ended = jnp.asarray(step.terminated) | jnp.asarray(step.truncated)
        state = self.observe(state, step, params, enabled)
        if self.settles:
            state = self.end_episode(state, step, ended, params, enabled)
        state = self.enter(state, percept, ended, params)
        if self.settles:
            unsettled = self.is_unsettled(state)
            state = jax.lax.cond(
                unsettled, lambda state: self.settle(state, inputs, params), lambda state: state, state
            )
        if not self.period:
            return state
        due = (jnp.asarray(step.tick) + 1) % self.period == 0
        return jax.lax.cond(due, lambda state: self._consolidated(state, params), lambda state: state, state)

    def _consolidated(self, state: MemoryState, params: MemoryParams) -> MemoryState:
        pending = self.is_unconsolidated(state)
        new = self.consolidate(state, params, jnp.ones((), jnp.bool_))
        return jax.tree.map(lambda here, there: jnp.where(pending, here, there), new, state)

    def running(self, state: MemoryState) -> Running:
        """Returns the skill that runs after `decide`; `run_length` means nothing where there is none."""
        del state
        return no_skill()

    def is_busy(self, state: MemoryState) -> jax.Array:
        """Returns whether a skill is running, `()` bool: the agent's own budget does not end an episode inside it."""
        return self.running(state).slot != EMPTY

    def library(self, state: MemoryState) -> SkillLibrary | None:
        """Returns the skills: by default the state itself or its field `library`, None if it is neither."""
        return state if isinstance(state, SkillLibrary) else getattr(state, "library", None)

    def with_library(self, state: MemoryState, library: SkillLibrary) -> MemoryState:
        """Returns the state with other skills.

        Raises:
            ValueError: the memory has no skills.
        """
        if isinstance(state, SkillLibrary):
            return library
        if not isinstance(getattr(state, "library", None), SkillLibrary):
            raise ValueError(f"{type(self).__name__} has no skills; use another memory to start from a library")
        if isinstance(state, tuple):  # a NamedTuple, since it has that field
            return state._replace(library=library)
        return dataclasses.replace(state, library=library)

    def share(self, state: MemoryState, library: SkillLibrary) -> MemoryState:
        """Returns the state with the library as the agent's group has it now; by default `with_library`."""
        return self.with_library(state, library)

    def num_skills(self, state: MemoryState) -> jax.Array:
        """Returns how many skills there are, `()` int32."""
        library = self.library(state)
        return jnp.zeros((), jnp.int32) if library is None else jnp.sum(library.used, dtype=jnp.int32)

    def num_uses(self, state: MemoryState) -> jax.Array:
        """Returns how many skills have been used, `()` int32; by default those that evicted skills had do not count."""
        library = self.library(state)
        if library is None:
            return jnp.zeros((), jnp.int32)
        return jnp.sum(jnp.where(library.used, library.use_counts, 0), dtype=jnp.int32)
