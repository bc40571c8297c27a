"""MiniGrid's DoorKey for `test_doorkey_peers.py`."""

import itertools

import numpy as np
import pytest

from envs.doorkey_peers import RIGHT, ROOM, WAIT, Draw, Start, Trace, find_cell


class MiniGridPeer:
    """MiniGrid's DoorKey."""

    def __init__(self):
        pytest.importorskip("minigrid")
        from minigrid.core import grid, world_object
        from minigrid.envs import DoorKeyEnv

        self._grid, self._objects = grid, world_object
        self.env = DoorKeyEnv(size=ROOM + 2, see_through_walls=True)  # only the view depends on it, and is faster
        self.env.reset(seed=0)

    def play(self, size: int, numbers, starts: list[Start], primitives) -> Trace:
        """Returns what the primitive actions do from the starts.

        Args:
            size: free cells along a side, at most `ROOM`.
            numbers: `[B, 10]` layouts.
            starts: B of them.
            primitives: `[B, T]`.
        """
        lanes = zip(np.asarray(numbers).tolist(), starts, primitives, strict=True)
        columns = zip(*(self._play(size, *lane) for lane in lanes), strict=True)
        return Trace(*(np.array(column) for column in columns))

    def draw(self, count: int) -> Draw:
        """Returns `count` layouts of its own."""
        return Draw(*(np.array(column) for column in zip(*map(self._draw, range(count)), strict=True)))

    def _play(self, size: int, numbers: list[int], start: Start, primitives) -> tuple[list, list, list]:
        door = self._set(size, numbers, start)
        actions = self.env.actions
        names = (actions.forward, actions.right, actions.left, actions.pickup, actions.drop, actions.toggle)
        rows = []
        reward, terminated, truncated = 0.0, False, False
        for primitive in primitives:
            if primitive != WAIT:
                _, reward, terminated, truncated, _ = self.env.step(names[primitive])
            column, row = (int(number) for number in self.env.agent_pos)
            state = (column - 1, ROOM - row, self.env.carrying is not None, door.is_open, terminated)
            rows.append((state, reward, truncated))
        return tuple(zip(*rows, strict=True))

    def _set(self, size: int, numbers: list[int], start: Start):
        """Returns the door, after rebuilding the grid."""
        env, objects, wide = self.env, self._objects, ROOM + 2
        _, _, key_x, key_y, door_x, door_y, goal_x, goal_y, _, _ = numbers
        env.grid = self._grid.Grid(wide, wide)
        for column, row in itertools.product(range(wide), range(wide)):
            outside = not (1 <= column <= size and ROOM - size < row <= ROOM)
            if outside or column == door_x + 1:
                env.grid.set(column, row, objects.Wall())
        door = objects.Door("yellow", is_open=start.door_open, is_locked=not start.door_open)
        key = objects.Key("yellow")
        env.put_obj(door, door_x + 1, ROOM - door_y)
        env.put_obj(objects.Goal(), goal_x + 1, ROOM - goal_y)
        if not start.carries:
            env.put_obj(key, key_x + 1, ROOM - key_y)
        env.carrying = key if start.carries else None
        env.agent_pos, env.agent_dir = (start.x + 1, ROOM - start.y), (start.heading - RIGHT) % 4
        env.step_count = start.step
        return door

    def _draw(self, seed: int) -> tuple:
        self.env.reset(seed=seed)
        names = [cell.type if cell else "" for cell in self.env.grid.grid]
        names = np.reshape(names, (ROOM + 2, ROOM + 2))
        (column, row), heading = self.env.agent_pos, (self.env.agent_dir + RIGHT) % 4
        return (column - 1, ROOM - row), *(find_cell(names == name) for name in ("key", "door", "goal")), heading
