"""A memory around another, which acts only where that is seen to pay, but for rare trials."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.memory.protocol import Inputs, Memory, MemoryParams, MemoryState, Running, Step, World, no_skill
from procmem_jax.memory.proven.comparison import (
    NUM_NUMBERS,
    Comparison,
    as_numbers,
    choose_arm,
    count_episode,
    from_numbers,
    is_better,
    no_episodes,
)
from procmem_jax.memory.settings import LibraryConfig
from procmem_jax.memory.tutorial.memory import TutorialMemory
from procmem_jax.percept import Percept
from procmem_jax.records import check_settings, setting, state_record

_DEFAULT = DefaultMemory()


@state_record
class ProvenMemoryState:
    """The state of the other memory, and what is known of its worth.

    Attributes:
        inner: the state of the other memory.
        known: the episodes so far.
        used: `()` bool, whether the memory acts in this episode.
        total: `()` float32, rewards of this episode.
        held: `()` bool, whether `known` is that of an earlier run and stays as it is. None where the memory judges.
    """

    inner: MemoryState
    known: Comparison
    used: jax.Array
    total: jax.Array
    held: jax.Array | None = None


@dataclasses.dataclass(frozen=True)
class ProvenMemory(Memory):
    """A memory that has to prove itself: in each agent a bandit decides, episode by episode, whether it acts.

    In an episode without, the agent does what it would do if it had no memory; the memory still watches and learns.
    An episode that begins without any skills is one. What it can cost in any world is told in `proven/comparison.py`.
    It judges by returns, summed without discount, and takes the exploration policy for one that does not change; one
    that does, such as `Adaptive`, is judged by all its episodes.

    What an agent knows in the end is kept with its skills (`SkillLibrary.worth`). Where nothing is learned (`frozen`,
    as in `eval`) it goes by that: with the memory if those episodes paid more, else without, without trials. A run that
    learns judges anew, also from a warm start: the skills may be worth another in another environment.

    Attributes:
        judges: whether it judges; False (`frozen`) if it does only for want of an earlier judgement.

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    memory: Memory = setting(
        _DEFAULT,
        "the memory that has to prove itself",
        functions={"default": _DEFAULT, "tutorial": TutorialMemory()},
        base=Memory,
        name="inner_memory",
    )
    budget: float = setting(
        0.5, "what a trial of the memory may lose, in ranges of the return", minimum=0.001, maximum=1000.0
    )
    window: int = setting(32, "episodes with the memory that its mean return is about", minimum=1, maximum=2**20)
    lowest_return: float = setting(
        0.0, "the least that an episode can return; as high as highest_return: as seen", minimum=-1e30, maximum=1e30
    )
    highest_return: float = setting(0.0, "the most that an episode can return", minimum=-1e30, maximum=1e30)
    judges: bool = True

    def __post_init__(self):
        check_settings(self)
        if self.lowest_return > self.highest_return:
            raise ValueError(
                f"lowest_return={self.lowest_return} is above highest_return={self.highest_return}; exchange them"
            )

    @property
    def has_skills(self) -> bool:
        """See `Memory`."""
        return self.memory.has_skills

    @property
    def title(self) -> str:
        """See `Memory`."""
        return self.memory.title

    @property
    def settles(self) -> bool:
        """See `Memory`."""
        return self.memory.settles

    @property
    def period(self) -> int:
        """See `Memory`."""
        return self.memory.period

    @property
    def group_size(self) -> int:
        """See `Memory`; each agent of a group judges for itself."""
        return self.memory.group_size

    @property
    def keeps_still(self) -> bool:
        """See `Memory`."""
        return self.memory.keeps_still

    def default_params(self) -> MemoryParams:
        """Returns the numbers of the other memory; it has no others."""
        return self.memory.default_params()

    def check(self, environment: World, environment_params: Any, params: MemoryParams) -> None:
        """See `Memory`."""
        self.memory.check(environment, environment_params, params)

    def for_environment(self, environment: World, environment_params: Any) -> "ProvenMemory":
        """See `Memory`."""
        return dataclasses.replace(self, memory=self.memory.for_environment(environment, environment_params))

    def frozen(self) -> "ProvenMemory | None":
        """See `Memory`. If the other memory has no such, the one that is returned has none either."""
        frozen = self.memory.frozen()
        if frozen is None and not self.judges:
            return None
        return dataclasses.replace(self, memory=frozen or self.memory, judges=False)

    def library_config(self, num_predicates: int, context_size: int) -> LibraryConfig:
        """See `Memory`."""
        config = self.memory.library_config(num_predicates, context_size)
        return dataclasses.replace(config, worth_size=NUM_NUMBERS + config.worth_size)

    def embedding_name(self, context_size: int) -> str:
        """See `Memory`."""
        return self.memory.embedding_name(context_size)

    def make_inputs(self, agent_id: jax.Array, num_actions: int) -> Inputs:
        """See `Memory`."""
        return self.memory.make_inputs(agent_id, num_actions)

    def view(self, percept: Percept, env_state: Any, inputs: Inputs) -> Percept:
        """See `Memory`."""
        return self.memory.view(percept, env_state, inputs)

    def begin(self, percept: Percept, params: MemoryParams) -> ProvenMemoryState:
        """Returns the state in the first episode, which is with the memory if it needs no skills."""
        bounds = (self.lowest_return, self.highest_return)
        known = no_episodes(*(bounds if bounds[0] < bounds[1] else (math.inf, -math.inf)))
        inner = self.memory.begin(percept, params)
        held = None if self.judges else jnp.zeros((), jnp.bool_)
        return ProvenMemoryState(inner, known, self._has_any(inner), jnp.zeros((), jnp.float32), held)

    def _has_any(self, inner: MemoryState) -> jax.Array:
        """Returns whether the memory has anything to act on, `()` bool: skills, if it is one that has skills."""
        if self.memory.library(inner) is None:
            return jnp.ones((), jnp.bool_)
        return self.memory.num_skills(inner) > 0

    def decide(
        self, state: ProvenMemoryState, percept: Percept, word: jax.Array, params: MemoryParams
    ) -> tuple[ProvenMemoryState, jax.Array, jax.Array]:
        """See `Memory`; without the memory its state stays as it is, and it does not act."""
        inner, acts, action = self.memory.decide(state.inner, percept, word, params)
        inner = _where(state.used, inner, state.inner)
        return dataclasses.replace(state, inner=inner), acts & state.used, action

    def safe_actions(
        self, state: ProvenMemoryState, percept: Percept, word: jax.Array, num_actions: int
    ) -> jax.Array | None:
        """See `Memory`; without the memory any."""
        safe = self.memory.safe_actions(state.inner, percept, word, num_actions)
        return None if safe is None else safe | ~state.used

    def break_off(self, state: ProvenMemoryState, now: jax.Array) -> ProvenMemoryState:
        """See `Memory`."""
        return dataclasses.replace(state, inner=self.memory.break_off(state.inner, now & state.used))

    def observe(
        self, state: ProvenMemoryState, step: Step, params: MemoryParams, enabled: jax.Array
    ) -> ProvenMemoryState:
        """See `Memory`."""
        inner = self.memory.observe(state.inner, step, params, enabled)
        return dataclasses.replace(state, inner=inner, total=state.total + jnp.where(enabled, step.reward, 0.0))

    def enter(
        self, state: ProvenMemoryState, percept: Percept, is_first: jax.Array, params: MemoryParams
    ) -> ProvenMemoryState:
        """See `Memory`; where an episode begins, the one before is counted and an arm chosen, unless that is held."""
        inner = self.memory.enter(state.inner, percept, is_first, params)
        known = count_episode(state.known, state.used, state.total, self.window)
        used, again = choose_arm(known, self.budget)
        known = dataclasses.replace(known, with_count=jnp.where(again, 0, known.with_count))
        if state.held is not None:
            known = _where(state.held, state.known, known)
            used = jnp.where(state.held, is_better(state.known), used)
        begun = ProvenMemoryState(inner, known, used & self._has_any(inner), jnp.zeros_like(state.total), state.held)
        return dataclasses.replace(_where(is_first, begun, state), inner=inner)

    def end_episode(
        self, state: ProvenMemoryState, step: Step, ended: jax.Array, params: MemoryParams, enabled: jax.Array
    ) -> ProvenMemoryState:
        """See `Memory`."""
        return dataclasses.replace(state, inner=self.memory.end_episode(state.inner, step, ended, params, enabled))

    def is_unsettled(self, state: ProvenMemoryState) -> jax.Array:
        """See `Memory`."""
        return self.memory.is_unsettled(state.inner)

    def settle(self, state: ProvenMemoryState, inputs: Inputs, params: MemoryParams) -> ProvenMemoryState:
        """See `Memory`."""
        return dataclasses.replace(state, inner=self.memory.settle(state.inner, inputs, params))

    def is_unconsolidated(self, state: ProvenMemoryState) -> jax.Array:
        """See `Memory`."""
        return self.memory.is_unconsolidated(state.inner)

    def consolidate(self, state: ProvenMemoryState, params: MemoryParams, enabled: jax.Array) -> ProvenMemoryState:
        """See `Memory`."""
        return dataclasses.replace(state, inner=self.memory.consolidate(state.inner, params, enabled))

    def running(self, state: ProvenMemoryState) -> Running:
        """See `Memory`."""
        return _where(state.used, self.memory.running(state.inner), no_skill())

    def is_busy(self, state: ProvenMemoryState) -> jax.Array:
        """See `Memory`."""
        return state.used & self.memory.is_busy(state.inner)

    def library(self, state: ProvenMemoryState) -> SkillLibrary | None:
        """See `Memory`; with what is known of the skills' worth, before what the other memory knows."""
        library = self.memory.library(state.inner)
        if library is None:
            return None
        own = as_numbers(state.known)
        worth = own if library.worth is None else jnp.concatenate([own, library.worth])
        return dataclasses.replace(library, worth=worth)

    def with_library(self, state: ProvenMemoryState, library: SkillLibrary) -> ProvenMemoryState:
        """See `Memory`; in the first episode skills that are given are used at once, unless found wanting earlier."""
        inner = self.memory.with_library(state.inner, _of_inner(library))
        is_first, has_any = state.known.episodes == 0, self._has_any(inner)
        state = dataclasses.replace(state, inner=inner, used=jnp.where(is_first, has_any, state.used))
        if state.held is None or library.worth is None:
            return state
        known = from_numbers(library.worth[:NUM_NUMBERS])
        held = ProvenMemoryState(inner, known, is_better(known) & has_any, state.total, jnp.ones((), jnp.bool_))
        return _where(is_first & (known.episodes > 0), held, state)

    def share(self, state: ProvenMemoryState, library: SkillLibrary) -> ProvenMemoryState:
        """See `Memory`; whether the memory acts in this episode stays as it is."""
        inner = self.memory.share(state.inner, dataclasses.replace(library, worth=None))
        return dataclasses.replace(state, inner=inner)

    def num_skills(self, state: ProvenMemoryState) -> jax.Array:
        """See `Memory`."""
        return self.memory.num_skills(state.inner)

    def num_uses(self, state: ProvenMemoryState) -> jax.Array:
        """See `Memory`."""
        return self.memory.num_uses(state.inner)


def _of_inner(library: SkillLibrary) -> SkillLibrary:
    """Returns the library as the other memory gave it."""
    worth = None if library.worth is None else library.worth[NUM_NUMBERS:]
    return dataclasses.replace(library, worth=None if worth is None or worth.shape[0] == 0 else worth)


def _where(wanted: jax.Array, new: Any, old: Any) -> Any:
    """Returns `new` where it is `wanted`, else `old`; what is the very same in both costs nothing."""
    return jax.tree.map(lambda here, there: here if here is there else jnp.where(wanted, here, there), new, old)
