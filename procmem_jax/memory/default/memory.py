"""The memory that never hurts and really helps: a state machine that moves one primitive step at a time.

*Learning.* The loop-erased way to every change of the predicates is a segment, whatever comes of the episode. If any of
its steps was chosen by exploration, each of its suffixes becomes a candidate skill. Every `consolidation_interval`
ticks the candidates are taken in, shortest first; all agents do so in the same ticks, so that it costs a batch nothing
in between.

*Choosing.* Where no skill runs, the applicable, similar enough skill of the least expected cost is started: as a whole
in the situation it was made for, else its first step only, after which the agent looks again. So few, short, general
skills chain. A skill little used yet is challenged now and then by a primitive step.

A running skill is broken off where the situation promises another number of steps than it has left.

*Outcomes.* A whole skill succeeds if its postcondition comes true inside it; a first step also if it leads anywhere
new (`blame` asks for more). One that is broken off has failed if the way has closed a loop since it began, else it
leaves no outcome. After a failure the agent explores for a while, longer with every further one: no skills can hold it
for ever. The same follows on a success that brings about only what was true before in the episode: else skills that
undo each other could.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.computed_once import computed_once
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.default import path as paths
from procmem_jax.memory.default.blame import judge_first_step, learn_from_death
from procmem_jax.memory.default.choice import CHOICES, ChooseFunction, Index, Situation, least_expected_cost
from procmem_jax.memory.default.consolidation import take_in_suffixes
from procmem_jax.memory.default.direction import check_embedding, direction_embedding
from procmem_jax.memory.default.knowledge import findings
from procmem_jax.memory.default.knowledge.dangers import is_death, safe_actions
from procmem_jax.memory.default.knowledge.relevance import note_step
from procmem_jax.memory.default.knowledge.values import begin_episode, learn_change
from procmem_jax.memory.default.outcomes import break_off, count_outcome
from procmem_jax.memory.default.params import DefaultMemoryParams
from procmem_jax.memory.default.segments import consolidated, keep_segment, no_segment, ring_length
from procmem_jax.memory.default.state import DefaultMemoryState, keep_known, running_once
from procmem_jax.memory.eviction import EVICTION_RULES, EvictionRule, Utility
from procmem_jax.memory.library import EMPTY, SkillLibrary, with_reach
from procmem_jax.memory.protocol import Memory, Running, Step, World
from procmem_jax.memory.settings import LibraryConfig, check_num_actions, needs_wide_actions
from procmem_jax.percept import Percept
from procmem_jax.records import check_settings, function_text, setting
from procmem_jax.streams import coin_of

EmbedFunction = Callable[[jax.Array, int], jax.Array]
_EMBEDDINGS = {"direction": direction_embedding}


@dataclasses.dataclass(frozen=True)
class DefaultMemory(Memory):
    """The memory that never hurts and really helps; the bare object is the preset.

    `embed(context, embedding_size)` gives an embedding `[D]` of length one; `choose(situation, params)` a `Choice`;
    `evict(library, rates)` the slot that a full library gives up. `wide_actions` is for more than 127 actions (32,767
    at most), `num_surroundings` for coordinates at a context's end that matter whatever `relevance` says,
    `success_is_last` for worlds whose last predicate means success; `for_environment` sets them where they are known.

    Raises:
        TypeError, ValueError: a setting of the wrong kind or out of bounds.
    """

    capacity: int = setting(128, "slots of a library (N)", minimum=1, maximum=65536)
    embedding_size: int = setting(
        0, "length of an embedding (D); 0: twice the coordinates of the context, 3 at least", minimum=0, maximum=1024
    )
    max_skill_length: int = setting(8, "actions of the longest skill, steps (L)", minimum=1, maximum=127)
    history_length: int = setting(16, "states of a path that are remembered for loop erasure", minimum=2, maximum=1024)
    consolidation_interval: int = setting(
        16, "ticks between two times at which candidates are taken into the library", minimum=1, maximum=256
    )
    embed: EmbedFunction = setting(
        direction_embedding,
        "what a context is compared by: direction: mostly its direction",
        functions=_EMBEDDINGS,
        name="embedding",
    )
    choose: ChooseFunction = setting(
        least_expected_cost,
        "cost: the least expected; news: the same if it leads to a predicate that is new in this episode; random: any",
        functions=CHOICES,
        name="choice",
    )
    evict: EvictionRule = setting(
        Utility(), "which skill a full library gives up", functions=EVICTION_RULES, name="eviction"
    )
    learn: bool = setting(True, "False: the library is used as it is, nothing is stored or counted")
    segmentation: str = setting(
        "predicates",
        "predicates: every change of a predicate ends a segment to learn from; success: only the goal does",
        choices=("predicates", "success"),
    )
    interruption: bool = setting(True, "break a skill off where the best choice promises other steps than it has left")
    suffixes: bool = setting(True, "every suffix of a segment is a candidate, not only the whole")
    loop_erasure: bool = setting(True, "a segment that returns to a state forgets the loop")
    novel_only: bool = setting(True, "learn only from segments in which exploration chose a step")
    keep_better: bool = setting(True, "a shorter candidate takes the place of a skill for the same situation")
    admission: bool = setting(True, "turn a candidate away if the library expects no more steps without it")
    count_failures: bool = setting(True, "False: every use counts as a success")
    deaths_teach: bool = setting(
        False, "a skill tried out of its situation that kills is tried only nearer to it from then on"
    )
    progress: bool = setting(False, "a first step succeeds only where fewer steps are promised after it than before")
    values: bool = setting(
        False, "a skill's cost counts the steps from where it ends to success, too, as far as is known from predicates"
    )
    relevance: bool = setting(
        False, "coordinates and predicates count for as much as they mattered for what a skill achieves"
    )
    caution: bool = setting(False, "what killed nearly every time beside a thing is not done beside it")
    undone: bool = setting(False, "a first step has failed if it leads back to where exploration has just come from")
    group_size: int = setting(1, "agents that share one library while they learn: 1, 2, 4, 8 or 16", minimum=1)
    wide_actions: bool = False
    num_surroundings: int = 0
    success_is_last: bool = dataclasses.field(default=False, metadata={"derived": True})

    Params = DefaultMemoryParams
    keeps_still = True

    def __post_init__(self):
        check_settings(self)
        if self.relevance and self.embed is not direction_embedding:
            raise ValueError("relevance=True needs an embedding by coordinates; use embedding=direction")
        if self.history_length < self.max_skill_length:
            raise ValueError(
                f"history_length={self.history_length} is below max_skill_length={self.max_skill_length}; "
                "raise history_length"
            )

    @property
    def period(self) -> int:
        """Ticks between two consolidations."""
        return self.consolidation_interval

    def for_environment(self, environment: World, environment_params: Any) -> "DefaultMemory":
        """See `Memory`."""
        del environment_params
        return dataclasses.replace(
            self,
            wide_actions=self.wide_actions or needs_wide_actions(environment.num_actions),
            num_surroundings=self.num_surroundings or getattr(environment, "num_surroundings", 0),
            success_is_last=self.success_is_last or getattr(environment, "success_is_last", False),
        )

    def library_config(self, num_predicates: int, context_size: int) -> LibraryConfig:
        """See `Memory`."""
        return LibraryConfig(
            capacity=self.capacity,
            embedding_size=self.embedding_size or max(3, 2 * context_size),
            max_skill_length=self.max_skill_length,
            num_predicates=num_predicates,
            eviction=self.evict,
            wide_actions=self.wide_actions,
            keeps_reach=self.deaths_teach,
            worth_size=findings.num_numbers(self, num_predicates, context_size),
        )

    def embedding_name(self, context_size: int) -> str:
        """See `Memory`."""
        embed = self.embed  # an object with settings is told with them: others make other embeddings
        name = repr(embed) if dataclasses.is_dataclass(embed) else function_text(embed, _EMBEDDINGS)
        return f"{name} of {context_size} coordinates"

    def check(self, environment: World, environment_params: Any, params: DefaultMemoryParams) -> None:
        """See `Memory`."""
        super().check(environment, environment_params, params)
        context = jax.ShapeDtypeStruct((environment.context_size,), jnp.float32)
        config = self.library_config(len(environment.predicate_names), environment.context_size)
        check_num_actions(config, environment.num_actions)
        check_embedding(jax.eval_shape(self._embed, context), config.embedding_size)

    def _embed(self, context: jax.Array) -> jax.Array:
        return self.embed(context, self.embedding_size or max(3, 2 * context.shape[0]))

    def begin(self, percept: Percept, params: DefaultMemoryParams) -> DefaultMemoryState:
        """Returns a memory without skills in the situation `percept`."""
        del params
        zero = jnp.zeros((), jnp.int32)
        nothing = jnp.full((), EMPTY, jnp.int32)
        no = jnp.zeros((), jnp.bool_)
        ring = ring_length(self.history_length, self.max_skill_length, self.consolidation_interval)
        num_predicates = percept.predicates.shape[0]
        config = self.library_config(num_predicates, percept.context.shape[0])
        here = percept.fingerprint, percept.context
        path = paths.begin_path(ring, *here, config.action_dtype, keeps_furthest=self.undone)
        library = skill_library.empty(dataclasses.replace(config, worth_size=0))
        found = findings.nothing_found(self, num_predicates, percept.context.shape[0])
        return DefaultMemoryState(
            library=library,
            index=findings.index_of(library, self, found.relevance),
            num_skills=zero,
            query=self._embed(percept.context),
            path=path,
            segment=no_segment(path, num_predicates),
            running=nothing,
            cursor=zero,
            run_length=zero,
            whole=no,
            stalled=zero,
            looped=no,
            dropped=nothing,
            achieved=percept.predicates,
            failures=zero,
            retreat=zero,
            num_uses=zero,
            judged=nothing if self.progress else None,
            promised=jnp.zeros((), jnp.float32) if self.progress else None,
            **found._asdict(),
        )

    def safe_actions(
        self, state: DefaultMemoryState, percept: Percept, word: jax.Array, num_actions: int
    ) -> jax.Array | None:
        """See `Memory`."""
        return safe_actions(state.dangers, percept, word, num_actions, self.num_surroundings)

    def decide(
        self, state: DefaultMemoryState, percept: Percept, word: jax.Array, params: DefaultMemoryParams
    ) -> tuple[DefaultMemoryState, jax.Array, jax.Array]:
        """Returns (state, whether a skill runs `()` bool, its next action `()` int32).

        With probability `novelty` / (1 + uses) of the chosen skill the agent explores instead, so that what is little
        tried yet gets a rival. A running skill is broken off where the best choice promises another number of steps
        than it has left: something went otherwise than when it was learned, or there is a better way (Sutton, Precup &
        Singh 1999, "Between MDPs and semi-MDPs", on interrupting options).

        Args:
            state: one example.
            percept: of the present situation.
            word: `()` uint32, a random word.
            params: its numbers.
        """
        known = state.library, state.index, state.path.count, state.achieved, state.values
        choice = computed_once(self.choose(Situation(percept, state.query, *known), params))
        if self.progress:
            state = judge_first_step(state, choice, params, counts=self.learn, count_failures=self.count_failures)
        slot = choice.slot
        uses = state.library.use_counts[slot].astype(jnp.float32)
        challenged = coin_of(word) < params.novelty / (1.0 + uses)
        if self.interruption:
            left = (state.run_length - state.cursor).astype(jnp.float32)
            surprised = state.whole & choice.found & choice.promises & (choice.steps != left)
            state = break_off(state, surprised & (state.running != EMPTY))
        free = (state.running == EMPTY) & (state.dropped == EMPTY)
        starts = free & (state.retreat <= 0) & choice.found & ~challenged
        run_length = jnp.where(choice.whole, state.library.lengths[slot].astype(jnp.int32), 1)
        state = dataclasses.replace(
            state,
            running=jnp.where(starts, slot, state.running),
            cursor=jnp.where(starts, 0, state.cursor),
            run_length=jnp.where(starts, run_length, state.run_length),
            whole=jnp.where(starts, choice.whole, state.whole),
            stalled=jnp.where(starts, 0, state.stalled),
            looped=state.looped & ~starts,
        )
        state = running_once(state)
        if self.progress:
            state = dataclasses.replace(state, promised=jnp.where(starts, choice.steps, state.promised))
        place = (jnp.maximum(state.running, 0), jnp.minimum(state.cursor, self.max_skill_length - 1))
        action = state.library.actions.at[place].get(mode="promise_in_bounds").astype(jnp.int32)
        return state, state.running != EMPTY, action

    def break_off(self, state: DefaultMemoryState, now: jax.Array) -> DefaultMemoryState:
        """See `Memory`: the running skill has failed."""
        now = now & (state.running != EMPTY)
        return break_off(dataclasses.replace(state, looped=state.looped | now), now)

    def observe(
        self, state: DefaultMemoryState, step: Step, params: DefaultMemoryParams, enabled: jax.Array
    ) -> DefaultMemoryState:
        """Returns the state after one step: outcomes counted, a finished segment kept.

        `enter` describes the situation in which the agent is then, which after the end of an episode is another one.

        Args:
            state: one example.
            step: the step, before any reset.
            params: its numbers.
            enabled: `()` bool; False leaves library and counts as they are.
        """
        before, after = step.before, step.after
        in_skill = state.running != EMPTY
        changed = jnp.any(before.predicates != after.predicates)
        state = dataclasses.replace(state, path=paths.take_action(state.path, step.action, ~in_skill))
        looped, number = paths.find_loop(state.path, after.fingerprint)
        looped, number, changed = computed_once((looped & ~changed, number, changed))
        values, closer, closest = state.values, False, False
        if values is not None:
            values, closer, closest = learn_change(values, step, enabled & self.learn)
        segment = keep_segment(state.segment, state.path, step, changed & enabled, closer, self)
        relevance = state.relevance
        if relevance is not None:
            relevance = note_step(relevance, state.query, enabled & self.learn)
        state = dataclasses.replace(state, segment=segment, values=values, relevance=relevance)
        died = is_death(step) if self.deaths_teach else None
        if died is not None:
            state = learn_from_death(state, died & enabled & self.learn)
        if self.caution:
            state = findings.learn_what_kills(state, self, step, enabled & self.learn)
        begun = state
        state, failed = count_outcome(
            state,
            *(after, changed, looped, number, step.terminated | step.truncated),
            counts=enabled & self.learn,
            enabled=enabled,
            count_failures=self.count_failures,
            died=died,
            was_left=paths.was_left(state.path, after.fingerprint) if self.undone else None,
        )
        failed = computed_once(failed)
        if begun.relevance is not None:
            state = findings.learn_from_try(state, begun, failed, enabled & self.learn)
        state = running_once(state)
        news = jnp.any(after.predicates & ~state.achieved) | closest
        fruitless = failed | (in_skill & changed & ~news)
        failures = jnp.where(news, 0, state.failures + fruitless.astype(jnp.int32))
        retreat = jnp.where(fruitless, params.retreat_after(failures), jnp.where(changed, 0, state.retreat))
        retreat = jnp.maximum(retreat - (~in_skill).astype(jnp.int32), 0)
        next_number = jnp.where(looped & self.loop_erasure, number, state.path.count + 1)
        path = paths.go_to(state.path, computed_once(next_number), changed, self.history_length)
        achieved = state.achieved | after.predicates
        return dataclasses.replace(state, path=path, achieved=achieved, failures=failures, retreat=retreat)

    def enter(
        self, state: DefaultMemoryState, percept: Percept, is_first: jax.Array, params: DefaultMemoryParams
    ) -> DefaultMemoryState:
        """See `Memory`."""
        del params
        path = paths.begin_segment(state.path, is_first)
        values = None if state.values is None else begin_episode(state.values, percept.predicates, is_first)
        return dataclasses.replace(
            state,
            query=self._embed(percept.context),
            path=paths.describe_state(path, percept.fingerprint, percept.context),
            running=jnp.where(is_first, EMPTY, state.running),
            achieved=jnp.where(is_first, percept.predicates, state.achieved),
            failures=jnp.where(is_first, 0, state.failures),
            retreat=jnp.where(is_first, 0, state.retreat),
            judged=None if state.judged is None else jnp.where(is_first, EMPTY, state.judged),
            values=values,
        )

    def is_unconsolidated(self, state: DefaultMemoryState) -> jax.Array:
        """See `Memory`."""
        return state.segment.num_steps > 0

    def consolidate(
        self, state: DefaultMemoryState, params: DefaultMemoryParams, enabled: jax.Array
    ) -> DefaultMemoryState:
        """Returns the state with the suffixes of the kept segment taken into the library, shortest first.

        Args:
            state: one example.
            params: its numbers.
            enabled: `()` bool; False leaves the library as it is.
        """
        segment, weights = state.segment, None
        if state.relevance is not None:
            before = state.path.contexts[jax.lax.rem(segment.count, jnp.int32(state.path.contexts.shape[0]))]
            state, weights = findings.learn_relevance(state, self, self._embed(before), enabled & self.learn)
        config = self.library_config(state.achieved.shape[0], state.path.contexts.shape[1])
        library, index = take_in_suffixes(
            state, self, config, params, embed=self._embed, weights=weights, enabled=enabled & self.learn
        )
        return self._with(dataclasses.replace(state, segment=consolidated(segment)), library, index)

    def with_library(self, state: DefaultMemoryState, library: SkillLibrary) -> DefaultMemoryState:
        """See `Memory`; what was found with the skills is taken over."""
        return self.share(findings.with_numbers(state, library.worth), library)

    def share(self, state: DefaultMemoryState, library: SkillLibrary) -> DefaultMemoryState:
        """See `Memory`; what the agent itself has found stays."""
        library = dataclasses.replace(with_reach(library, self.deaths_teach), worth=None)
        return self._with(keep_known(state, library), library, findings.index_of(library, self, state.relevance))

    def library(self, state: DefaultMemoryState) -> SkillLibrary:
        """See `Memory`; with what was found beside skills."""
        return dataclasses.replace(state.library, worth=findings.as_numbers(findings.findings_of(state)))

    def _with(self, state: DefaultMemoryState, library: SkillLibrary, index: Index) -> DefaultMemoryState:
        number = jnp.sum(library.used, dtype=jnp.int32)
        return dataclasses.replace(state, library=library, index=index, num_skills=number)

    def running(self, state: DefaultMemoryState) -> Running:
        """See `Memory`."""
        return Running(state.running, state.cursor, state.run_length)

    def num_skills(self, state: DefaultMemoryState) -> jax.Array:
        """See `Memory`."""
        return state.num_skills

    def num_uses(self, state: DefaultMemoryState) -> jax.Array:
        """See `Memory`."""
        return state.num_uses
