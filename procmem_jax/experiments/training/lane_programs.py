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

    def _sharding(self, is_split: bool) -> NamedSharding | None:
        if len(self.devices) == 1:
            return None
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
        sharding = self._sharding(is_split)
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding), tree)

    def blank(self, shapes: Any) -> Callable[[], Any]:
        """Returns () -> arrays of these `shapes`, as `shapes` places them, all 0; jitted."""
        zeros = functools.partial(jax.tree.map, lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.jit(zeros, out_shardings=self._sharding(True))

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
        blank: () -> agents `[W, ...]` of zeros.
        begin: (params, streams, agent ids `[W]` uint32, episodes `[W]` int32, `[W]` bool, agents, libraries `[W, N,
            ...]` or None) -> (inputs `[W, ...]`, agents): those that are True at the start of their lives, with these
            skills if there are any; the agents given are used up.
        library: memories -> libraries `[W, N, ...]`; None if the memory is off.
        run: (params, streams, inputs, agents, number of blocks) -> agents; those given are used up.
        placement: where they run.
        agents: the shapes of the agents.
        seconds: that compilation took.
    """

    blank: Callable[[], AgentState]
    begin: Callable[..., tuple[AgentInputs, AgentState]]
    library: Callable[[Any], SkillLibrary] | None
    run: Callable[..., AgentState]
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
    given_shapes: tuple | None = None,
) -> LanePrograms:
    """Returns the programs, compiled ahead of time, so that compilation and running are timed apart.

    Args:
        config: static settings.
        params_shapes: of one record of params (see `shapes_of`).
        width: W.
        num_recorded: episodes that there is room for, as `room_for` says.
        batched: whether params have a first axis `[W]` in each field.
        devices: a multiple of 16 lanes for each.
        given_shapes: of one library, where lives begin with one (see `shapes_of`).
    """
    started = time.perf_counter()
    agent, placement = ProceduralAgent(config), Placement(devices)

    def columns(tree):
        return placement.shapes(
            jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((width, *leaf.shape), leaf.dtype), tree), is_split=True
        )

    params, given = structs_of(params_shapes), None if given_shapes is None else columns(structs_of(given_shapes))
    params = columns(params) if batched else placement.shapes(params, is_split=False)
    word = placement.shapes(jax.ShapeDtypeStruct((2,), jnp.uint32), is_split=False)
    count = placement.shapes(jax.ShapeDtypeStruct((), jnp.int32), is_split=False)
    number, episodes, start = columns([jax.ShapeDtypeStruct((), kind) for kind in (jnp.uint32, jnp.int32, jnp.bool_)])
    one = (params, Streams(word, word), number, episodes)
    first = functools.partial(first_states, agent, num_recorded, batched)
    inputs, agents = placement.shapes(jax.eval_shape(first, *one, given), is_split=True)
    begin = placement.program(
        functools.partial(_begin, first), (batched, False, True, True, True, True, True), donate=(5,)
    )
    run = functools.partial(rollout.run_ticks, agent, batched_params=batched)
    run = placement.program(run, (batched, False, True, True, False), donate=(3,))
    library = None if agent.memory is None else placement.program(jax.vmap(agent.library), (True,))
    with concurrent.futures.ThreadPoolExecutor(1) as beside:
        lowered = run.lower(params, Streams(word, word), inputs, agents, count)
        running = beside.submit(lowered.compile)  # by far the longest
        compiled = [
            placement.blank(agents).lower().compile(),
            begin.lower(*one, start, agents, given).compile(),
            None if library is None else library.lower(agents.memory).compile(),
            running.result(),
        ]
    seconds = time.perf_counter() - started
    return LanePrograms(*compiled, placement, agents, seconds)


def first_states(
    agent: ProceduralAgent,
    num_recorded: int,
    batched: bool,
    params: Params,
    streams: Streams,
    numbers: jax.Array,
    episodes: jax.Array,
    given: SkillLibrary | None,
) -> tuple[AgentInputs, AgentState]:
    """Returns the inputs and the states, `[A, ...]`, of agents at the start of their lives.

    Args:
        agent, num_recorded, batched: static; `num_recorded` and `batched` as `num_recorded` and `batched_params` of
            `rollout.begin_agents`.
        params, streams: as there.
        numbers: `[A]` uint32, who they are.
        episodes: `[A]` int32, of their lives.
        given: `[A, N, ...]`, the skills that they start with; None for none.
    """
    inputs = jax.vmap(agent.make_inputs)(numbers, episodes)
    agents = rollout.begin_agents(agent, params, streams, inputs, num_recorded=num_recorded, batched_params=batched)
    if given is not None:
        agents = dataclasses.replace(agents, memory=jax.vmap(agent.memory.with_library)(agents.memory, given))
    return inputs, agents


def _begin(
    first: Callable[..., tuple[AgentInputs, AgentState]],
    params: Params,
    streams: Streams,
    numbers: jax.Array,
    episodes: jax.Array,
    starts: jax.Array,
    agents: AgentState,
    given: SkillLibrary | None,
) -> tuple[AgentInputs, AgentState]:
    def pick(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(starts.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    inputs, begun = first(params, streams, numbers, episodes, given)
    return inputs, jax.tree.map(pick, begun, agents)
