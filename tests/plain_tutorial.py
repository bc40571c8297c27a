"""The tutorial's semantics in plain Python: the tests' differential oracle and the benchmarks' plain loop.

Independent of `procmem_jax` and of jax: one agent, one step at a time, no tricks. Positions are (x, y), y up;
actions are numbered in the tutorial's order. Tables of codes, multiples of 1/1000, replace its `hash()`.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from operator import mul

ACTION_NAMES = ("move_up", "move_down", "move_left", "move_right", "pickup_key", "open_door")
MOVE_UP, MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, PICKUP_KEY, OPEN_DOOR = range(6)
SCRIPTED = -1  # tape entry: take the scripted choice
TUTORIAL_TARGET = (4, 4)  # where the tutorial's script ends, whatever the size
SHORTEST_EPISODE, LONGEST_SKILL, RECORDED_TRANSITIONS = 3, 5, 400
Position = tuple[int, int]
State = tuple[int, int, bool, bool]  # x, y, has_key, door_open
Vector = tuple[int, ...]  # an embedding before normalisation, in thousandths, without its trailing zeros


@dataclass
class PlainWorld:
    """A square grid with a key, a door and a goal (None: upper right corner); the tutorial's by default.

    `rewards`: plain step, key, door, goal. Without `door_pays_again` only the first opening pays.
    """

    size: int
    start: Position = (0, 0)
    key: Position = (2, 2)
    door: Position = (3, 3)
    goal: Position | None = None
    rewards: tuple[float, float, float, float] = (-0.1, 1.0, 2.0, 10.0)
    door_pays_again: bool = True

    def __post_init__(self):
        self.goal = self.goal or (self.size - 1, self.size - 1)
        self.reset()

    def reset(self) -> None:
        """Puts the agent back at the start, without the key, the door closed."""
        self.x, self.y = self.start
        self.has_key = self.door_open = False

    def state(self) -> State:
        """Returns all that changes."""
        return self.x, self.y, self.has_key, self.door_open

    def step(self, action: int) -> tuple[float, bool]:
        """Acts; returns the reward and whether the episode is done (the goal's reward replaces any other)."""
        reward, key_reward, door_reward, goal_reward = self.rewards
        if action == MOVE_UP:
            self.y += self.y < self.size - 1
        elif action == MOVE_DOWN:
            self.y -= self.y > 0
        elif action == MOVE_LEFT:
            self.x -= self.x > 0
        elif action == MOVE_RIGHT:
            self.x += self.x < self.size - 1
        elif action == PICKUP_KEY:
            if not self.has_key and (self.x, self.y) == self.key:
                self.has_key = True
                reward = key_reward
        elif action == OPEN_DOOR:
            if self.has_key and (self.x, self.y) == self.door:
                if self.door_pays_again or not self.door_open:
                    reward = door_reward
                self.door_open = True
        else:
            raise ValueError(f"action={action!r} is unknown; give one of 0..5")
        done = self.door_open and (self.x, self.y) == self.goal
        return (goal_reward if done else reward), done


def scripted_choice(world: PlainWorld, final_target: Position | None) -> int | None:
    """Returns the script's action, or None for its last resort, a random action.

    It heads for the key, then the door, x first; then right and up to `final_target` (the tutorial's (4, 4)),
    or, with None, to the true goal in all four directions.
    """
    x, y = world.x, world.y
    if not world.has_key:
        (to_x, to_y), on_target = world.key, PICKUP_KEY
    elif not world.door_open:
        (to_x, to_y), on_target = world.door, OPEN_DOOR
    else:
        (to_x, to_y), on_target = final_target or world.goal, None
        if final_target:
            x, y = min(x, to_x), min(y, to_y)  # beyond it counts as there: no way back
    if x != to_x:
        return MOVE_RIGHT if x < to_x else MOVE_LEFT
    if y != to_y:
        return MOVE_UP if y < to_y else MOVE_DOWN
    return on_target


class Tape:
    """The oracle's explorer: each choice takes an entry, `SCRIPTED` or an action; `used` counts them.

    Where the script has only its last resort, it takes entries up to and including the next action. With
    `rng`, a tape that has run out draws on: actions with chance `noise`, in a last resort at least 1/2.
    """

    def __init__(self, entries: Sequence[int] = (), final_target: Position | None = TUTORIAL_TARGET, *,
                 rng: random.Random | None = None, noise: float = 0.0):  # fmt: skip
        self.entries, self.final_target = list(entries), final_target
        self.rng, self.noise, self.used = rng, noise, 0

    def __call__(self, world: PlainWorld) -> int:
        entry = self.take(self.noise)
        choice = scripted_choice(world, self.final_target) if entry == SCRIPTED else entry
        while choice is None:
            entry = self.take(max(self.noise, 0.5))
            choice = None if entry == SCRIPTED else entry
        return choice

    def take(self, noise: float) -> int:
        """Uses and returns the next entry, drawn with that chance of an action if there is none."""
        if self.used == len(self.entries):
            if self.rng is None:
                raise IndexError(f"the tape ran out after {self.used} entries; give a longer one")
            self.entries.append(self.rng.randrange(6) if self.rng.random() < noise else SCRIPTED)
        self.used += 1
        return self.entries[self.used - 1]


def cosine(left: Vector, right: Vector) -> float:
    """Returns the cosine of two vectors (the shorter one ends in zeros), 0.0 if either is zero.

    In whole numbers: the same actions in another order tie in mathematics, and a tie goes to the earliest
    skill, but float norms depend on the order of summing, and their last bit would decide. The 1e-8 that the
    tutorial adds to its norms lowers all scores alike, and is only in the exported embeddings.
    """
    squared_norms = sum(map(mul, left, left)) * sum(map(mul, right, right))
    return sum(map(mul, left, right)) / sqrt(squared_norms) if squared_norms else 0.0


@dataclass
class PlainSkill:
    """A stored action sequence: its preconditions, what it is found by, how it fared."""

    name: str
    has_key: bool
    door_open: bool
    actions: tuple[int, ...]
    vector: Vector
    success_count: int = 1
    times_used: int = 0

    def export(self, embedding_dim: int) -> dict:
        """Returns the skill as the oracle files write it."""
        scale = sqrt(sum(map(mul, self.vector, self.vector))) + 1e-5  # the tutorial's 1e-8, in thousandths
        padding = [0.0] * (embedding_dim - len(self.vector))
        embedding = [round(value / scale, 6) for value in self.vector] + padding
        record = vars(self) | {"actions": list(self.actions), "embedding": embedding}
        return {name: value for name, value in record.items() if name != "vector"}


class PlainAgent:
    """One agent with an unbounded skill library.

    `explore` acts where no skill applies. Without `use_skills`, skills are stored but never run. `budget`
    (steps) is looked at only between skills. Cosines above `merge_threshold` merge. Codes: k/1000, k whole.
    """

    def __init__(self, world: PlainWorld, position_codes: Sequence[Sequence[float]],
                 action_codes: Sequence[float], embedding_dim: int = 8, *,
                 explore: Callable[[PlainWorld], int], use_skills: bool = True, budget: int = 50,
                 merge_threshold: float = 0.9):  # fmt: skip
        self.world, self.explore, self.use_skills, self.budget = world, explore, use_skills, budget
        self.embedding_dim, self.merge_threshold = embedding_dim, merge_threshold
        whole = [[round(1000 * code) for code in codes] for codes in (*position_codes, action_codes)]
        *self.position_codes, self.action_codes = whole
        self.library, self.transitions = [], []

    def embed(self, state: State, actions: tuple[int, ...] = ()) -> Vector:
        """Returns the vector of a state and of as many actions as there is room for."""
        x, y, has_key, door_open = state
        used = tuple(self.action_codes[action] for action in actions[: self.embedding_dim - 3])
        return (self.position_codes[x][y], 1000 * has_key, 1000 * door_open, *used)

    def retrieve(self) -> PlainSkill | None:
        """Returns the applicable skill of the highest cosine, the earliest of equals, or None."""
        state = self.world.state()
        query = self.embed(state)
        applicable = (skill for skill in self.library if (skill.has_key, skill.door_open) == state[2:])
        return max(applicable, key=lambda skill: cosine(query, skill.vector), default=None)

    def learn(self, path: list[tuple[State, int]]) -> None:
        """Stores the end of a successful path as a skill, or credits the first stored one that is like it."""
        segment = path[-LONGEST_SKILL:]
        first_state, actions = segment[0][0], tuple(action for _, action in segment)
        has_key, door_open = first_state[2:]
        name = f"navigate_{len(actions)}_steps"
        if self.world.has_key > has_key:
            name = "acquire_key"
        elif self.world.door_open > door_open:
            name = "open_door_sequence"
        vector = self.embed(first_state, actions)
        alike = (skill for skill in self.library if cosine(vector, skill.vector) > self.merge_threshold)
        if twin := next(alike, None):
            twin.success_count += 1
        else:
            self.library.append(PlainSkill(name, has_key, door_open, actions, vector))

    def run_episode(self) -> tuple[list[tuple[State, int]], float, bool]:
        """Plays from reset; returns the path (state before, action), the reward, and if it succeeded."""
        world, path, total = self.world, [], 0.0
        world.reset()
        while len(path) < self.budget:
            skill = self.retrieve() if self.use_skills and self.library else None
            if skill:
                skill.times_used += 1
            for action in skill.actions if skill else (self.explore(world),):
                path.append((world.state(), action))
                reward, done = world.step(action)
                total += reward
                if len(self.transitions) < RECORDED_TRANSITIONS:
                    x, y, *flags = world.state()
                    self.transitions.append([action, [x, y], *flags, reward, done])
                if done:
                    if skill:
                        skill.success_count += 1
                    return path, total, True
        return path, total, False

    def train(self, episodes: int) -> dict:
        """Runs and learns; returns what an oracle file holds as `expected`."""
        rows = []
        for _ in range(episodes):
            path, reward, success = self.run_episode()
            if success and len(path) >= SHORTEST_EPISODE:
                self.learn(path)
            uses = sum(skill.times_used for skill in self.library)
            rows.append((round(reward, 6), len(path), success, len(self.library), uses))
        columns = ("rewards", "steps", "success", "skills_learned", "skill_uses")
        rates = [skill.success_count / max(skill.times_used, 1) for skill in self.library]
        return {
            "per_episode": {column: [row[i] for row in rows] for i, column in enumerate(columns)},
            "library": [skill.export(self.embedding_dim) for skill in self.library],
            "stats": {
                "total_skills": len(self.library),
                "total_uses": sum(skill.times_used for skill in self.library),
                "avg_success_rate": sum(rates) / len(rates) if rates else 0,
            },
            "transitions": self.transitions,
        }


def _walk_row(world: PlainWorld, action: int) -> list:
    reward, done = world.step(action)
    x, y, has_key, door_open = world.state()
    if done:
        world.reset()
    return [action, x, y, int(has_key), int(door_open), int((x, y) == world.goal), reward, int(done)]


def replay(case: dict, explore: Callable[[PlainWorld], int] | None = None) -> dict:
    """Returns `expected` for a tutorial case (`explore` replaces its tape), {"rows": ...} for an env_walk."""
    world = PlainWorld(case["size"])
    if "rows" in case:
        return {"rows": [_walk_row(world, row[0]) for row in case["rows"]]}
    tables = case["position_codes"], case["action_codes"], case["embedding_dim"]
    explore = explore or Tape(case["tape"])
    return PlainAgent(world, *tables, explore=explore, budget=case["max_steps"]).train(case["episodes"])


def random_case(rng: random.Random, size: int, embedding_dim: int, episodes: int, noise: float,
                tape_length: int | None = None) -> dict:  # fmt: skip
    """Returns a random tutorial case without `expected`.

    Its tape ends 50 entries after the last one used, or has `tape_length` (ValueError if the run needs more).
    """
    case = {"size": size, "episodes": episodes, "embedding_dim": embedding_dim, "max_steps": 50,
            "actions": list(ACTION_NAMES)}  # fmt: skip
    tables = [[rng.randrange(1000) / 1000 for _ in range(count)] for count in (*[size] * size, 6)]
    *case["position_codes"], case["action_codes"] = tables
    tape = Tape(rng=rng, noise=noise)
    replay(case, tape)
    spare = 50 if tape_length is None else tape_length - tape.used
    if spare < 0:
        raise ValueError(f"tape_length={tape_length} is below the {tape.used} entries used; raise it")
    for _ in range(spare):
        tape.take(noise)
    return case | {"tape": tape.entries}


def case_with_expected(*args, **kwargs) -> dict:
    """Returns a `random_case` of these arguments, with its `expected`."""
    return (case := random_case(*args, **kwargs)) | {"expected": replay(case)}


def random_walk(rng: random.Random, size: int, steps: int) -> dict:
    """Returns an env_walk file whose walk is half random, half scripted towards the goal."""
    world, tape = PlainWorld(size), Tape(final_target=None, rng=rng, noise=0.5)
    rows = [_walk_row(world, tape(world)) for _ in range(steps)]
    columns, note = "action x y has_key door_open at_goal reward done", "reset after every row with done 1"
    return {"size": size, "columns": columns.split(), "note": note, "rows": rows}
