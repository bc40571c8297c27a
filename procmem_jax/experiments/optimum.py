"""The fewest steps of each agent's each episode, recomputed from seed, agent and episode after a run."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.settings import Config, Params
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.records import as_arrays
from procmem_jax.streams import Streams, draw_words, open_streams

_BLOCK = 1 << 18  # episodes worked on at once
_SMALLEST_BLOCK = 1 << 10  # between the two a power of two, so that few programs serve runs of all sizes


@functools.partial(jax.jit, static_argnames=("grid",))
def _optimal_steps(
    grid: GridWorld, params: GridWorldParams, streams: Streams, agents: jax.Array, episodes: jax.Array
) -> jax.Array:

    def one(agent, episode):
        words = draw_words(streams.episode, grid.layout_number(episode, params), agent)
        return grid.optimal_steps(grid.reset_from_words(words, params))

    return jax.vmap(one)(agents, episodes)


def optimal_steps(
    key: jax.Array,
    config: Config,
    params: Params,
    num_agents: int,
    num_episodes: int,
    *,
    first_agent: int = 0,
) -> np.ndarray | None:
    """Returns the fewest steps from the start of each episode to its goal, `[A, E]` int32; None where they are unknown.

    Args: as those of `train`, whose layouts these are.
    """
    if not isinstance(config.environment, GridWorld):
        return None
    streams, world_params = open_streams(key), as_arrays(params).environment
    total = num_agents * num_episodes
    block = min(_BLOCK, max(_SMALLEST_BLOCK, 1 << (total - 1).bit_length()))
    found = np.empty(total, np.int32)
    for start in range(0, total, block):
        index = np.arange(start, start + block, dtype=np.int64)
        agents = (first_agent + index // num_episodes) % 2**32
        steps = _optimal_steps(
            config.environment,
            world_params,
            streams,
            jnp.asarray(agents, jnp.uint32),
            jnp.asarray(index % num_episodes, jnp.int32),
        )
        found[start : start + block] = np.asarray(steps)[: total - start]
    return found.reshape(num_agents, num_episodes)
