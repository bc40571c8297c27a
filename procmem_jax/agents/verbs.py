"""The tutorial's verbs for one agent, to step through: explore, extract_skill, execute_skill, run_episode.

All are pure: they take the agent's state and return the next. `run_episode` in a loop is what `train` does for every
agent; the others are its parts, for learning how it works and for experiments of one's own.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp

from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Params
from procmem_jax.agents.states import AgentInputs, AgentState, EpisodeMetrics
from procmem_jax.envs.legal import is_legal
from procmem_jax.memory.library import record_outcome
from procmem_jax.memory.protocol import Step
from procmem_jax.memory.skills import Skill
from procmem_jax.memory.tutorial.extraction import empty_window, last_window_skill, push
from procmem_jax.records import state_record
from procmem_jax.streams import Streams, draw_words


@state_record
class Trajectory:
    """Consecutive steps within one episode, in arrays with room for T of them.

    Attributes:
        contexts: `[T, 1]` float32, the code of the position before each action.
        predicates: `[T, P]` bool, before each action.
        actions: `[T]` int32.
        rewards: `[T]` float32.
        length: `()` int32, steps taken; entries from there on are zero.
        end_predicates: `[P]` bool, after the last step.
    """

    contexts: jax.Array
    predicates: jax.Array
    actions: jax.Array
    rewards: jax.Array
    length: jax.Array
    end_predicates: jax.Array


def _follow(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    state: AgentState,
    choose,
    num_steps: int,
):
    """Returns (state, trajectory, success) of up to `num_steps` (static) steps; no reset at the end of an episode.

    `choose(state, step, percept, word)` returns (action, state of the exploration policy, whether to go on).
    """

    def step(carry, number):
        state, done = carry
        percept = agent.perceive(params, inputs, state.env_state)
        words = draw_words(streams.tick, state.tick, inputs.agent_id)
        action, exploration, goes_on = choose(state, number, percept, words[0])
        moves = ~done & goes_on
        env_state, reward, terminated, truncated, _ = agent.environment.step_from_words(
            (words[1], words[1]), state.env_state, action, params.environment
        )
        after = agent.perceive(params, inputs, env_state)
        lived = Step(percept, after, action, reward, terminated, truncated, state.episode, state.tick)
        exploration = agent.exploration.observe_if(
            moves, exploration, lived, terminated | truncated, params.exploration
        )
        moved = dataclasses.replace(
            state, env_state=env_state, tick=state.tick + 1, steps=state.steps + 1, exploration=exploration
        )
        state = jax.tree.map(lambda new, old: jnp.where(moves, new, old), moved, state)
        row = (percept.context, percept.predicates, action, reward, moves, terminated)
        return (state, done | ~goes_on | (moves & (terminated | truncated))), row

    start = (state, jnp.zeros((), jnp.bool_))
    (state, _), rows = jax.lax.scan(step, start, jnp.arange(num_steps, dtype=jnp.int32))
    contexts, predicates, actions, rewards, moves, terminated = rows
    trajectory = Trajectory(
        contexts=jnp.where(moves[:, None], contexts, 0.0),
        predicates=predicates & moves[:, None],
        actions=jnp.where(moves, actions, 0),
        rewards=jnp.where(moves, rewards, 0.0),
        length=jnp.sum(moves, dtype=jnp.int32),
        end_predicates=agent.perceive(params, inputs, state.env_state).predicates,
    )
    return state, trajectory, jnp.any(moves & terminated)


@functools.partial(jax.jit, static_argnames=("agent", "max_steps"))
def explore(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    state: AgentState,
    *,
    max_steps: int = 20,
) -> tuple[AgentState, Trajectory, jax.Array]:
    """Returns (state, trajectory, success `()` bool) of up to `max_steps` primitive steps of the exploration policy.

    It ends early where the episode does, and leaves the environment there. The memory is neither asked nor changed.

    Args:
        agent: static.
        params, streams, inputs: of the agent.
        state: one example.
        max_steps: static, T.
    """

    def choose(state, number, percept, word):
        del number
        exploration, action = agent.explore(params, state, percept, word, agent.legal_actions(params, state))
        return action, exploration, jnp.ones((), jnp.bool_)

    return _follow(agent, params, streams, inputs, state, choose, max_steps)


@functools.partial(jax.jit, static_argnames=("agent",))
def extract_skill(agent: ProceduralAgent, inputs: AgentInputs, trajectory: Trajectory) -> tuple[Skill, jax.Array]:
    """Returns (skill, whether it is one `()` bool) made of the last L steps of a trajectory of at least two.

    Args:
        agent: static; L is its `max_skill_length`.
        inputs: of the agent, for its code tables.
        trajectory: one example.
    """
    config = agent.config.library
    window = empty_window(config, trajectory.contexts.shape[1])

    def add(window, row):
        number, context, predicates, action = row
        longer = push(window, context, predicates, action)
        return jax.tree.map(lambda new, old: jnp.where(number < trajectory.length, new, old), longer, window), None

    numbers = jnp.arange(trajectory.actions.shape[0], dtype=jnp.int32)
    rows = (numbers, trajectory.contexts, trajectory.predicates, trajectory.actions)
    window, _ = jax.lax.scan(add, window, rows)
    skill = last_window_skill(window, trajectory.end_predicates, inputs.memory.action_codes, config)
    return skill, trajectory.length >= 2


@functools.partial(jax.jit, static_argnames=("agent",))
def execute_skill(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    state: AgentState,
    slot: jax.Array,
) -> tuple[AgentState, Trajectory, jax.Array, jax.Array]:
    """Returns (state, trajectory, total reward `()` float32, success `()` bool) of the skill in `slot`, run as a whole.

    It runs to its end unless the episode ends first, or its next action is not legal; the use and its outcome are
    counted in the library.

    Args:
        agent: static.
        params, streams, inputs: of the agent.
        state: one example.
        slot: `()` int32, a used slot of its library.

    Raises:
        ValueError: the agent's memory is switched off.
    """
    if state.memory is None:
        raise ValueError("use_skills=False leaves the agent without skills; switch its memory on")
    library = agent.library(state.memory)
    length = library.lengths[slot].astype(jnp.int32)

    def choose(state, number, percept, word):
        del percept, word
        action, legal = library.actions[slot, number].astype(jnp.int32), agent.legal_actions(params, state)
        goes_on = number < length
        return action, state.exploration, goes_on if legal is None else goes_on & is_legal(action, legal)

    num_steps = agent.config.library.max_skill_length
    state, trajectory, success = _follow(agent, params, streams, inputs, state, choose, num_steps)
    library = record_outcome(library, slot, success)
    memory = agent.memory.with_library(state.memory, library)
    if dataclasses.is_dataclass(memory) and hasattr(memory, "num_uses"):
        memory = dataclasses.replace(memory, num_uses=memory.num_uses + 1)
    state = dataclasses.replace(state, memory=memory, skill_steps=state.skill_steps + trajectory.length)
    return state, trajectory, jnp.sum(trajectory.rewards), success


@functools.partial(jax.jit, static_argnames=("agent",))
def run_episode(
    agent: ProceduralAgent, params: Params, streams: Streams, inputs: AgentInputs, state: AgentState
) -> tuple[AgentState, EpisodeMetrics]:
    """Returns (state at the start of the next episode, metrics of this one, `()` each), learning from it at its end.

    Args:
        agent: static.
        params, streams, inputs: of the agent.
        state: one example that is not frozen.
    """
    number = state.episode

    def tick(state: AgentState) -> AgentState:
        state, _ = agent.tick(params, streams, inputs, state)
        due = state.tick % agent.period == 0
        return jax.lax.cond(due, lambda later: agent.consolidate(params, inputs, later), lambda later: later, state)

    state = jax.lax.while_loop(lambda later: (later.episode == number) & (number < inputs.num_episodes), tick, state)
    return state, jax.tree.map(lambda column: column[number], state.metrics)
