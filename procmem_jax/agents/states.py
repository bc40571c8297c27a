"""What an agent is and carries from tick to tick, and what a tick and an episode tell."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from procmem_jax.agents.policy import PolicyState
from procmem_jax.envs.protocol import EnvState
from procmem_jax.memory.protocol import Inputs, MemoryState, Running
from procmem_jax.records import state_record

# Why an episode ended: by itself, cut short by its environment, by `max_steps`, or since the agent gave up.
ENDS = ("terminated", "truncated", "max_steps", "step_budget")


@state_record
class AgentInputs:
    """What makes an agent the one it is, constant over its life.

    Attributes:
        agent_id: `()` uint32, its number among all agents, which chooses its random words.
        num_episodes: `()` int32, episodes of its life; after them it is frozen.
        memory: what its memory keeps for the whole life, None if it keeps nothing.
    """

    agent_id: jax.Array
    num_episodes: jax.Array
    memory: Inputs


@state_record
class EpisodeMetrics:
    """What is reported of an episode; all `[E]`.

    Attributes:
        episode_return: float32, the sum of the rewards in their order.
        steps: int32, primitive steps.
        success: bool (in the grid: the goal was reached); None where the environment has no success.
        skills: int32, skills in the library after the episode.
        skill_uses: int32, skills used since the agent began.
        skill_steps: int32, steps taken inside skills.
        end: int8, why it ended, a place in `ENDS`; None of a run folder that does not tell.
    """

    episode_return: jax.Array
    steps: jax.Array
    success: jax.Array | None
    skills: jax.Array
    skill_uses: jax.Array
    skill_steps: jax.Array
    end: jax.Array | None = None

    def known(self) -> dict[str, jax.Array]:
        """Returns the columns that there are, by name."""
        return {name: column for name, column in vars(self).items() if column is not None}


def no_metrics(shape: tuple[int, ...], has_success: bool, zeros: Callable = jnp.zeros) -> EpisodeMetrics:
    """Returns metrics of `shape` that are all 0, made by `zeros(shape, dtype)`."""
    counts = (zeros(shape, jnp.int32) for _ in range(3))
    success = zeros(shape, jnp.bool_) if has_success else None
    return EpisodeMetrics(zeros(shape, jnp.float32), zeros(shape, jnp.int32), success, *counts, zeros(shape, jnp.int8))


@state_record
class Finished:
    """What a tick tells of the episode that it may have ended.

    Attributes:
        ended: `()` bool, whether an episode ended that counts.
        episode: `()` int32, its number.
        episode_return: `()` float32; likewise `steps`, `success`, `skill_steps` and `end` as in `EpisodeMetrics`.
    """

    ended: jax.Array
    episode: jax.Array
    episode_return: jax.Array
    steps: jax.Array
    success: jax.Array | None
    skill_steps: jax.Array
    end: jax.Array


@state_record
class AgentState:
    """One agent in the middle of its life.

    Attributes:
        env_state: of its environment.
        memory: its library, running skill and whatever else its memory keeps; None if the memory is off.
        exploration: the state of its exploration policy.
        tick: `()` int32, ticks since it began.
        episode: `()` int32, the number of the running episode; `num_episodes` once it is frozen.
        steps, skill_steps: `()` int32, of the running episode.
        episode_return: `()` float32, of the running episode.
        return_error: `()` float32, what rounding has taken from it (see `add_reward`).
        metrics: of all its episodes so far.
    """

    env_state: EnvState
    memory: MemoryState | None
    exploration: PolicyState
    tick: jax.Array
    episode: jax.Array
    steps: jax.Array
    skill_steps: jax.Array
    episode_return: jax.Array
    return_error: jax.Array
    metrics: EpisodeMetrics


@state_record
class Transition:
    """One primitive step, for recordings.

    Attributes:
        action: `()` int32.
        env_state: the state after the step, before any reset.
        reward: `()` float32.
        terminated, truncated: `()` bool.
        active: `()` bool, False once the agent is frozen.
        memory_acts: `()` bool, whether the memory chose the action, not exploration.
        running: the skill that it is of, if any.
    """

    action: jax.Array
    env_state: EnvState
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    active: jax.Array
    memory_acts: jax.Array
    running: Running
