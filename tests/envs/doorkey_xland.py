"""XLand-MiniGrid's DoorKey for `test_doorkey_peers.py`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.doorkey_peers import ROOM, WAIT, Draw, Start, Trace, find_cell
from peer_rules import peer_rules

LANES = 256  # stepped at once, so that one program serves all tests


class XLandPeer:
    """XLand-MiniGrid's DoorKey; methods as in `MiniGridPeer`."""

    def __init__(self):
        xminigrid = pytest.importorskip("xminigrid")
        from xminigrid.core.constants import Colors, Tiles

        self.tiles, self.colors = Tiles, Colors
        self.env, _ = xminigrid.make("MiniGrid-DoorKey-8x8")
        self.params = self.env.default_params(height=ROOM + 2, width=ROOM + 2)
        self._reset = jax.jit(jax.vmap(lambda key: self.env.reset(self.params, key)))
        self._step = jax.jit(jax.vmap(self._step_or_wait))

    def play(self, size: int, numbers, starts: list[Start], primitives) -> Trace:
        """Returns what the primitive actions do from the starts."""
        primitives = np.asarray(primitives, np.int32)
        parts = []
        for begin in range(0, len(starts), LANES):
            lanes = slice(begin, begin + LANES)
            parts.append(self._play(size, np.asarray(numbers)[lanes].tolist(), starts[lanes], primitives[lanes]))
        return Trace(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def draw(self, count: int) -> Draw:
        """Returns `count` layouts of its own, at most `LANES`."""
        state = self.first.state
        grids, positions = state.grid[:count, ..., 0], state.agent.position[:count]
        tiles = (self.tiles.KEY, self.tiles.DOOR_LOCKED, self.tiles.GOAL)
        places = [np.array([find_cell(grid == tile) for grid in grids]) for tile in tiles]
        agents = np.stack([positions[:, 1] - 1, ROOM - positions[:, 0]], axis=-1)
        return Draw(agents, *places, state.agent.direction[:count])

    @functools.cached_property
    def first(self):
        """`LANES` first time steps, arrays of NumPy; without keys, which no step uses."""
        with peer_rules():
            timestep = self._reset(jax.random.split(jax.random.key(0), LANES))
        return jax.tree.map(np.asarray, timestep.replace(state=timestep.state.replace(key=None)))

    def _play(self, size: int, numbers: list, starts: list[Start], primitives: np.ndarray) -> Trace:
        timestep, rows = self._begin(size, numbers, starts), []
        padding = LANES - len(starts)
        for column in np.pad(primitives, ((0, padding), (0, 0)), constant_values=WAIT).T:
            with peer_rules():
                timestep = self._step(timestep, jnp.asarray(column))
            state = timestep.state
            opened = jnp.any(state.grid[..., 0] == self.tiles.DOOR_OPEN, axis=(1, 2))
            truncated = timestep.last() & (state.step_num == self.params.max_steps)
            agent = (state.agent.position, state.agent.pocket[:, 0] == self.tiles.KEY)
            rows.append(jax.device_get((*agent, opened, timestep.discount == 0, timestep.reward, truncated)))
        places, *bits, rewards, truncated = (np.stack(row, axis=1)[: len(starts)] for row in zip(*rows, strict=True))
        states = np.stack([places[..., 1] - 1, ROOM - places[..., 0], *bits], axis=-1).astype(int)
        return Trace(states, rewards, truncated)

    def _begin(self, size: int, numbers: list, starts: list[Start]):
        """Returns the time steps that the lanes begin with; those to spare keep what a reset gave them."""
        timestep = jax.tree.map(np.array, self.first)
        state, agent = timestep.state, timestep.state.agent
        for lane, (layout, start) in enumerate(zip(numbers, starts, strict=True)):
            state.grid[lane] = self._draw_grid(size, layout, start)
            agent.position[lane] = ROOM - start.y, start.x + 1
            agent.direction[lane], state.step_num[lane] = start.heading, start.step
            if start.carries:
                agent.pocket[lane] = self.tiles.KEY, self.colors.YELLOW
        return jax.tree.map(jnp.asarray, timestep)

    def _draw_grid(self, size: int, numbers: list[int], start: Start) -> np.ndarray:
        tiles, colors = self.tiles, self.colors
        _, _, key_x, key_y, door_x, door_y, goal_x, goal_y, _, _ = numbers
        grid = np.full((ROOM + 2, ROOM + 2, 2), (tiles.WALL, colors.GREY), np.uint8)
        grid[ROOM + 1 - size : ROOM + 1, 1 : size + 1] = tiles.FLOOR, colors.BLACK
        grid[:, door_x + 1] = tiles.WALL, colors.GREY
        door = tiles.DOOR_OPEN if start.door_open else tiles.DOOR_LOCKED
        grid[ROOM - door_y, door_x + 1] = door, colors.YELLOW
        grid[ROOM - goal_y, goal_x + 1] = tiles.GOAL, colors.GREEN
        if not start.carries:
            grid[ROOM - key_y, key_x + 1] = tiles.KEY, colors.YELLOW
        return grid

    def _step_or_wait(self, timestep, primitive):
        stepped = self.env.step(self.params, timestep, jnp.maximum(primitive, 0))
        stepped = stepped.replace(observation=timestep.observation)  # nobody looks at the view: not compiled
        return jax.tree.map(lambda new, old: jnp.where(primitive == WAIT, old, new), stepped, timestep)
