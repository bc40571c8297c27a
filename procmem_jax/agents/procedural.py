"""The procedural agent: one tick is one primitive step of one agent, whatever it is doing."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.agents.policy import ExplorationPolicy, PolicyState
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import AgentInputs, AgentState, EpisodeMetrics, Finished, Transition, no_metrics
from procmem_jax.computed_once import computed_once
from procmem_jax.envs.legal import is_legal, legal_actions_in
from procmem_jax.envs.protocol import Environment, EnvState, Start
from procmem_jax.envs.returns import add_reward
from procmem_jax.memory.library import SkillLibrary, empty
from procmem_jax.memory.protocol import Inputs, Memory, MemoryState, Step, no_skill
from procmem_jax.percept import Percept
from procmem_jax.streams import Streams, draw_words

_BLOCK_TICKS = 16
_LONGEST_BLOCK = 64


@dataclasses.dataclass(frozen=True)
class ProceduralAgent:
    """An agent of a certain kind in an environment of a certain kind. Stateless, hashable, static under `jit`.

    Methods take one example; `vmap` them for batches.

    Attributes:
        config: all its static settings.
    """

    config: Config

    @property
    def environment(self) -> Environment:
        """Where it lives."""
        environment = self.config.environment
        return environment.with_observations() if self.exploration.uses_observation else environment

    @property
    def exploration(self) -> ExplorationPolicy:
        """What it does when no skill runs."""
        return self.config.exploration.for_environment(self.config.environment)

    @property
    def memory(self) -> Memory | None:
        """What it remembers with; None if the memory is off."""
        if not self.config.use_skills:
            return None
        frozen = None if self.config.learns else self.config.memory.frozen()
        return self.config.memory if frozen is None else frozen

    @property
    def period(self) -> int:
        """Ticks between two consolidations."""
        return self.memory.period if self.consolidates else 1

    @property
    def settles(self) -> bool:
        """Whether the memory has work to do at the end of an episode."""
        return self.memory is not None and self.memory.settles

    @property
    def consolidates(self) -> bool:
        """Whether the memory has work to do every `period` ticks."""
        return self.memory is not None and self.memory.period > 0

    @property
    def group_size(self) -> int:
        """Agents that share one library; 1 where nothing is learned."""
        return self.memory.group_size if self.config.learns and self.memory is not None else 1

    @property
    def block_ticks(self) -> int:
        """Ticks that `run_ticks` runs as one block: so many that it pays, and a divisor of the period if need be."""
        if not self.consolidates:
            return _BLOCK_TICKS
        if self.group_size > 1:
            return self.period  # what a group has counted is pooled as often
        return max(ticks for ticks in range(1, _LONGEST_BLOCK + 1) if self.period % ticks == 0)

    def make_inputs(self, agent_id: jax.Array, num_episodes: jax.Array) -> AgentInputs:
        """Returns the inputs of the agent `agent_id`, `()` uint32."""
        agent_id = jnp.asarray(agent_id, jnp.uint32)
        kept = None if self.memory is None else self.memory.make_inputs(agent_id, self.environment.num_actions)
        return AgentInputs(agent_id, jnp.asarray(num_episodes, jnp.int32), kept)

    def begin(self, params: Params, streams: Streams, inputs: AgentInputs, num_recorded: int) -> AgentState:
        """Returns an agent at the start of its first episode, with room for metrics of `num_recorded` episodes."""
        zero = jnp.zeros((), jnp.int32)
        real_zero = jnp.zeros((), jnp.float32)
        env_state = self.environment.begin(self.draw_layout(params, streams, inputs, zero), params.environment)
        memory = None
        if self.memory is not None:
            memory = self.memory.begin(self.perceive(params, inputs, env_state), params.memory)
        return AgentState(
            env_state=env_state,
            memory=memory,
            exploration=self.exploration.begin(params.exploration),
            tick=zero,
            episode=zero,
            steps=zero,
            skill_steps=zero,
            episode_return=real_zero,
            return_error=real_zero,
            metrics=no_metrics((num_recorded,), self.environment.has_success),
        )

    def tick(
        self, params: Params, streams: Streams, inputs: AgentInputs, state: AgentState
    ) -> tuple[AgentState, Transition]:
        """Returns (state, transition) of one primitive step.

        An agent whose episode ends starts the next in the same tick; under `vmap` every tick therefore costs a reset,
        which the layouts keep cheap. After its last episode an agent is frozen: its library, counts and metrics stay
        as they are.
        """
        words = draw_words(streams.tick, state.tick, inputs.agent_id)
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
        fresh = self.environment.begin(upcoming, params.environment)
        return self.begin_next_episode(params, inputs, state, finished.ended, fresh), transition, finished

    def act(
        self, params: Params, inputs: AgentInputs, state: AgentState, words: tuple[jax.Array, jax.Array]
    ) -> tuple[AgentState, Transition, Finished]:
        """Returns (state, transition, what ended) of one primitive step, before `begin_next_episode`."""
        active = state.episode < inputs.num_episodes
        before = computed_once(self.perceive(params, inputs, state.env_state))
        allowed = computed_once(self.allowed_actions(params, state, before, words[0]))
        memory, in_skill, skill_action = self._decide(params, state.memory, before, words[0], allowed)
        running = no_skill() if self.memory is None else self.memory.running(memory)
        exploration, explored = self.explore(params, state, before, words[0], allowed)
        in_skill, action = computed_once((in_skill, jnp.where(in_skill, skill_action, explored)))
        exploration = _select(active & ~in_skill, exploration, state.exploration)
        env_state, reward, terminated, truncated, _ = self.environment.step_from_words(
            (words[1], words[1]), state.env_state, action, params.environment
        )
        env_state, reward, terminated, truncated = computed_once((env_state, reward, terminated, truncated))
        after = computed_once(self.perceive(params, inputs, env_state))
        step = Step(before, after, action, reward, terminated, truncated, state.episode, state.tick)
        memory, ended = self._learn(params, memory, step, state.steps + 1, active)
        exploration = self.exploration.observe_if(active, exploration, step, ended, params.exploration)
        state = dataclasses.replace(
            state,
            env_state=env_state,
            memory=self._keep(active, memory, state.memory),
            exploration=exploration,
            tick=state.tick + 1,
            steps=state.steps + 1,
            skill_steps=state.skill_steps + in_skill.astype(jnp.int32),
        )
        state = _add_reward(state, reward)
        ended = computed_once(ended & active)
        finished = Finished(
            ended,
            state.episode,
            state.episode_return,
            state.steps,
            self.environment.succeeded(env_state, params.environment) if self.environment.has_success else None,
            state.skill_steps,
            self._why(params, env_state, terminated, truncated),
        )
        transition = Transition(action, env_state, reward, terminated, truncated, active, in_skill, running)
        return state, transition, finished

    def _why(self, params: Params, env_state: EnvState, terminated: jax.Array, truncated: jax.Array) -> jax.Array:
        """Returns why an episode ends that ends here, `()` int8, a place in `ENDS`."""
        whose = jnp.where(self.environment.truncates(env_state, params.environment), 1, 2)
        return jnp.where(terminated, 0, jnp.where(truncated, whose, 3)).astype(jnp.int8)

    def begin_next_episode(
        self, params: Params, inputs: AgentInputs, state: AgentState, ended: jax.Array, fresh: EnvState
    ) -> AgentState:
        """Returns the state after `act` with the next episode begun in the environment state `fresh`, where `ended`."""
        env_state = computed_once(_select(ended, fresh, state.env_state))
        memory = state.memory
        if self.memory is not None:
            percept = computed_once(self.perceive(params, inputs, env_state))
            entered = self.memory.enter(memory, percept, ended, params.memory)
            memory = self._keep(state.episode < inputs.num_episodes, entered, memory)
        zero = jnp.zeros((), jnp.int32)
        return dataclasses.replace(
            state,
            env_state=env_state,
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
        return dataclasses.replace(state, memory=self.settle_memory(params, state.memory, inputs.memory))

    def settle_memory(self, params: Params, memory: MemoryState, kept: Inputs) -> MemoryState:
        """Returns the memory after that work, if there is any to do."""
        settled = self.memory.settle(memory, kept, params.memory)
        return self._keep(self.memory.is_unsettled(memory), settled, memory)

    def report(self, state: AgentState, finished: Finished) -> EpisodeMetrics:
        """Returns what is reported of a finished episode, `()` each, by a state that has settled."""
        if self.memory is None:
            skills = uses = jnp.zeros((), jnp.int32)
        else:
            skills = self.memory.num_skills(state.memory)
            uses = self.memory.num_uses(state.memory)
        return EpisodeMetrics(
            finished.episode_return, finished.steps, finished.success, skills, uses, finished.skill_steps, finished.end
        )

    def consolidate(self, params: Params, inputs: AgentInputs, state: AgentState) -> AgentState:
        """Returns the state after the memory's work of every `period` ticks.

        Raises:
            ValueError: the agent shares its library with others, without which it cannot be.
        """
        if self.group_size > 1:
            raise ValueError(f"group_size={self.group_size}: an agent alone has no group; use group_size=1, or train")
        if not self.consolidates:
            return state
        active = state.episode < inputs.num_episodes
        return dataclasses.replace(state, memory=self.consolidate_memory(params, state.memory, active))

    def consolidate_memory(self, params: Params, memory: MemoryState, active: jax.Array) -> MemoryState:
        """Returns the memory after that work; of an agent that is not active what it has learned stays as it is."""
        pending = active & self.memory.is_unconsolidated(memory)
        return self._keep(pending, self.memory.consolidate(memory, params.memory, active), memory)

    def library(self, memory: MemoryState) -> SkillLibrary:
        """Returns the skills in a memory; an empty library if it has no such thing."""
        library = self.memory.library(memory)
        return empty(self.config.library) if library is None else library

    def perceive(self, params: Params, inputs: AgentInputs, env_state: EnvState) -> Percept:
        """Returns what the memory may know of a state of the environment."""
        percept = self.environment.perceive_state(env_state, params.environment)
        return percept if self.memory is None else self.memory.view(percept, env_state, inputs.memory)

    def explore(
        self, params: Params, state: AgentState, percept: Percept, word: jax.Array, allowed: jax.Array | None = None
    ) -> tuple[PolicyState, jax.Array]:
        """Returns (state, action) of the exploration policy; one that is `allowed` (`[A]` bool, None: any)."""
        observation = self.exploration.look(self.environment, state.env_state, params.environment)
        known = state.exploration, percept, observation, word, params.exploration
        policy = self.exploration
        policy_state, action = policy.act(*known) if allowed is None else policy.act_legally(*known, allowed)
        return policy_state, _as_action(policy, action)

    def legal_actions(self, params: Params, state: AgentState) -> jax.Array | None:
        """Returns which actions may be taken, `[A]` bool, one at least; None where the environment does not tell."""
        return legal_actions_in(self.environment, state.env_state, params.environment)

    def draw_layout(self, params: Params, streams: Streams, inputs: AgentInputs, episode: jax.Array) -> Start:
        """Returns where things stand in the episode of number `episode` (`()` int32)."""
        words = None
        if self.environment.draws_layout:
            number = self.environment.layout_number(episode, params.environment)
            words = draw_words(streams.episode, number, inputs.agent_id)
        return self.environment.draw_layout(words, params.environment)

    def allowed_actions(self, params: Params, state: AgentState, percept: Percept, word: jax.Array) -> jax.Array | None:
        """Returns the legal actions that the memory takes for safe, or all legal ones if none is; None for any."""
        legal = self.legal_actions(params, state)
        safe = None
        if self.memory is not None:
            safe = self.memory.safe_actions(state.memory, percept, word, self.environment.num_actions)
        if safe is None:
            return legal
        legal = jnp.ones_like(safe) if legal is None else legal
        return jnp.where(jnp.any(safe & legal), safe & legal, legal)

    def _decide(self, params: Params, memory: MemoryState | None, percept: Percept, word: jax.Array, allowed):
        if self.memory is None:
            return None, jnp.zeros((), jnp.bool_), jnp.zeros((), jnp.int32)
        memory, acts, action = self.memory.decide(memory, percept, word, params.memory)
        action = _as_action(self.memory, action)
        if allowed is not None:
            refused = computed_once(acts & ~is_legal(action, allowed))
            memory, acts = self.memory.break_off(memory, refused), acts & ~refused
        return memory, acts, action

    def _learn(
        self, params: Params, memory: MemoryState | None, step: Step, steps: jax.Array, active: jax.Array
    ) -> tuple[MemoryState | None, jax.Array]:
        """Returns (memory after a step, whether the episode ended with it `()` bool)."""
        budget = params.step_budget
        exhausted = (budget > 0) & (steps >= budget)
        over = step.terminated | step.truncated
        if self.memory is None:
            return None, over | exhausted
        memory = self.memory.observe(memory, step, params.memory, active)
        ended = over | (exhausted & ~self.memory.is_busy(memory))
        if self.settles:
            memory = self.memory.end_episode(memory, step, ended, params.memory, active)
        return memory, ended

    def _keep(self, wanted: jax.Array, new: MemoryState, old: MemoryState) -> MemoryState:
        """Returns `new` where it is `wanted`, else `old`, unless the memory sees to that itself.

        Of a memory that cannot be told to learn nothing, and is to, the skills stay those of `old`.
        """
        if self.memory is None or self.memory.keeps_still:
            return new
        if not self.config.learns and self.memory.frozen() is None and self.memory.library(old) is not None:
            new = self.memory.with_library(new, self.memory.library(old))
        return _select(wanted, new, old)


def _as_action(owner: Memory | ExplorationPolicy, action: Any) -> jax.Array:
    """Returns the action that `owner` gives, `()` int32.

    Raises:
        TypeError: it is no single integer.
    """
    action = jnp.asarray(action)
    if action.shape != () or not jnp.issubdtype(action.dtype, jnp.integer):
        given = f"{action.dtype}{list(action.shape)}"
        raise TypeError(f"{type(owner).__name__} gives {given} as the action; give one integer")
    return action.astype(jnp.int32)


def _select(wanted: jax.Array, new: Any, old: Any) -> Any:
    return jax.tree.map(lambda here, there: jnp.where(wanted, here, there), new, old)


def _add_reward(state: AgentState, reward: jax.Array) -> AgentState:
    total, error = add_reward(state.episode_return, state.return_error, reward)
    return dataclasses.replace(state, episode_return=total, return_error=error)
