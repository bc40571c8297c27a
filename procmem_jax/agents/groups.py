"""Groups of agents that share one library while they learn: `group_size` of the memory.

The agents of a group live side by side, in the same tick of their lives. At the start of a period of `consolidate` all
have the same library. In it each counts outcomes in a copy of its own; at its end the counts add up, and the agents, in
their order, take what they have learned into the one library, by the memory's own rules. So nothing has to be merged
that did not grow together, no outcome counts twice, and a group's results depend on its agents' numbers alone.

Rejected: rounds of isolated training with `merge_libraries` in between. Each round must begin its agents anew, whose
exploration, running episodes and random streams would then not be those of a life; and as all members come back with
the counts of what they were given, these would have to be told from new ones, or grow with every round.

Source: Mnih et al. 2016, "Asynchronous methods for deep reinforcement learning", for learners side by side on one set
of parameters; here what is shared is a library, and it is shared in step.
"""

import dataclasses
import functools
from typing import Any

import jax

from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import AgentInputs, AgentState
from procmem_jax.memory.library import pool_counts
from procmem_jax.memory.protocol import MemoryState

_MOST = 16  # lanes of a vector: a divisor of these never lies in two vectors, or on two devices


def check_groups(config: Config, counts: dict[str, int]) -> None:
    """Raises a ValueError unless agents, numbered and counted as `counts` says by name, are whole groups."""
    size = ProceduralAgent(config).group_size
    if _MOST % size:
        raise ValueError(f"group_size={size} does not divide {_MOST}; choose 1, 2, 4, 8 or 16")
    if size > 1 and not ProceduralAgent(config).period:
        raise ValueError(f"group_size={size}: {config.memory.title} never consolidates; use group_size=1")
    for name, count in counts.items():
        if count % size:
            raise ValueError(f"{name}={count} is no multiple of group_size={size}; choose one")


def in_groups(tree: Any, size: int) -> Any:
    """Returns the arrays `[A, ...]` as `[A / size, size, ...]`."""
    return jax.tree.map(lambda leaf: leaf.reshape(-1, size, *leaf.shape[1:]), tree)


def out_of_groups(tree: Any) -> Any:
    """Returns the arrays `[A / size, size, ...]` as `[A, ...]`."""
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), tree)


def _pool(agent: ProceduralAgent, before: MemoryState, after: MemoryState) -> MemoryState:
    """Returns the memories, by groups, with the counts of all of a group.

    Args:
        agent: static.
        before, after: `[A, ...]`, at the start and the end of a period.
    """

    def pool(base: MemoryState, memories: MemoryState) -> MemoryState:
        members = jax.vmap(agent.memory.library)(memories)
        library = pool_counts(agent.memory.library(base), members)
        return jax.vmap(agent.memory.share, in_axes=(0, None))(memories, library)

    firsts = jax.tree.map(lambda leaf: leaf[:: agent.group_size], before)
    return jax.vmap(pool)(firsts, in_groups(after, agent.group_size))


def take_in_together(agent: ProceduralAgent, params: Params, memories: MemoryState, active: jax.Array) -> MemoryState:
    """Returns the memories `[size, ...]` of a group that share a library, with what each has learned taken into it.

    Args:
        agent: static.
        params: of them all.
        memories: of one group, with pooled counts.
        active: `[size]` bool, False for agents that learn no more.
    """

    def take_in(library, member):
        memory, learns = member
        memory = agent.consolidate_memory(params, agent.memory.share(memory, library), learns)
        return agent.memory.library(memory), memory

    first = agent.memory.library(jax.tree.map(lambda leaf: leaf[0], memories))
    library, memories = jax.lax.scan(take_in, first, (memories, active))
    return jax.vmap(agent.memory.share, in_axes=(0, None))(memories, library)


def pooled_groups(
    agent: ProceduralAgent,
    params: Params,
    inputs: AgentInputs,
    before: MemoryState,
    state: AgentState,
    axis: int | None,
) -> tuple[Params, MemoryState, jax.Array]:
    """Returns (params, memories with pooled counts, who learns on `[A / size, size]` bool), by groups.

    Args: as for `consolidate_agents`.
    """
    size = agent.group_size
    own = params if axis is None else jax.tree.map(lambda leaf: leaf[::size], params)
    return own, _pool(agent, before, state.memory), in_groups(state.episode < inputs.num_episodes, size)


def consolidate_agents(
    agent: ProceduralAgent,
    params: Params,
    inputs: AgentInputs,
    before: MemoryState,
    state: AgentState,
    axis: int | None,
) -> AgentState:
    """Returns A agents after the work of every `period` ticks, all of it done whether or not there is any to do.

    Args:
        agent: static.
        params: one record for all, or `[A]` in each field with `axis` 0.
        inputs: `[A, ...]`.
        before: their memories at the start of the period.
        state: `[A, ...]`, at its end.
        axis: static, None or 0.
    """
    if agent.group_size == 1:
        return jax.vmap(agent.consolidate, in_axes=(axis, 0, 0))(params, inputs, state)
    groups = pooled_groups(agent, params, inputs, before, state, axis)
    memories = jax.vmap(functools.partial(take_in_together, agent), in_axes=(axis, 0, 0))(*groups)
    return dataclasses.replace(state, memory=out_of_groups(memories))
