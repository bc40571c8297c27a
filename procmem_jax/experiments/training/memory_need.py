"""How much memory a run needs, and a refusal of runs that cannot fit."""

import dataclasses
import functools
import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import AgentInputs, AgentState
from procmem_jax.experiments.training.control_group import free_memory
from procmem_jax.experiments.training.lane_programs import room_for
from procmem_jax.experiments.training.lanes import default_lanes, lane_width
from procmem_jax.memory import library as skill_library
from procmem_jax.records import as_arrays, shapes_of, structs_of
from procmem_jax.streams import Streams

_METRIC_BYTES = 22  # of one agent's episode: five 4-byte numbers, a truth value and why it ended
_TABLE_BYTES = 200  # the same, while the result table is made
_WORKING_COPIES = 3  # the state, its successor, and temporaries of a tick
_GIB = 2**30


def tree_bytes(tree) -> int:
    """Returns the bytes of all arrays (or shapes of arrays) in `tree`."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def device_bytes(config: Config, params: Params, lanes: int, num_episodes: int) -> int:
    """Returns the estimated bytes that a batch of `lanes` agents takes on its device."""
    inputs, state = _one_agent(config, params, num_episodes)
    return lanes * (_WORKING_COPIES * tree_bytes(state) + tree_bytes(inputs))


def agent_bytes(config: Config, params: Params, num_episodes: int) -> int:
    """Returns the bytes of an agent's state, its record of episodes left out, which few ticks look at."""
    _, state = _one_agent(config, params, num_episodes)
    return tree_bytes(dataclasses.replace(state, metrics=None))


def _one_agent(config: Config, params: Params, num_episodes: int) -> tuple[AgentInputs, AgentState]:
    """Returns the shapes of (inputs, state) of a batch of one agent."""
    return _shapes(config, shapes_of(jax.eval_shape(as_arrays, params)), room_for(num_episodes))


@functools.lru_cache(maxsize=32)  # it takes a tenth of a second
def _shapes(config: Config, params_shapes: tuple, num_recorded: int) -> tuple[AgentInputs, AgentState]:
    agent, params = ProceduralAgent(config), structs_of(params_shapes)
    word = jax.ShapeDtypeStruct((2,), jnp.uint32)
    inputs = jax.eval_shape(lambda: agent.make_inputs(jnp.zeros((), jnp.uint32), num_recorded))
    inputs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), inputs)
    begin = functools.partial(rollout.begin_agents, agent, num_recorded=num_recorded)
    return inputs, jax.eval_shape(begin, params, Streams(word, word), inputs)


def fitting_lanes(config: Config, params: Params, lanes: int, num_episodes: int) -> int:
    """Returns `lanes`, or so many fewer that a batch takes at most half of the memory that is free now.

    Raises:
        ValueError: even the fewest do not fit.
    """
    device = jax.local_devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    free = available_host_bytes()
    if stats and "bytes_limit" in stats:
        free = stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    while free is not None and lanes > 1 and device_bytes(config, params, lanes, num_episodes) > free // 2:
        lanes //= 2
    if free is not None:
        _compare("a batch", device_bytes(config, params, lanes, num_episodes), free, device.device_kind)
    return lanes


def suiting_lanes(
    config: Config, params: Params, num_episodes: int, devices: Sequence[jax.Device] | None = None
) -> int:
    """Returns how many agents run at once best, by their size (see `default_lanes`)."""
    return default_lanes(agent_bytes(config, params, num_episodes), devices)


def usual_lanes(
    config: Config, params: Params, num_agents: int, num_episodes: int, devices: Sequence[jax.Device]
) -> int:
    """Returns how many agents run at once where nobody says it: what suits the devices, on a GPU less if need be.

    Raises:
        ValueError: even the fewest do not fit into the memory of a GPU.
    """
    lanes = lane_width(num_agents, suiting_lanes(config, params, num_episodes, devices))
    return lanes if devices[0].platform == "cpu" else fitting_lanes(config, params, lanes, num_episodes)


def host_bytes(config: Config, num_agents: int, num_episodes: int) -> int:
    """Returns the estimated bytes that the results of a run take in the computer's memory."""
    library = jax.eval_shape(lambda: skill_library.empty(config.library)) if config.use_skills else ()
    return num_agents * (num_episodes * (_METRIC_BYTES + _TABLE_BYTES) + 2 * tree_bytes(library))


def available_host_bytes() -> int | None:
    """Returns the bytes of memory that this process may still have, None where it cannot be told.

    Free is what the computer has free or can free, and no more than its control group is left with.
    """
    known = [free for free in (_free_of_computer(), free_memory()) if free is not None]
    return min(known, default=None)


def _free_of_computer() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            rows = dict(line.split(":", 1) for line in file)
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def check_memory(config: Config, params: Params, num_agents: int, num_episodes: int, lanes: int) -> None:
    """Raises a ValueError, with the figures, if the run cannot fit into memory."""
    on_device = device_bytes(config, params, lanes, num_episodes)
    on_host = host_bytes(config, num_agents, num_episodes)
    device = jax.devices()[0]
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        _compare("a batch", on_device, stats["bytes_limit"] - stats.get("bytes_in_use", 0), device.device_kind)
    else:
        on_host += on_device
    _compare(f"{num_agents} agents x {num_episodes} episodes", on_host, available_host_bytes(), "this computer")


def check_host_memory(what: str, needed: int, remedy: str) -> None:
    """Raises a ValueError, with the figures and the remedy, if `needed` bytes are more than this computer has free."""
    _compare(what, needed, available_host_bytes(), "this computer", remedy)


def _compare(
    what: str, needed: int, available: int | None, where: str, remedy: str = "use fewer agents, episodes or slots"
) -> None:
    if available is not None and needed > available:
        raise ValueError(
            f"{what} need about {needed / _GIB:.1f} GiB, {where} has {available / _GIB:.1f} GiB free; {remedy}"
        )
