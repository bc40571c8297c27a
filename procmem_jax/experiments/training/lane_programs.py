"""The compiled programs that lanes run through, and where their arrays lie."""

import concurrent.futures
import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import AgentInputs, AgentState
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import structs_of
from procmem_jax.streams import Streams

_LEAST_ROOM, _LARGEST_POWER = 16, 256  # episodes


@dataclasses.dataclass(frozen=True)
class Placement:
    """Devices that share the lanes. Each runs its own part and waits for no other.

    Arrays are split over them along the first axis, or whole on each.

    Attributes:
        devices: of this process, or of all processes together.
    """

    devices: tuple[jax.Device, ...]

    def _sharding(self, is_split: bool) -> NamedSharding:
        return NamedSharding(self._mesh, PartitionSpec("lanes") if is_split else PartitionSpec())

    @property
    def _mesh(self) -> Mesh:
        return Mesh(np.asarray(self.devices), ("lanes",))

    def put(self, tree: Any, *, is_split: bool) -> Any:
        """Returns the arrays of `tree`, which every process holds alike, on the devices."""
        if len(self.devices) == 1:
            return jax.device_put(tree, self.devices[0])
        if jax.process_count() == 1:
            return jax.device_put(tree, self._sharding(is_split))

        def put(leaf):
            here = np.asarray(leaf)
            return jax.make_array_from_callback(here.shape, self._sharding(is_split), lambda index: here[index])

        return jax.tree.map(put, tree)

    def shapes(self, tree: Any, *, is_split: bool) -> Any:
        """Returns the shapes of the arrays of `tree`, placed."""
        sharding = self._sharding(is_split) if len(self.devices) > 1 else None
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree)

    def program(self, function: Callable, splits: tuple[bool, ...], donate: tuple[int, ...] = ()) -> Callable:
        """Returns `function` jitted, each device at its part: `splits` says which arguments are split; results are."""
        if len(self.devices) > 1:
            specs = tuple(PartitionSpec("lanes") if is_split else PartitionSpec() for is_split in splits)
            out = PartitionSpec("lanes")
            function = jax.shard_map(function, mesh=self._mesh, in_specs=specs, out_specs=out, check_vma=False)
        return jax.jit(function, donate_argnums=donate)


@dataclasses.dataclass(frozen=True)
class LanePrograms:
    """The programs of one shape.

    Attributes:
        make_inputs: (agent ids `[W]` uint32, episodes `[W]` int32) -> inputs `[W, ...]`.
        begin: (params, streams, inputs) -> agents `[W, ...]` at the start of their lives.
        run: (params, streams, inputs, agents, number of blocks) -> agents; those given are used up.
        library: memories -> libraries `[W, N, ...]`; None if the memory is off.
        with_library: (agents, libraries) -> agents with these.
        select: (`[W]` bool, agents where True, agents elsewhere) -> agents; the last are used up.
        placement: where they run.
        agents: the shapes of the agents.
        seconds: that compilation took.
    """

    make_inputs: Callable[[jax.Array, jax.Array], AgentInputs]
    begin: Callable[[Params, Streams, AgentInputs], AgentState]
    run: Callable[..., AgentState]
    library: Callable[[Any], SkillLibrary] | None
    with_library: Callable[[AgentState, SkillLibrary], AgentState]
    select: Callable[[jax.Array, AgentState, AgentState], AgentState]
    placement: Placement
    agents: AgentState
    seconds: float


def room_for(num_episodes: int) -> int:
    """Returns for how many episodes a program has room, so that runs of like length share one."""
    if num_episodes > _LARGEST_POWER:
        return -(-num_episodes // _LARGEST_POWER) * _LARGEST_POWER
    return max(_LEAST_ROOM, 1 << (num_episodes - 1).bit_length())


@functools.lru_cache(maxsize=32)
def build_programs(
    config: Config,
    params_shapes: tuple,
    width: int,
    num_recorded: int,
    batched: bool,
    devices: tuple[jax.Device, ...],
) -> LanePrograms:
    """Returns the programs, the long ones compiled ahead of time, so that compilation and running are timed apart.

    Args:
        config: static settings.
        params_shapes: of one record of params (see `shapes_of`).
        width: W.
        num_recorded: episodes that there is room for, as `room_for` says.
        batched: whether params have a first axis `[W]` in each field.
        devices: a multiple of 16 lanes for each.
    """
    started = time.perf_counter()
    agent, placement = ProceduralAgent(config), Placement(devices)

    def column(dtype, shape=()):
        return placement.shapes(jax.ShapeDtypeStruct((width, *shape), dtype), is_split=True)

    params = structs_of(params_shapes)
    if batched:
        params = jax.tree.map(lambda leaf: column(leaf.dtype, leaf.shape), params)
    else:
        params = placement.shapes(params, is_split=False)
    word = placement.shapes(jax.ShapeDtypeStruct((2,), jnp.uint32), is_split=False)
    count = placement.shapes(jax.ShapeDtypeStruct((), jnp.int32), is_split=False)
    streams = Streams(word, word)
    make_inputs = placement.program(jax.vmap(agent.make_inputs), (True, True))
    numbers, episodes = column(jnp.uint32), column(jnp.int32)
    inputs = placement.shapes(jax.eval_shape(make_inputs, numbers, episodes), is_split=True)
    begin = functools.partial(rollout.begin_agents, agent, num_recorded=num_recorded, batched_params=batched)
    begin = placement.program(begin, (batched, False, True))
    agents = placement.shapes(jax.eval_shape(begin, params, streams, inputs), is_split=True)
    run = functools.partial(rollout.run_ticks, agent, batched_params=batched)
    run = placement.program(run, (batched, False, True, True, False), donate=(3,))
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        lowered = run.lower(params, streams, inputs, agents, count)
        running = beside.submit(lowered.compile)  # by far the longest
        compiled = [
            make_inputs.lower(numbers, episodes).compile(),
            begin.lower(params, streams, inputs).compile(),
            running.result(),
        ]
    seconds = time.perf_counter() - started
    return LanePrograms(*compiled, *_small_programs(agent, placement), placement, agents, seconds)


def _small_programs(agent: ProceduralAgent, placement: Placement) -> tuple[Callable | None, Callable, Callable]:
    """Returns `library`, `with_library` and `select`, compiled when first used."""

    def with_library(agents, given):
        return dataclasses.replace(agents, memory=jax.vmap(agent.memory.with_library)(agents.memory, given))

    def select(starts, begun, agents):
        def pick(new, old):
            return jnp.where(starts.reshape(-1, *[1] * (new.ndim - 1)), new, old)

        return jax.tree.map(pick, begun, agents)

    library = None if agent.memory is None else placement.program(jax.vmap(agent.library), (True,))
    picked = placement.program(select, (True, True, True), donate=(2,))
    return library, placement.program(with_library, (True, True)), picked
