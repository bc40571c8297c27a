"""The doorkey world in plain Python, and shortest paths by search: the tests' reference."""

from plain_tutorial import MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY, PlainWorld

# Beside the agent, in the order of the percept: right, right above, right below, above, below, left.
SURROUNDINGS = ((1, 0), (1, 1), (1, -1), (0, 1), (0, -1), (-1, 0))


class PlainDoorKey(PlainWorld):
    """A grid whose door's column is a wall, passable at the open door only; the door is opened from beside it."""

    def is_blocked(self, x: int, y: int) -> bool:
        """Whether nobody can stand on (x, y)."""
        return x == self.door[0] and not (self.door_open and y == self.door[1])

    def step(self, action: int) -> tuple[float, bool]:
        """Acts; returns the reward and whether the episode is done."""
        old, reward = (self.x, self.y), self.rewards[0]
        if action != OPEN_DOOR:
            reward, _ = super().step(action)
        elif self.has_key and abs(self.x - self.door[0]) + abs(self.y - self.door[1]) == 1:
            reward = self.rewards[2] if self.door_pays_again or not self.door_open else reward
            self.door_open = True
        if self.is_blocked(self.x, self.y):
            self.x, self.y = old
        done = self.door_open and (self.x, self.y) == self.goal
        return (self.rewards[3] if done else reward), done

    def surroundings(self) -> tuple[int, ...]:
        """Which of the `SURROUNDINGS` are blocked, as 0 or 1."""
        return tuple(int(self.is_blocked(self.x + dx, self.y + dy)) for dx, dy in SURROUNDINGS)

    def scripted_choice(self) -> int | None:
        """The script: x first, to the key, the cell before the door, through it, to the goal; None on the goal."""
        target, there = self.goal, None
        if not self.has_key:
            target, there = self.key, PICKUP_KEY
        elif not self.door_open or self.x < self.door[0]:
            target, there = (self.door[0] - 1, self.door[1]), MOVE_RIGHT if self.door_open else OPEN_DOOR
        if self.x != target[0]:
            return MOVE_RIGHT if self.x < target[0] else MOVE_LEFT
        if self.y != target[1]:
            return MOVE_UP if self.y < target[1] else MOVE_DOWN
        return there


def search(world: PlainWorld) -> int | None:
    """The fewest steps from the state that `world` is in to the goal, by breadth-first search; None if there is none.

    It searches over (x, y, has_key, door_open) and leaves the world in some state.
    """
    frontier, seen, steps = [world.state()], {world.state()}, 0
    while frontier:
        steps, reached = steps + 1, []
        for state in frontier:
            for action in range(6):
                world.x, world.y, world.has_key, world.door_open = state
                _, done = world.step(action)
                if done:
                    return steps
                if world.state() not in seen:
                    seen.add(world.state())
                    reached.append(world.state())
        frontier = reached
    return None
