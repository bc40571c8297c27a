"""Many agents, many ticks: the jitted programs that everything longer than a tick runs through."""

import functools

import jax
import jax.numpy as jnp

from procmem_jax.agents.blocks import run_block
from procmem_jax.agents.groups import consolidate_agents
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Params
from procmem_jax.agents.states import AgentInputs, AgentState, Transition
from procmem_jax.streams import Streams


def _axis(batched_params: bool) -> int | None:
    return 0 if batched_params else None


@functools.partial(jax.jit, static_argnames=("agent", "num_recorded", "batched_params"))
def begin_agents(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    *,
    num_recorded: int,
    batched_params: bool = False,
) -> AgentState:
    """Returns A agents at the start of their lives, `[A, ...]`.

    Args:
        agent: static.
        params: one record for all, or `[A]` in each field if `batched_params`.
        streams: those of the run.
        inputs: `[A, ...]`.
        num_recorded: static, E, episodes that there is room to report.
        batched_params: static.
    """
    begin = functools.partial(agent.begin, num_recorded=num_recorded)
    return jax.vmap(begin, in_axes=(_axis(batched_params), None, 0))(params, streams, inputs)


@functools.partial(jax.jit, static_argnames=("agent", "batched_params"), donate_argnames=("state",))
def run_ticks(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    state: AgentState,
    num_blocks: jax.Array,
    *,
    batched_params: bool = False,
) -> AgentState:
    """Returns A agents after `num_blocks` (`()` int32, traced) times `agent.block_ticks` more ticks.

    All agents consolidate their memories in the same ticks. `state` is donated and must stand at the start of a block.
    Other arguments as for `begin_agents`.
    """

    def block(_, state):
        return run_block(agent, params, streams, inputs, state, batched_params=batched_params)

    return jax.lax.fori_loop(0, num_blocks, block, state)


@functools.partial(jax.jit, static_argnames=("agent", "num_ticks", "batched_params"), donate_argnames=("state",))
def record_ticks(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    state: AgentState,
    *,
    num_ticks: int,
    batched_params: bool = False,
) -> tuple[AgentState, Transition]:
    """Returns (state, transitions `[T, A, ...]`) of A agents after `num_ticks` = T (static) more ticks.

    Raises:
        ValueError: `num_ticks` is not a multiple of the agent's period.
    """
    if num_ticks % agent.period:
        raise ValueError(f"num_ticks={num_ticks} is no multiple of period={agent.period}; choose one")
    tick = jax.vmap(agent.tick, in_axes=(_axis(batched_params), None, 0, 0))

    def one_period(before, _):
        state, transitions = jax.lax.scan(
            lambda state, _: tick(params, streams, inputs, state), before, None, length=agent.period
        )
        later = consolidate_agents(agent, params, inputs, before.memory, state, _axis(batched_params))
        return later, transitions

    state, transitions = jax.lax.scan(one_period, state, None, length=num_ticks // agent.period)
    return state, jax.tree.map(lambda leaf: leaf.reshape(num_ticks, *leaf.shape[2:]), transitions)


@jax.jit
def progress(state: AgentState) -> tuple[jax.Array, jax.Array]:
    """Returns (fewest episodes finished by an agent, episodes finished by all together), `()` int32 each."""
    return jnp.min(state.episode), jnp.sum(state.episode)
