"""The DoorKey worlds of MiniGrid and XLand-MiniGrid, set to a layout of `doorkey-N` and played with our actions.

The same in all three: walls and the edge stop a move; the key is taken once and kept when the door opens; the locked
door stops everyone, opens to the holder of the key only, from a cell beside it, and can be walked through then; the
episode ends on the goal. The wall may stand in every column but the outer ones; agent and key are drawn left of it.

What differs:

| | `doorkey-N` | MiniGrid DoorKey | XLand-MiniGrid DoorKey |
|---|---|---|---|
| N | free cells along a side | with the outer walls: two more | as MiniGrid |
| smallest | 5 (their 7) | 5 (our 3) | as MiniGrid |
| agent | no heading; moves in four directions | heading; turns, walks forward | as MiniGrid |
| key on the floor | can be walked over; taken on its cell | blocks; taken from beside it, faced | as MiniGrid |
| key in hand | stays | can be put down, and blocks again | as MiniGrid |
| opening the door | from beside it, however one came | facing it | as MiniGrid |
| the open door | stays open | closes again, unlocked: opens without the key | as MiniGrid |
| goal with the door closed | does not end (nobody gets there) | ends | ends |
| ends | by any action on the goal | by walking onto the goal | also by walking in vain on the goal |
| door's row | every one | not the lowest | not the lowest |
| goal's cell | any right of the wall | the lower right corner | the lower right corner |
| rewards | a step -0.1, key 1, door 2, goal 10 | goal 1 - 0.9 steps / limit, else 0 | as MiniGrid |
| time limit | 4 N^2 steps | 10 N^2 (their N) | as MiniGrid |
| goal on the last step | terminated, not truncated | both | last step, with discount 0 |
| action outside the range | costs a step, does nothing | ValueError | too high: toggles |
| observation | 13 numbers on the whole grid | 7 x 7 x 3 ahead of the agent | 7 x 7 x 2 ahead of the agent |

`test_doorkey_peers.py` asserts each line of it.
"""

from typing import NamedTuple

import numpy as np

from procmem_jax.envs.grid.actions import MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, PICKUP_KEY

# The primitive actions and headings of both peers, in the order of XLand; a WAIT fills up shorter lanes.
FORWARD, TURN_RIGHT, TURN_LEFT, PICK_UP, PUT_DOWN, TOGGLE = range(6)
WAIT = -1
# Free cells along a side of the peers' grids; smaller worlds stand in a corner of it, so that one program serves all.
ROOM = 8
UP, RIGHT, DOWN, LEFT = range(4)
AHEAD = {UP: (0, 1), RIGHT: (1, 0), DOWN: (0, -1), LEFT: (-1, 0)}
_HEADINGS = {MOVE_UP: UP, MOVE_RIGHT: RIGHT, MOVE_DOWN: DOWN, MOVE_LEFT: LEFT}
_TURNS = ((), (TURN_RIGHT,), (TURN_RIGHT, TURN_RIGHT), (TURN_LEFT,))


class Start(NamedTuple):
    """Where a peer's agent begins, in our coordinates."""

    x: int
    y: int
    carries: bool
    door_open: bool
    heading: int
    step: int = 0


class Trace(NamedTuple):
    """What a peer was like after each primitive action, in our coordinates.

    Attributes:
        states: `[B, T, 5]` int, x, y, whether the key is carried, whether the door is open, terminated.
        rewards: `[B, T]` float.
        truncated: `[B, T]` bool.
    """

    states: np.ndarray
    rewards: np.ndarray
    truncated: np.ndarray


class Draw(NamedTuple):
    """Layouts that a peer drew, in our coordinates: cells `[B, 2]` and the heading `[B]`."""

    agent: np.ndarray
    key: np.ndarray
    door: np.ndarray
    goal: np.ndarray
    heading: np.ndarray


def translate(action: int, before, after, heading: int, numbers) -> tuple[list[int], int]:
    """Returns the primitive actions that do in the peers what `action` does here, and the heading they end with.

    On the cell of a key that is not taken, the peers' agent carries it, and puts it back on leaving without it. Not
    translated: opening the open door, which would close it, or with that key; taking the key from beside it.

    Args:
        action: 0 to 5.
        before, after: x, y, has_key, door_open around it here.
        heading: the agent's before it.
        numbers: `[10]`, the layout.
    """
    cell, key, door = before[:2], tuple(numbers[2:4]), tuple(numbers[4:6])
    on_key, has_key, door_open = cell == key and not before[2], before[2], before[3]
    ahead = {way: (cell[0] + dx, cell[1] + dy) for way, (dx, dy) in AHEAD.items()}
    if action in _HEADINGS:
        way, moved = _HEADINGS[action], after[:2] != cell
        takes = [PICK_UP] if moved and after[:2] == key and not has_key else []
        walk = [*_TURNS[(way - heading) % 4], *takes, FORWARD]
        if on_key and moved:
            return [*walk, TURN_RIGHT, TURN_RIGHT, PUT_DOWN], (way + 2) % 4
        return walk, way
    if action == PICKUP_KEY:
        return ([] if ahead[heading] == key and not has_key else [PICK_UP]), heading
    if door not in ahead.values():
        return [TOGGLE], heading
    if door_open or on_key:
        return [], heading
    way = next(way for way, beside in ahead.items() if beside == door)
    return [*_TURNS[(way - heading) % 4], TOGGLE], way


def find_cell(mask: np.ndarray) -> tuple[int, int]:
    """Returns the one cell of `mask` (`[ROOM + 2, ROOM + 2]`, rows from above) in our coordinates."""
    ((row, column),) = np.argwhere(mask).tolist()
    return column - 1, ROOM - row
