"""The tutorial's use of its memory, as a state machine that moves one primitive step at a time.

At a decision point (no skill running) the most similar applicable skill is started. It runs to its end unless the
episode ends inside it. Failures change nothing that is ever looked at: a skill that leads nowhere is taken again.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.memory import library as skill_library
from procmem_jax.memory.eviction import EVICTION_RULES, EvictionRule, lru
from procmem_jax.memory.insertion import insert_unit
from procmem_jax.memory.library import EMPTY, SkillLibrary
from procmem_jax.memory.protocol import Memory, Running, Step, World, check_grid, grid_size
from procmem_jax.memory.settings import LibraryConfig, check_num_actions, needs_wide_actions
from procmem_jax.memory.tutorial.embedding import CodeTables, hashed_code_tables, tutorial_query
from procmem_jax.memory.tutorial.extraction import Window, empty_window, last_window_skill, push
from procmem_jax.memory.tutorial.index import Index, make_index, most_similar
from procmem_jax.percept import Percept
from procmem_jax.records import check_settings, param, params_record, setting, state_record


@params_record
class TutorialMemoryParams:
    """The numbers of the tutorial's memory (traced)."""

    merge_threshold: jax.Array | float = param(
        0.9, jnp.float32, "cosine above which a new skill is merged into a stored one", minimum=-1.0, maximum=1.0
    )
    min_success_steps: jax.Array | int = param(
        3, jnp.int32, "shortest successful episode that yields a skill, steps", minimum=1, maximum=2**30
    )


@state_record
class TutorialMemoryState:
    """A library and what the agent is doing with it.

    Attributes:
        library: the skills.
        index: of the library, for the choice.
        window: the last steps of the episode.
        running: `()` int32, the slot of the running skill, -1 for none.
        cursor: `()` int32, actions of it already taken.
        num_uses: `()` int32, skills used up in the agent's life, evicted ones included.
        unsettled: `()` bool, whether the episode that has just ended is still to become a skill.
        end_predicates: `[P]` bool, after the last step.
        num_skills: `()` int32, skills in the library.
    """

    library: SkillLibrary
    index: Index
    window: Window
    running: jax.Array
    cursor: jax.Array
    num_uses: jax.Array
    unsettled: jax.Array
    end_predicates: jax.Array
    num_skills: jax.Array


@dataclasses.dataclass(frozen=True)
class TutorialMemory(Memory):
    """The tutorial's memory, every quirk included; the bare object is the preset. It knows the grid only.

    `wide_actions` is for more than 127 actions; `for_environment` sets it where they are known.

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    capacity: int = setting(16, "slots of a library (N)", minimum=1, maximum=65536)
    embedding_size: int = setting(8, "length of an embedding (D)", minimum=3, maximum=1024)
    max_skill_length: int = setting(5, "actions of the longest skill, steps (L)", minimum=1, maximum=127)
    evict: EvictionRule = setting(lru, "which skill a full library gives up", functions=EVICTION_RULES, name="eviction")
    learn: bool = setting(True, "False: the library is used as it is, nothing is stored or counted")
    counting: str = setting(
        "tutorial",
        "tutorial: failures do not count, a merge is a success, rate s/max(uses,1); "
        "outcomes: failures count, a merge is no success, rate (s+1)/(s+f+2)",
        choices=("tutorial", "outcomes"),
    )
    code_tables: str = setting(
        "per_agent",
        "codes of the embedding: per_agent: a table for each agent by a fixed hash of its number; "
        "shared: one table for all",
        choices=("per_agent", "shared"),
    )
    max_size: int = setting(16, "cells along a side of the largest grid that the codes cover", minimum=3, maximum=64)
    wide_actions: bool = False

    Params = TutorialMemoryParams
    settles = True
    keeps_still = True

    def __post_init__(self):
        check_settings(self)

    def check(self, environment: World, environment_params: Any, params: TutorialMemoryParams) -> None:
        """See `Memory`."""
        super().check(environment, environment_params, params)
        check_grid("the tutorial's memory", environment, environment_params, self.max_size)
        check_num_actions(self.library_config(len(environment.predicate_names), 1), environment.num_actions)

    def for_environment(self, environment: World, environment_params: Any) -> "TutorialMemory":
        """See `Memory`."""
        size = grid_size(environment, environment_params, self.max_size)
        wide = self.wide_actions or needs_wide_actions(environment.num_actions)
        return dataclasses.replace(self, max_size=size, wide_actions=wide)

    def library_config(self, num_predicates: int, context_size: int) -> LibraryConfig:
        """See `Memory`."""
        del context_size
        return LibraryConfig(
            capacity=self.capacity,
            embedding_size=self.embedding_size,
            max_skill_length=self.max_skill_length,
            num_predicates=num_predicates,
            eviction=self.evict,
            counting=self.counting,
            wide_actions=self.wide_actions,
        )

    def _config_of(self, state: TutorialMemoryState) -> LibraryConfig:
        return self.library_config(state.end_predicates.shape[0], 1)

    def embedding_name(self, context_size: int) -> str:
        """See `Memory`."""
        del context_size
        return f"tutorial codes {self.code_tables}"

    def make_inputs(self, agent_id: jax.Array, num_actions: int) -> CodeTables:
        """Returns the agent's code tables, made by a fixed hash of its number."""
        table = jnp.zeros((), jnp.uint32) if self.code_tables == "shared" else agent_id
        return hashed_code_tables(table, self.max_size, num_actions)

    def view(self, percept: Percept, env_state, inputs: CodeTables) -> Percept:
        """Returns the percept with one number as its context, the code of the agent's cell."""
        code = inputs.position_codes[env_state.x.astype(jnp.int32), env_state.y.astype(jnp.int32)]
        return dataclasses.replace(percept, context=code[None])

    def begin(self, percept: Percept, params: TutorialMemoryParams) -> TutorialMemoryState:
        """Returns a memory without skills."""
        del params
        num_predicates = percept.predicates.shape[0]
        config = self.library_config(num_predicates, 1)
        library = skill_library.empty(config)
        return TutorialMemoryState(
            library=library,
            index=make_index(library),
            window=empty_window(config, 1),
            running=jnp.full((), EMPTY, jnp.int32),
            cursor=jnp.zeros((), jnp.int32),
            num_uses=jnp.zeros((), jnp.int32),
            unsettled=jnp.zeros((), jnp.bool_),
            end_predicates=jnp.zeros((num_predicates,), jnp.bool_),
            num_skills=jnp.zeros((), jnp.int32),
        )

    def decide(
        self, state: TutorialMemoryState, percept: Percept, word: jax.Array, params: TutorialMemoryParams
    ) -> tuple[TutorialMemoryState, jax.Array, jax.Array]:
        """Returns (state, whether a skill runs `()` bool, its next action `()` int32).

        Args:
            state: one example.
            percept: its context is the code of the position.
            word, params: not used.
        """
        del word, params
        query = tutorial_query(percept.context, percept.predicates, self.embedding_size)
        best = most_similar(state.index, query, percept.predicates)
        idle = state.running == EMPTY
        running = jnp.where(idle, best, state.running)
        cursor = jnp.where(idle, 0, state.cursor)
        in_skill = running != EMPTY
        action = state.library.actions[jnp.maximum(running, 0), cursor].astype(jnp.int32)
        return dataclasses.replace(state, running=running, cursor=cursor), in_skill, action

    def observe(
        self, state: TutorialMemoryState, step: Step, params: TutorialMemoryParams, enabled: jax.Array
    ) -> TutorialMemoryState:
        """Returns the state after one step: the window moved on, and the skill's outcome counted if it has ended."""
        del params
        in_skill = state.running != EMPTY
        cursor = state.cursor + 1
        length = state.library.lengths[jnp.maximum(state.running, 0)].astype(jnp.int32)
        ended = in_skill & (step.terminated | step.truncated | (cursor >= length))
        library = skill_library.record_outcome(
            state.library, state.running, step.terminated, enabled=ended & enabled & self.learn
        )
        return dataclasses.replace(
            state,
            library=library,
            window=push(state.window, step.before.context, step.before.predicates, step.action),
            running=jnp.where(ended, EMPTY, state.running),
            cursor=cursor,
            num_uses=state.num_uses + (ended & enabled).astype(jnp.int32),
        )

    def end_episode(
        self,
        state: TutorialMemoryState,
        step: Step,
        ended: jax.Array,
        params: TutorialMemoryParams,
        enabled: jax.Array,
    ) -> TutorialMemoryState:
        """See `Memory`: a success of enough steps is left to `settle`."""
        enabled = enabled & self.learn
        learns = ended & step.terminated & enabled & (state.window.length >= params.min_success_steps)
        window = dataclasses.replace(state.window, length=jnp.where(ended & ~learns, 0, state.window.length))
        return dataclasses.replace(state, window=window, unsettled=learns, end_predicates=step.after.predicates)

    def is_unsettled(self, state: TutorialMemoryState) -> jax.Array:
        """See `Memory`."""
        return state.unsettled

    def settle(
        self, state: TutorialMemoryState, inputs: CodeTables, params: TutorialMemoryParams
    ) -> TutorialMemoryState:
        """Returns the state after the episode that has just ended became a skill, if it is to."""
        config = self._config_of(state)
        skill = last_window_skill(state.window, state.end_predicates, inputs.action_codes, config)
        library, _ = insert_unit(
            state.library, skill, config, merge_threshold=params.merge_threshold, enabled=state.unsettled
        )
        window = dataclasses.replace(state.window, length=jnp.where(state.unsettled, 0, state.window.length))
        state = dataclasses.replace(state, window=window, unsettled=jnp.zeros_like(state.unsettled))
        return self.with_library(state, library)

    def with_library(self, state: TutorialMemoryState, library: SkillLibrary) -> TutorialMemoryState:
        """See `Memory`."""
        num_skills = jnp.sum(library.used, dtype=jnp.int32)
        return dataclasses.replace(state, library=library, index=make_index(library), num_skills=num_skills)

    def running(self, state: TutorialMemoryState) -> Running:
        """See `Memory`."""
        length = state.library.lengths[jnp.maximum(state.running, 0)].astype(jnp.int32)
        return Running(state.running, state.cursor, length)

    def num_skills(self, state: TutorialMemoryState) -> jax.Array:
        """See `Memory`."""
        return state.num_skills

    def num_uses(self, state: TutorialMemoryState) -> jax.Array:
        """See `Memory`."""
        return state.num_uses
