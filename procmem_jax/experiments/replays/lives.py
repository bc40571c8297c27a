"""The life of one agent alone: fast up to an episode, then recorded."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.recording import TickRecord, record_agents
from procmem_jax.agents.settings import Config, Params
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.training.lane_programs import build_programs, first_states, room_for
from procmem_jax.experiments.training.lanes import LANE_MULTIPLE
from procmem_jax.memory.library import SkillLibrary
from procmem_jax.records import as_arrays, shapes_of
from procmem_jax.streams import Streams, open_streams

_CHUNK_TICKS = 256
_FAST_CHUNKS = 256  # at once, between two looks at the records
# Recording takes 95 microseconds a tick where a block of ticks takes 23, but the blocks cost 8 seconds of compilation
# (doorkey-8, 2 shared cores): they pay for lives longer than this.
_LONG_LIFE = 1 << 17


class Life:
    """An agent alone or in its group, in the first of as many lanes as make a vector; the others stand still.

    Attributes:
        chunk_ticks: ticks of a recording.
    """

    def __init__(
        self,
        key: jax.Array,
        config: Config,
        params: Params,
        number: int,
        num_episodes: int,
        library: SkillLibrary | None = None,
    ):
        """Begins the life of agent `number` of a run; `library` (`[1, N, ...]`) is what it starts with."""
        self._agent = ProceduralAgent(config)
        self._params: Params = as_arrays(params)
        self._streams: Streams = open_streams(key)
        size = self._agent.group_size
        lanes = np.arange(LANE_MULTIPLE)
        self._lane = number % size
        numbers = jnp.asarray((number - self._lane + lanes % size) % 2**32, jnp.uint32)
        episodes = jnp.asarray(np.where(lanes < size, num_episodes, 0), jnp.int32)
        given = jax.tree.map(lambda leaf: jnp.repeat(jnp.asarray(leaf), LANE_MULTIPLE, axis=0), library)
        one = (self._params, self._streams, numbers, episodes, given)
        self._inputs, self._state = first_states(self._agent, room_for(num_episodes), False, *one)
        self._num_episodes = num_episodes
        self.chunk_ticks = -(-_CHUNK_TICKS // self._agent.period) * self._agent.period

    @property
    def finished(self) -> int:
        """Episodes so far."""
        return int(self._state.episode[self._lane])

    @property
    def metrics(self) -> EpisodeMetrics:
        """`[E]` NumPy arrays."""
        return jax.tree.map(lambda column: np.array(column)[self._lane, : self._num_episodes], self._state.metrics)

    def skip(self, num_chunks: int) -> None:
        """Lives on for as many chunks, fast."""
        blocks = jnp.asarray(num_chunks * (self.chunk_ticks // self._agent.block_ticks), jnp.int32)
        device = jax.local_devices()[0]
        programs = build_programs(
            self._agent.config, shapes_of(self._params), LANE_MULTIPLE, room_for(self._num_episodes), False, (device,)
        )
        self._state = programs.run(self._params, self._streams, self._inputs, self._state, blocks)

    def record(self) -> TickRecord:
        """Lives on for a chunk, and returns its records `[T, ...]` as NumPy arrays."""
        self._state, records = record_agents(*self._everything(), num_ticks=self.chunk_ticks)
        return jax.tree.map(lambda column: np.array(column[:, self._lane]), records)

    def _everything(self):
        return self._agent, self._params, self._streams, self._inputs, self._state


def record_episode(life: Life, episode: int, start: int, look: Callable[[Life], None]) -> TickRecord:
    """Returns the records `[T, ...]` of one episode, NumPy arrays.

    Args:
        life: at its beginning.
        episode: its number.
        start: ticks of the life before it, as far as is known: what is too many is noticed by `look`.
        look: called after every part of the life; raises if that is not as it should be.
    """
    chunks = max(start, 0) // life.chunk_ticks
    is_long = start > _LONG_LIFE
    while chunks > 0:
        count = min(chunks, _FAST_CHUNKS) if is_long else 1
        if is_long:
            life.skip(count)
        else:
            life.record()
        chunks -= count
        look(life)
    parts = []
    while life.finished <= episode:
        records = life.record()
        look(life)
        wanted = records.episode == episode
        parts.append(jax.tree.map(lambda column, rows=wanted: column[rows], records))
    return jax.tree.map(lambda *columns: np.concatenate(columns), *parts)
