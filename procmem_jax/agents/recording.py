"""What agents see, decide and do, tick by tick, for pictures of an episode and for studies."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.agents.groups import consolidate_agents
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Params
from procmem_jax.agents.states import AgentInputs, AgentState, Transition
from procmem_jax.envs.protocol import EnvState
from procmem_jax.memory.skills import NO_LABEL
from procmem_jax.records import state_record
from procmem_jax.streams import Streams


@state_record
class TickRecord:
    """One tick of one agent.

    Attributes:
        episode: `()` int32, the number of the episode.
        env_state: before the step.
        transition: the step, and which skill ran.
        label, length, actions: `()`, `()` and `[L]`, as the library held that skill at this tick: its slot may be given
            to another one later. Without a skill they mean nothing.
    """

    episode: jax.Array
    env_state: EnvState
    transition: Transition
    label: jax.Array
    length: jax.Array
    actions: jax.Array


def tick_record(
    agent: ProceduralAgent, params: Params, before: AgentState, after: AgentState, transition: Transition
) -> TickRecord:
    """Returns the record of a tick that led from the state `before` to `after`; one example."""
    del params, after
    skill = _skill_in(agent, before, transition.running.slot)
    return TickRecord(before.episode, before.env_state, transition, *skill)


@functools.partial(jax.jit, static_argnames=("agent", "num_ticks", "look"), donate_argnames=("state",))
def record_agents(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    state: AgentState,
    *,
    num_ticks: int,
    look: Callable[..., Any] = tick_record,
) -> tuple[AgentState, Any]:
    """Returns (state, records `[T, A]`) of A agents after `num_ticks` = T (static) more ticks.

    The state is that of as many ticks of `run_ticks`, bit for bit.

    Args:
        agent: static.
        params: one record for all.
        streams: those of the run.
        inputs: `[A, ...]`.
        state: `[A, ...]`, donated, all at the same tick, a multiple of the agent's period.
        num_ticks: static.
        look: static, makes the record of a tick, any pytree, with the arguments of `tick_record`.

    Raises:
        ValueError: `num_ticks` is not a multiple of the agent's period.
    """
    if num_ticks % agent.period:
        raise ValueError(f"num_ticks={num_ticks} is no multiple of period={agent.period}; choose one")

    def tick(inputs: AgentInputs, state: AgentState) -> tuple[AgentState, Any]:
        after, transition = agent.tick(params, streams, inputs, state)
        return after, look(agent, params, state, after, transition)

    def one_period(before: AgentState, _) -> tuple[AgentState, Any]:
        state, records = jax.lax.scan(lambda now, _: jax.vmap(tick)(inputs, now), before, None, length=agent.period)
        return consolidate_agents(agent, params, inputs, before.memory, state, None), records

    state, records = jax.lax.scan(one_period, state, None, length=num_ticks // agent.period)
    return state, jax.tree.map(lambda leaf: leaf.reshape(num_ticks, *leaf.shape[2:]), records)


def _skill_in(agent: ProceduralAgent, state: AgentState, slot: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns (label, length, actions) of the skill in `slot` before the tick."""
    if agent.memory is None:
        config = agent.config.library
        actions = jnp.zeros((config.max_skill_length,), config.action_dtype)
        return jnp.full((), NO_LABEL, jnp.int8), jnp.zeros((), jnp.int8), actions
    library = agent.library(state.memory)
    slot = jnp.maximum(slot, 0)
    return library.labels[slot], library.lengths[slot], library.actions[slot]
