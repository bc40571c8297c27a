"""The procedural agent: one tick is one primitive step of one agent, whatever it is doing."""

import dataclasses

import jax
import jax.numpy as jnp

from procmem_jax.agents.exploration import Tape, explore, play_tape
from procmem_jax.agents.rules import Rule, RuleState, Running, Step, make_rule, no_skill
from procmem_jax.agents.settings import Config, Params
from procmem_jax.envs.protocol import Start, World, WorldState, make_world
from procmem_jax.memory.tutorial.embedding import CodeTables, hashed_code_tables
from procmem_jax.percept import Percept
from procmem_jax.records import state_record
from procmem_jax.streams import Streams, draw_words

_BLOCK_TICKS = 16
_LONGEST_BLOCK = 64


@state_record
class AgentInputs:
    """What makes an agent the one it is, constant over its life.

    Attributes:
        number: `()` uint32, the global agent number, which chooses its random words.
        num_episodes: `()` int32, episodes of its life; after them it is frozen.
        codes: the tables of the tutorial's embedding, None with another memory.
        tape: recorded exploration, or None.
    """

    number: jax.Array
    num_episodes: jax.Array
    codes: CodeTables | None
    tape: Tape | None


@state_record
class EpisodeMetrics:
    """What is reported of an episode; all `[E]`.

    Attributes:
        episode_return: float32, the sum of the rewards in their order.
        steps: int32, primitive steps.
        success: bool, whether the last predicate was true at its end (in the grid: the goal was reached).
        skills: int32, skills in the library after the episode.
        skill_uses: int32, skills used since the agent began.
        skill_steps: int32, steps taken inside skills.
    """

    episode_return: jax.Array
    steps: jax.Array
    success: jax.Array
    skills: jax.Array
    skill_uses: jax.Array
    skill_steps: jax.Array


@state_record
class Finished:
    """What a tick tells of the episode that it may have ended.

    Attributes:
        ended: `()` bool, whether an episode ended that counts.
        episode: `()` int32, its number.
        episode_return: `()` float32; likewise `steps`, `success` and `skill_steps` as in `EpisodeMetrics`.
    """

    ended: jax.Array
    episode: jax.Array
    episode_return: jax.Array
    steps: jax.Array
    success: jax.Array
    skill_steps: jax.Array


@state_record
class AgentState:
    """One agent in the middle of its life.

    Attributes:
        world: its world.
        memory: its library, running skill and whatever else its rule keeps; None if the memory is off.
        tick: `()` int32, ticks since it began.
        episode: `()` int32, the number of the running episode; `num_episodes` once it is frozen.
        steps, skill_steps: `()` int32, of the running episode.
        episode_return: `()` float32, of the running episode.
        return_error: `()` float32, what rounding has taken from `episode_return` (Kahan 1965, compensated summation):
            a plain float32 sum of thousands of rewards of -0.1 is off in the second decimal.
        tape_index: `()` int32, the next entry of the tape.
        metrics: of all its episodes so far.
    """

    world: WorldState
    memory: RuleState | None
    tick: jax.Array
    episode: jax.Array
    steps: jax.Array
    skill_steps: jax.Array
    episode_return: jax.Array
    return_error: jax.Array
    tape_index: jax.Array
    metrics: EpisodeMetrics


@state_record
class Transition:
    """One primitive step, for recordings.

    Attributes:
        action: `()` int32.
        world: the state after the step, before any reset.
        reward: `()` float32.
        terminated, truncated: `()` bool.
        active: `()` bool, False once the agent is frozen.
        memory_acts: `()` bool, whether the memory chose the action, not exploration.
        running: the skill that it is of, if any.
    """

    action: jax.Array
    world: WorldState
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    active: jax.Array
    memory_acts: jax.Array
    running: Running


@dataclasses.dataclass(frozen=True)
class ProceduralAgent:
    """An agent of a certain kind in a world of a certain kind. Stateless, hashable, static under `jit`.

    Methods take one example; `vmap` them for batches.

    Attributes:
        config: all its static settings.
    """

    config: Config

    @property
    def world(self) -> World:
        """The environment."""
        return make_world(self.config.world)

    @property
    def rule(self) -> Rule | None:
        """What it does with its memory; None if the memory is off."""
        return make_rule(self.config)

    @property
    def interval(self) -> int:
        """Ticks between two consolidations."""
        return self.rule.interval if self.consolidates else 1

    @property
    def settles(self) -> bool:
        """Whether the memory has work to do at the end of an episode."""
        return self.rule is not None and self.rule.settles

    @property
    def consolidates(self) -> bool:
        """Whether the memory has work to do every `interval` ticks."""
        return self.rule is not None and self.rule.consolidates

    @property
    def block_ticks(self) -> int:
        """Ticks that `run_ticks` runs as one block: so many that it pays, and a divisor of the interval if need be."""
        if not self.consolidates:
            return _BLOCK_TICKS
        return max(ticks for ticks in range(1, _LONGEST_BLOCK + 1) if self.interval % ticks == 0)

    def make_inputs(self, number: jax.Array, num_episodes: jax.Array, tape: Tape | None = None) -> AgentInputs:
        """Returns the inputs of agent `number` (`()` uint32), its code tables made by a fixed hash."""
        number = jnp.asarray(number, jnp.uint32)
        codes = None
        if self.config.agent.memory == "tutorial":
            table = jnp.zeros((), jnp.uint32) if self.config.agent.code_tables == "shared" else number
            codes = hashed_code_tables(table, self.config.world.max_size, self.world.num_actions)
        return AgentInputs(number, jnp.asarray(num_episodes, jnp.int32), codes, tape)

    def begin(self, params: Params, streams: Streams, inputs: AgentInputs, num_recorded: int) -> AgentState:
        """Returns an agent at the start of its first episode, with room for metrics of `num_recorded` episodes."""
        zero = jnp.zeros((), jnp.int32)
        room = jnp.zeros((num_recorded,), jnp.int32)
        real_zero = jnp.zeros((), jnp.float32)
        world = self.world.begin(self.draw_layout(params, streams, inputs, zero), params.world)
        return AgentState(
            world=world,
            memory=None if self.rule is None else self.rule.begin(self.perceive(params, inputs, world), params.agent),
            tick=zero,
            episode=zero,
            steps=zero,
            skill_steps=zero,
            episode_return=real_zero,
            return_error=real_zero,
            tape_index=zero,
            metrics=EpisodeMetrics(
                jnp.zeros((num_recorded,), jnp.float32), room, room.astype(jnp.bool_), room, room, room
            ),
        )

    def tick(
        self, params: Params, streams: Streams, inputs: AgentInputs, state: AgentState
    ) -> tuple[AgentState, Transition]:
        """Returns (state, transition) of one primitive step.

        An agent whose episode ends starts the next in the same tick; under `vmap` every tick therefore costs a reset,
        which the layouts keep cheap. After its last episode an agent is frozen: its library, counts and metrics stay
        as they are.
        """
        words = draw_words(streams.tick, state.tick, inputs.number)
        upcoming = self.draw_layout(params, streams, inputs, state.episode + 1)
        state, transition, finished = self.advance(params, inputs, state, words, upcoming)
        state = self.settle(params, inputs, state)
        row = self.report(state, finished)
        num_recorded = state.metrics.steps.shape[0]
        place = jnp.where(finished.ended, finished.episode, num_recorded)
        metrics = jax.tree.map(lambda column, value: column.at[place].set(value, mode="drop"), state.metrics, row)
        return dataclasses.replace(state, metrics=metrics), transition

    def advance(
        self,
        params: Params,
        inputs: AgentInputs,
        state: AgentState,
        words: tuple[jax.Array, jax.Array],
        upcoming: Start,
    ) -> tuple[AgentState, Transition, Finished]:
        """Returns (state, transition, what ended) of one primitive step, before `settle` and with nothing reported.

        Args:
            params, inputs: of the agent.
            state: one example.
            words: two `()` uint32 random words, those of this tick.
            upcoming: what the next episode begins with.
        """
        state, transition, finished = self.act(params, inputs, state, words)
        fresh = self.world.begin(upcoming, params.world)
        return self.turn_page(params, inputs, state, finished.ended, fresh), transition, finished

    def act(
        self, params: Params, inputs: AgentInputs, state: AgentState, words: tuple[jax.Array, jax.Array]
    ) -> tuple[AgentState, Transition, Finished]:
        """Returns (state, transition, what ended) of one primitive step, before `turn_page`."""
        active = state.episode < inputs.num_episodes
        before = self.perceive(params, inputs, state.world)
        memory, in_skill, skill_action = self._decide(params, state.memory, before, words[0])
        running = no_skill() if self.rule is None else self.rule.running(memory)
        explored, tape_index = self.choose_exploration(params, inputs, state, words[0])
        action = jnp.where(in_skill, skill_action, explored)
        tape_index = jnp.where(in_skill | ~active, state.tape_index, tape_index)
        world, reward, terminated, truncated, _ = self.world.step_from_words(
            (words[1], words[1]), state.world, action, params.world
        )
        step = Step(before, self.perceive(params, inputs, world), action, reward, terminated, truncated)
        memory, ended = self._learn(params, inputs, memory, step, state.steps + 1, active)
        state = dataclasses.replace(
            state,
            world=world,
            memory=memory,
            tick=state.tick + 1,
            steps=state.steps + 1,
            skill_steps=state.skill_steps + in_skill.astype(jnp.int32),
            tape_index=tape_index,
        )
        state = _add_reward(state, reward)
        ended = ended & active
        success = step.after.predicates[-1]
        finished = Finished(ended, state.episode, state.episode_return, state.steps, success, state.skill_steps)
        transition = Transition(action, world, reward, terminated, truncated, active, in_skill, running)
        return state, transition, finished

    def turn_page(
        self, params: Params, inputs: AgentInputs, state: AgentState, ended: jax.Array, fresh: WorldState
    ) -> AgentState:
        """Returns the state after `act` with the next episode begun in the world `fresh`, where `ended`."""
        world = jax.tree.map(lambda new, old: jnp.where(ended, new, old), fresh, state.world)
        memory = state.memory
        if self.rule is not None:
            memory = self.rule.arrive(memory, self.perceive(params, inputs, world), ended)
        zero = jnp.zeros((), jnp.int32)
        return dataclasses.replace(
            state,
            world=world,
            memory=memory,
            episode=state.episode + ended.astype(jnp.int32),
            steps=jnp.where(ended, zero, state.steps),
            skill_steps=jnp.where(ended, zero, state.skill_steps),
            episode_return=jnp.where(ended, 0.0, state.episode_return),
            return_error=jnp.where(ended, 0.0, state.return_error),
        )

    def settle(self, params: Params, inputs: AgentInputs, state: AgentState) -> AgentState:
        """Returns the state after the memory's work at the end of an episode."""
        if not self.settles:
            return state
        return dataclasses.replace(state, memory=self.rule.settle(state.memory, inputs.codes, params.agent))

    def report(self, state: AgentState, finished: Finished) -> EpisodeMetrics:
        """Returns what is reported of a finished episode, `()` each, by a state that has settled."""
        if self.rule is None:
            skills = uses = jnp.zeros((), jnp.int32)
        else:
            skills = self.rule.num_skills(state.memory)
            uses = self.rule.num_uses(state.memory)
        return EpisodeMetrics(
            finished.episode_return, finished.steps, finished.success, skills, uses, finished.skill_steps
        )

    def consolidate(self, params: Params, inputs: AgentInputs, state: AgentState) -> AgentState:
        """Returns the state after the memory's work of every `interval` ticks."""
        if not self.consolidates:
            return state
        active = state.episode < inputs.num_episodes
        return dataclasses.replace(state, memory=self.rule.consolidate(state.memory, params.agent, active))

    def perceive(self, params: Params, inputs: AgentInputs, world: WorldState) -> Percept:
        """Returns the percept of a world.

        The tutorial's memory gets its own context: one number, the code of the agent's position.
        """
        percept = self.world.perceive_state(world, params.world)
        if self.config.agent.memory != "tutorial":
            return percept
        code = inputs.codes.position_codes[world.x.astype(jnp.int32), world.y.astype(jnp.int32)]
        return dataclasses.replace(percept, context=code[None])

    def _decide(self, params: Params, memory: RuleState | None, percept: Percept, word: jax.Array):
        if self.rule is None:
            return None, jnp.zeros((), jnp.bool_), jnp.zeros((), jnp.int32)
        return self.rule.decide(memory, percept, word, params.agent)

    def choose_exploration(self, params: Params, inputs: AgentInputs, state: AgentState, word: jax.Array):
        """Returns (action, tape index) of the exploration policy."""
        if self.config.agent.explorer == "random":
            scripted = jnp.zeros((), jnp.int32)
        else:
            scripted = self.world.scripted_action(state.world, params.world)
        if self.config.agent.explorer == "tape":
            return play_tape(inputs.tape, state.tape_index, scripted)
        action = explore(self.config.agent.explorer, word, scripted, params.agent.epsilon, self.world.num_actions)
        return action, state.tape_index

    def _learn(
        self,
        params: Params,
        inputs: AgentInputs,
        memory: RuleState | None,
        step: Step,
        steps: jax.Array,
        active: jax.Array,
    ) -> tuple[RuleState | None, jax.Array]:
        """Returns (memory after a step, whether the episode ended with it `()` bool)."""
        budget = params.agent.step_budget
        exhausted = (budget > 0) & (steps >= budget)
        over = step.terminated | step.truncated
        if self.rule is None:
            return None, over | exhausted
        memory = self.rule.observe(memory, step, params.agent, active)
        ended = over | (exhausted & ~self.rule.is_busy(memory))
        if self.settles:
            memory = self.rule.end_episode(memory, step, ended, params.agent, active)
        return memory, ended

    def draw_layout(self, params: Params, streams: Streams, inputs: AgentInputs, episode: jax.Array) -> Start:
        """Returns where things stand in the episode of number `episode` (`()` int32)."""
        words = None
        if self.world.draws_layout:
            number = self.world.layout_number(episode, params.world)
            words = draw_words(streams.episode, number, inputs.number)
        return self.world.draw_layout(words, params.world)


def _add_reward(state: AgentState, reward: jax.Array) -> AgentState:
    corrected = reward - state.return_error
    total = state.episode_return + corrected
    error = (total - state.episode_return) - corrected
    return dataclasses.replace(state, episode_return=total, return_error=error)
