"""The lives of many agents with every use of a skill told: what was expected of it, and what came of it."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax import run_key
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.recording import record_agents
from procmem_jax.agents.rollout import begin_agents
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import AgentState, EpisodeMetrics, Transition
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.memory.library import EMPTY, SkillLibrary, beta_rate, holds
from procmem_jax.records import as_arrays, state_record
from procmem_jax.streams import open_streams
from retrieval.worlds import steps_to_next_fact

_CHUNK_TICKS = 1024


@state_record
class Tick:
    """What a tick tells of the skill that runs in it; `()` each, in NumPy `[A * T]`, agent by agent.

    Attributes:
        episode: int32.
        active: bool, whether the agent still lives.
        runs, starts: bool, whether a skill runs, and begins.
        whole: bool, whether it is to run to its end, not for its first step only.
        rate: float32, its success rate before the tick.
        fulfilled: bool, whether the step made its postcondition true.
        nearer: bool, whether the step came nearer to the next fact on a shortest way, or was the last of one.
        ends: bool, whether a use came to its end: one that is broken off with no loop behind it has none.
        counted: int8, what the library counted in this tick: 1 a success, -1 a failure, 0 nothing.
    """

    episode: jax.Array
    active: jax.Array
    runs: jax.Array
    starts: jax.Array
    whole: jax.Array
    rate: jax.Array
    fulfilled: jax.Array
    nearer: jax.Array
    ends: jax.Array
    counted: jax.Array


def look(agent: ProceduralAgent, params: Params, before: AgentState, after: AgentState, transition: Transition) -> Tick:
    """See `record_agents`; of agents with the default memory, in grids."""
    grid, library, then = agent.environment, agent.library(before.memory), agent.library(after.memory)
    running = transition.running
    runs, slot = running.slot != EMPTY, jnp.maximum(running.slot, 0)
    states = (before.env_state, transition.env_state)
    here, there = (grid.perceive_state(state, params.environment).predicates for state in states)
    far, farther = (steps_to_next_fact(grid, state) for state in states)
    changed = jnp.any(here != there)
    fulfilled = changed & holds(library.post_mask[slot], library.post_value[slot], there)
    successes = jnp.sum(then.success_counts - library.success_counts)
    failures = jnp.sum(then.failure_counts - library.failure_counts)
    return Tick(
        episode=before.episode,
        active=transition.active,
        runs=runs,
        starts=runs & (running.cursor == 0),
        whole=after.memory.whole,
        rate=beta_rate(library.success_counts[slot], library.failure_counts[slot]),
        fulfilled=fulfilled,
        nearer=jnp.where(changed, fulfilled, farther < far),
        ends=after.memory.num_uses > before.memory.num_uses,
        counted=(successes - failures).astype(jnp.int8),
    )


@dataclasses.dataclass(frozen=True)
class Uses:
    """The skills that agents took, `[U]` each, agent by agent in the order of time.

    Attributes:
        agent, episode: int, whose and when.
        rate: float, the success rate that the choice went by.
        whole: bool, whether it was to run to its end.
        kept: bool, whether it did what it promises: a whole one made its postcondition true while it ran, a first step
            came nearer to the next fact on a shortest way.
        ended: bool, whether it came to an end, and was not broken off for a better promise.
        counted: int, what the memory itself counted: 1 a success, -1 a failure, 0 nothing.
    """

    agent: np.ndarray
    episode: np.ndarray
    rate: np.ndarray
    whole: np.ndarray
    kept: np.ndarray
    ended: np.ndarray
    counted: np.ndarray

    def where(self, chosen: np.ndarray) -> "Uses":
        """Returns those uses that are `chosen`, `[U]` bool."""
        return Uses(*(column[chosen] for column in vars(self).values()))


def uses_of(ticks: Tick, num_agents: int) -> Uses:
    """Returns the uses in the lives of agents; `ticks` `[A * T]` as NumPy arrays.

    What happens up to the start of the next use belongs to the last one: one that was broken off after a loop is
    counted in the tick after it, in which none starts.
    """
    starts = np.flatnonzero(ticks.starts & ticks.active)
    if not len(starts):
        nothing = np.zeros(0, int)
        return Uses(nothing, nothing, nothing.astype(float), *(nothing.astype(bool),) * 3, nothing)
    fulfilled, ended = (
        np.logical_or.reduceat(column & ticks.active, starts) for column in (ticks.fulfilled & ticks.runs, ticks.ends)
    )
    counted = np.add.reduceat(np.where(ticks.active, ticks.counted, 0).astype(int), starts)
    whole = ticks.whole[starts]
    return Uses(
        agent=starts // (len(ticks.starts) // num_agents),
        episode=ticks.episode[starts],
        rate=ticks.rate[starts].astype(float),
        whole=whole,
        kept=np.where(whole, fulfilled, ticks.nearer[starts]),
        ended=ended,
        counted=counted,
    )


@dataclasses.dataclass(frozen=True)
class Lives:
    """What agents did; `metrics` and `optimal` (fewest steps) are `[A, E]`, `libraries` `[A, N, ...]` the last."""

    metrics: EpisodeMetrics
    optimal: np.ndarray
    uses: Uses
    libraries: SkillLibrary


def live(
    config: Config,
    params: Params,
    num_agents: int,
    num_episodes: int,
    seed: int,
    *,
    libraries: SkillLibrary | None = None,
    watch: Callable[[int], None] = lambda episode: None,
) -> Lives:
    """Returns the lives of `num_agents` = A agents, the same as those of `train`, tick for tick.

    Args:
        config, params: of the agents.
        num_agents, num_episodes: as for `train`.
        seed: of the run.
        libraries: `[A, N, ...]`, what they start with; by default nothing.
        watch: called now and then with the number of the episode that the slowest agent is in.
    """
    agent, key = ProceduralAgent(config), run_key(seed)
    numbers = as_arrays(params), open_streams(key)
    episodes = jnp.full((num_agents,), num_episodes, jnp.int32)
    inputs = jax.vmap(agent.make_inputs)(jnp.arange(num_agents, dtype=jnp.uint32), episodes)
    state = begin_agents(agent, *numbers, inputs, num_recorded=num_episodes)
    if libraries is not None:
        memory = jax.vmap(agent.memory.with_library)(state.memory, jax.tree.map(jnp.asarray, libraries))
        state = dataclasses.replace(state, memory=memory)
    parts, slowest = [], 0
    while slowest < num_episodes:
        state, ticks = record_agents(agent, *numbers, inputs, state, num_ticks=_CHUNK_TICKS, look=look)
        parts.append(jax.tree.map(lambda column: np.array(column).T, ticks))
        slowest = int(state.episode.min())
        watch(slowest)
    ticks = jax.tree.map(lambda *columns: np.concatenate(columns, axis=1).reshape(-1), *parts)
    return Lives(
        jax.tree.map(np.array, state.metrics),
        optimal_steps(key, config, params, num_agents, num_episodes),
        uses_of(ticks, num_agents),
        jax.tree.map(np.array, jax.vmap(agent.library)(state.memory)),
    )
