"""A block of ticks of many agents, fast: what not every tick and agent needs is done per block, or for a few.

A tick by `ProceduralAgent.tick` under `vmap` does for every agent whatever any agent may need. Here

* the random words of all ticks are drawn at once, and so are the layouts of the episodes that may begin;
* rows of metrics are kept aside and scattered at the end, one scatter for each episode that the busiest agent ended;
* skills are taken in for those agents only that have any to take in, gathered into a narrow batch; environments whose
  reset is costly are reset likewise.

The results are the same, bit for bit (tests compare them).

What was rejected, in nanoseconds an agent and tick (the default memory with 64 slots in gymnax's FourRooms, 512 agents
on one core of an AMD EPYC, where it took 545): to write a library's columns by selection instead of by a scatter about
800, beside 650 for the scatter just before and after. On two cores, groups of 512 agents one after the other, so that
those in which all are done could be left out: 406, where 1,024 together take 297.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from procmem_jax.agents.groups import in_groups, out_of_groups, pooled_groups, take_in_together
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Params
from procmem_jax.agents.states import AgentInputs, AgentState, EpisodeMetrics, Finished
from procmem_jax.computed_once import computed_once
from procmem_jax.envs.protocol import Start
from procmem_jax.memory.protocol import MemoryState
from procmem_jax.records import state_record
from procmem_jax.streams import Streams, draw_words

_LANE_MULTIPLE = 16  # elementwise functions may differ in the last bit between a vector loop and its remainder
_SERVED_PART = 8  # of all lanes
_RESET_PART = 64  # in a tick the episodes of few lanes end, and a costly reset costs by the lane


@state_record
class Reports:
    """What the ticks of a block have to report.

    Attributes:
        ended: `[T, A]` bool, whether a tick ended an episode.
        episode: `[T, A]` int32, its number.
        rows: of these episodes, `[T, A]` each.
    """

    ended: jax.Array
    episode: jax.Array
    rows: EpisodeMetrics


def run_block(
    agent: ProceduralAgent,
    params: Params,
    streams: Streams,
    inputs: AgentInputs,
    state: AgentState,
    *,
    batched_params: bool,
) -> AgentState:
    """Returns A agents after `agent.block_ticks` more ticks.

    Args:
        agent: static.
        params: one record for all, or `[A]` in each field if `batched_params`.
        streams: those of the run.
        inputs: `[A, ...]`.
        state: `[A, ...]`, all at the same tick, a multiple of `agent.block_ticks`.
        batched_params: static.
    """
    axis = 0 if batched_params else None
    report, before = jax.vmap(agent.report), state.memory
    numbers = jnp.arange(agent.block_ticks, dtype=jnp.int32)[:, None]
    words = draw_words(streams.tick, state.tick[None] + numbers, inputs.agent_id[None])
    advance = _make_advance(agent, params, streams, inputs, state, axis)

    def tick(number: jax.Array, carry: tuple[AgentState, Reports]) -> tuple[AgentState, Reports]:
        state, reports = carry
        state, finished = advance(state, (words[0][number], words[1][number]))
        state = _settle(agent, params, inputs, state, axis)
        return state, _put(reports, number, finished, report(state, finished))

    state, reports = jax.lax.fori_loop(0, agent.block_ticks, tick, (state, _no_reports(agent, state)))
    if agent.group_size > 1:
        state = _consolidate_groups(agent, params, inputs, before, state, axis)
    else:
        state = _consolidate(agent, params, inputs, state, axis)
    return _write(state, reports)


def _make_advance(agent, params, streams, inputs, first_state: AgentState, axis: int | None) -> Callable[..., Any]:
    """Returns (agents, words `[A]`) -> (agents, what ended), one step before `settle`, for the ticks of a block.

    Where a reset is cheap, it is done for all, on layouts drawn for the block; else for those whose episode ended.
    """
    if agent.environment.costly_reset:
        act = jax.vmap(agent.act, in_axes=(axis, 0, 0, 0))
        begin_next_episode = jax.vmap(agent.begin_next_episode, in_axes=(axis, 0, 0, 0, 0))

        def advance_few(state: AgentState, words) -> tuple[AgentState, Finished]:
            state, _, finished = act(params, inputs, state, words)
            fresh = _begin_few(agent, params, streams, inputs, state, finished.ended, axis)
            return begin_next_episode(params, inputs, state, finished.ended, fresh), finished

        return advance_few
    advance = jax.vmap(agent.advance, in_axes=(axis, 0, 0, 0, 0))
    first = first_state.episode + 1
    layouts = _draw_layouts(agent, params, streams, inputs, first, axis)

    def advance_all(state: AgentState, words) -> tuple[AgentState, Finished]:
        upcoming = computed_once(_layout_of(agent, layouts, params, state.episode + 1 - first, axis))
        state, _, finished = advance(params, inputs, state, words, upcoming)
        return state, finished

    return advance_all


def _begin_few(agent, params, streams, inputs, state: AgentState, ended: jax.Array, axis: int | None):
    """Returns the environment states, `[A, ...]`, those of the next episode where one has `ended`."""

    def begin(params, env_state, inputs, episode):
        del env_state
        return agent.environment.begin(agent.draw_layout(params, streams, inputs, episode), params.environment)

    return _serve_few(begin, ended, params, axis, state.env_state, inputs, state.episode + 1, part=_RESET_PART)


def _draw_layouts(agent, params, streams, inputs, first: jax.Array, axis: int | None) -> Start | None:
    """Returns the layouts `[T, A]` of the episodes from the number `first` (`[A]`) on that may begin within a block.

    As few are drawn as the shortest possible episode leaves room for.
    """
    if not agent.environment.draws_layout:
        return None
    draw = jax.vmap(agent.draw_layout, in_axes=(axis, None, 0, 0))
    ticks = agent.block_ticks

    def draw_row(number: jax.Array, rows: Start) -> Start:
        fresh = draw(params, streams, inputs, first + number)
        return jax.tree.map(lambda row, new: row.at[number].set(new), rows, fresh)

    shape = jax.eval_shape(draw, params, streams, inputs, first)
    rows = jax.tree.map(lambda leaf: jnp.zeros((ticks, *leaf.shape), leaf.dtype), shape)
    shortest = agent.environment.shortest_episode(params.environment)
    budget = jnp.where(params.step_budget > 0, params.step_budget, shortest)
    count = 1 + (ticks - 1) // jnp.min(jnp.minimum(shortest, budget))
    return jax.lax.fori_loop(0, count, draw_row, rows)


def _layout_of(agent, layouts: Start | None, params, place: jax.Array, axis: int | None) -> Start:
    """Returns the layouts `[A]` at `place` (`[A]` int32, from 0) of those drawn for a block."""
    if layouts is None:
        layout = jax.vmap(
            lambda some: agent.environment.draw_layout(None, some.environment), in_axes=axis, axis_size=place.shape[0]
        )
        return layout(params)
    layout = jax.tree.map(lambda rows: rows[0], layouts)
    for number in range(1, agent.block_ticks):  # by selection, which a CPU does for many lanes at once
        layout = jax.tree.map(lambda here, rows, n=number: jnp.where(place == n, rows[n], here), layout, layouts)
    return layout


def _no_reports(agent: ProceduralAgent, state: AgentState) -> Reports:
    shape = (agent.block_ticks, state.episode.shape[0])
    columns = jax.tree.map(lambda column: jnp.zeros(shape, column.dtype), state.metrics)
    return Reports(jnp.zeros(shape, jnp.bool_), jnp.zeros(shape, jnp.int32), columns)


def _put(reports: Reports, number: jax.Array, finished: Finished, rows: EpisodeMetrics) -> Reports:
    fresh = Reports(finished.ended, finished.episode, rows)
    return jax.tree.map(lambda column, new: column.at[number].set(new), reports, fresh)


def _write(state: AgentState, reports: Reports) -> AgentState:
    """Returns the state with the reports in its metrics: first every agent's first, then its second, and so on."""
    ticks, width = reports.ended.shape
    numbers = jnp.arange(ticks, dtype=jnp.int32)[:, None]
    lanes = jnp.arange(width, dtype=jnp.int32)

    def write(carry: tuple[jax.Array, EpisodeMetrics]) -> tuple[jax.Array, EpisodeMetrics]:
        left, metrics = carry
        number = jnp.min(jnp.where(left, numbers, ticks), axis=0)
        at = jnp.minimum(number, ticks - 1)
        num_recorded = metrics.steps.shape[1]
        episode = jnp.where(number < ticks, reports.episode[at, lanes], num_recorded)
        metrics = jax.tree.map(
            lambda column, rows: column.at[lanes, episode].set(rows[at, lanes], mode="drop", unique_indices=True),
            metrics,
            reports.rows,
        )
        return left & (numbers != number[None]), metrics

    carry = (reports.ended, state.metrics)
    _, metrics = jax.lax.while_loop(lambda carry: jnp.any(carry[0]), write, carry)
    return dataclasses.replace(state, metrics=metrics)


def _settle(agent, params, inputs, state: AgentState, axis: int | None) -> AgentState:
    if not agent.settles:
        return state
    pending = jax.vmap(agent.memory.is_unsettled)(state.memory)
    memory = _serve_few(agent.settle_memory, pending, params, axis, state.memory, inputs.memory)
    return dataclasses.replace(state, memory=memory)


def _consolidate(agent, params, inputs, state: AgentState, axis: int | None) -> AgentState:
    if not agent.consolidates:
        return state
    due = state.tick % agent.period == 0
    pending = jax.vmap(agent.memory.is_unconsolidated)(state.memory) & due
    active = state.episode < inputs.num_episodes
    memory = _serve_few(agent.consolidate_memory, pending, params, axis, state.memory, active)
    return dataclasses.replace(state, memory=memory)


def _consolidate_groups(
    agent: ProceduralAgent,
    params: Params,
    inputs: AgentInputs,
    before: MemoryState,
    state: AgentState,
    axis: int | None,
) -> AgentState:
    """Returns the agents, at the end of a period, with what their groups have learned; `before` is at its start."""
    own, memory, active = pooled_groups(agent, params, inputs, before, state, axis)
    pending = in_groups(jax.vmap(agent.memory.is_unconsolidated)(state.memory), agent.group_size)
    take_in = functools.partial(take_in_together, agent)
    memory = _serve_few(take_in, jnp.any(pending & active, axis=1), own, axis, memory, active)
    return dataclasses.replace(state, memory=out_of_groups(memory))


def _serve_few(
    function: Callable[..., Any],
    pending: jax.Array,
    params: Params,
    axis: int | None,
    tree: Any,
    *others: Any,
    part: int = _SERVED_PART,
):
    """Returns `tree` (`[A, ...]`) with `function(params, tree, *others)` in the place of those lanes that are pending.

    They are gathered into batches of one narrow width, one `part`-th (static) of the lanes, so that it costs what is
    pending, not A. What `function` leaves alone is not written.
    """
    width = pending.shape[0]
    narrow = -(-width // (part * _LANE_MULTIPLE)) * _LANE_MULTIPLE
    batch = jax.vmap(function, in_axes=(axis, 0, *(0 for _ in others)))
    queue, count = _queue(pending, narrow)

    def pick(lanes: jax.Array, some: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[lanes], some)

    def serve(number: jax.Array, tree: Any) -> Any:
        def put(leaf: jax.Array, old: jax.Array, new: jax.Array) -> jax.Array:
            return leaf if new is old else leaf.at[lanes].set(new, mode="drop")

        lanes = jax.lax.dynamic_slice(queue, (number * narrow,), (narrow,))
        near = jnp.minimum(lanes, width - 1)
        own = params if axis is None else pick(near, params)
        picked = pick(near, tree)
        served = batch(own, picked, *(pick(near, other) for other in others))
        return jax.tree.map(put, tree, picked, served)

    return jax.lax.fori_loop(0, (count + narrow - 1) // narrow, serve, tree)


def _queue(pending: jax.Array, narrow: int) -> tuple[jax.Array, jax.Array]:
    """Returns (the lanes that are pending, then A again and again, `[2 narrow or more]`; how many are pending).

    Of one batch alone XLA knows where it begins, and serves it before it asks whether anybody is pending.
    """
    width = pending.shape[0]
    batches = max(2, -(-width // narrow))
    lanes = jnp.arange(width, dtype=jnp.int32)
    ranks = jnp.cumsum(pending, dtype=jnp.int32)
    queue = jnp.full((batches * narrow,), width, jnp.int32)
    return queue.at[jnp.where(pending, ranks - 1, queue.shape[0])].set(lanes, mode="drop"), ranks[-1]
