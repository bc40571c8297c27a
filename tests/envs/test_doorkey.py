"""The doorkey world: its layouts, its walls and its door, what is seen of them, and the shortest path."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from envs.worlds import layout_numbers, make_layout, make_state
from plain_doorkey import PlainDoorKey, search
from procmem_jax.envs.grid.actions import (
    MOVE_DOWN,
    MOVE_LEFT,
    MOVE_RIGHT,
    MOVE_UP,
    OPEN_DOOR,
    PICKUP_KEY,
)
from procmem_jax.envs.grid.layouts import doorkey_layout, optimal_steps
from procmem_jax.envs.grid.render import render_text
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.records import as_arrays
from quick import quick_first

WORLD = GridWorld("doorkey")
SIZES = (5, 8, 16)
_draw = jax.jit(jax.vmap(doorkey_layout, in_axes=(0, None)))


def draw_words(seed, count):
    return np.random.default_rng(seed).integers(0, 2**32, (count, 2), dtype=np.uint32)


def draw(words, size):
    """Coordinates `[A, 10]` of the layouts that `words` (`[A, 2]`) draw."""
    words = jnp.asarray(np.asarray(words, np.uint32))
    return layout_numbers(_draw((words[:, 0], words[:, 1]), jnp.int32(size)))


def plain(size, numbers, **changes):
    """The plain twin of a world with the layout `numbers` (`[10]`)."""
    start, key, door, goal, _ = (tuple(pair) for pair in np.asarray(numbers).reshape(5, 2).tolist())
    return PlainDoorKey(size, start=start, key=key, door=door, goal=goal, door_pays_again=False, **changes)


# Layouts


def plain_layout(word_0, word_1, size):
    """The same draws in Python's exact integers; cells are counted column by column."""

    def split(word, bound):
        return divmod(word * bound, 2**32)

    wall, rest = split(word_0, size - 2)
    door, rest = split(rest, size)
    left = [(x, y) for x in range(wall + 1) for y in range(size)]
    right = [(x, y) for x in range(wall + 2, size) for y in range(size)]
    start = left.pop(split(rest, len(left))[0])
    key, rest = split(word_1, len(left))
    goal, _ = split(rest, len(right))
    return [*start, *left[key], wall + 1, door, *right[goal], -1, -1]


@pytest.mark.parametrize("size", (5, 6, 8, 13, 16))
def test_words_draw_the_layouts_that_exact_integers_draw(size):
    words = draw_words(size, 500)
    words[:4] = [[0, 0], [0, 2**32 - 1], [2**32 - 1, 0], [2**32 - 1, 2**32 - 1]]
    assert draw(words, size).tolist() == [plain_layout(*pair, size) for pair in words.tolist()]


@pytest.mark.parametrize("size", SIZES)
def test_key_and_agent_stand_left_of_the_wall_and_the_goal_right_of_it(size):
    numbers = draw(draw_words(1, 5000), size)
    start, key, door, goal, box = numbers.reshape(-1, 5, 2).transpose(1, 0, 2)
    wall = door[:, 0]
    assert wall.min() == 1 and wall.max() == size - 2
    assert np.all((numbers[:, :8] >= 0) & (numbers[:, :8] < size)) and np.all(box == -1)
    assert np.all((start[:, 0] < wall) & (key[:, 0] < wall) & (goal[:, 0] > wall))
    assert np.all(np.any(start != key, axis=1))


def test_everything_is_uniform():
    """Wall and door; the goal, agent and key for each wall: the key on every cell that the agent leaves it."""
    size, numbers = 5, draw(draw_words(2, 200_000), 5).astype(int)
    start, key, goal = (numbers[:, i] * size + numbers[:, i + 1] for i in (0, 2, 6))
    wall = numbers[:, 4]
    p_values = [scipy.stats.chisquare(np.bincount((wall - 1) * size + numbers[:, 5], minlength=15)).pvalue]
    for place in (1, 2, 3):
        here, cells = wall == place, place * size
        right = goal[here] - (place + 1) * size
        p_values.append(scipy.stats.chisquare(np.bincount(right, minlength=(4 - place) * size)).pvalue)
        pairs = np.bincount(start[here] * cells + key[here], minlength=cells**2).reshape(cells, cells)
        p_values.append(scipy.stats.chisquare(pairs[~np.eye(cells, dtype=bool)]).pvalue)
        assert not np.any(np.diag(pairs))
    assert min(p_values) > 1e-3, p_values


@pytest.mark.parametrize(
    ("size", "text"),
    (
        (4, "size of a doorkey world=4 is below 5; give at least 5"),
        (17, "size of a doorkey world=17 is above 16; give at most 16"),
    ),
)
def test_sizes_that_make_no_doorkey_world(size, text):
    with pytest.raises(ValueError) as caught:
        GridWorld("doorkey").check_params(GridWorldParams(size=size))
    assert str(caught.value) == text


# Shortest paths


@pytest.mark.parametrize("size", SIZES)
def test_optimal_steps_equals_a_search(size):
    numbers = draw(draw_words(size, 60), size)
    shortest = jax.jit(jax.vmap(lambda layout: optimal_steps(layout, walls=True)))(make_layout(numbers))
    assert shortest.dtype == jnp.int32
    assert shortest.tolist() == [search(plain(size, row)) for row in numbers]


@functools.cache
def walker():
    """The jitted walk by the script: (steps to the goal, `optimal_steps`, whether it got there)."""

    def walk(layout, params):
        first = make_state(layout.start_x, layout.start_y, False, False, layout)

        def tick(state, _):
            action = WORLD.scripted_action(WORLD.observe(state, params))
            state, _, terminated, _, _ = WORLD.step_from_words(None, state, action, params)
            return state, terminated

        _, terminated = jax.lax.scan(tick, first, length=96)
        return jnp.argmax(terminated) + 1, WORLD.optimal_steps(first), jnp.any(terminated)

    return jax.jit(jax.vmap(walk, in_axes=(0, None)))


@pytest.mark.parametrize("size", quick_first(SIZES))
def test_the_script_walks_a_shortest_path_from_every_start(size):
    layouts = []
    for numbers in draw(draw_words(size + 1, 12), size):
        starts = itertools.product(range(numbers[4]), range(size))
        layouts += [[*start, *numbers[2:]] for start in starts]
    params = as_arrays(WORLD.default_params(size=size, max_steps=0))
    steps, optimal, reached = walker()(make_layout(np.array(layouts)), params)
    assert np.all(reached)
    assert steps.tolist() == optimal.tolist()


# Walls and the door

# Wall at x = 2 with the door at (2, 3); start (0, 0), key (1, 4), goal (4, 1), size 5.
LAYOUT = [0, 0, 1, 4, 2, 3, 4, 1, -1, -1]


@functools.cache
def jitted_step():
    step = lambda state, action, params: WORLD.step_from_words(None, state, action, params)  # noqa: E731
    return jax.jit(jax.vmap(step, in_axes=(0, 0, None)))


@pytest.mark.parametrize("size", quick_first((5, 8)))
def test_every_action_in_every_state_matches_the_plain_world(size):
    """Also in states that nobody reaches, in the wall or beyond it with the door closed."""
    states = np.array(list(itertools.product(range(size), range(size), (0, 1), (0, 1), range(6))))
    params = as_arrays(WORLD.default_params(size=size, max_steps=0))
    for numbers in [LAYOUT, *draw(draw_words(size, 4), size).tolist()]:
        *columns, actions = states.T
        batch = make_layout(np.broadcast_to(np.array(numbers), (len(states), 10)))
        new, rewards, terminated, _, _ = jitted_step()(make_state(*columns, batch), jnp.asarray(actions), params)
        actual = np.stack([new.x, new.y, new.has_key, new.door_open, terminated], axis=-1).tolist()
        world = plain(size, numbers)
        for index, (*state, action) in enumerate(states.tolist()):
            world.x, world.y = state[:2]
            world.has_key, world.door_open = bool(state[2]), bool(state[3])
            reward, done = world.step(action)
            assert actual[index] == [*world.state(), done], (numbers, state, action)
            assert rewards[index] == np.float32(reward), (numbers, state, action)


def play(actions, cell=(0, 0), has_key=False, door_open=False):
    """(x, y, reward) after each action in the world of `LAYOUT`."""
    params = as_arrays(WORLD.default_params(size=5))
    state = jax.tree.map(lambda leaf: leaf[None], make_state(*cell, has_key, door_open, make_layout(LAYOUT)))
    rows = []
    for action in actions:
        state, reward, *_ = jitted_step()(state, jnp.array([action]), params)
        rows.append((int(state.x[0]), int(state.y[0]), round(float(reward[0]), 6)))
    return rows


def test_walls_the_closed_door_and_the_edge_leave_the_position():
    assert play([MOVE_LEFT, MOVE_DOWN], cell=(0, 0)) == [(0, 0, -0.1)] * 2
    assert play([MOVE_RIGHT], cell=(1, 0)) == [(1, 0, -0.1)]
    assert play([MOVE_LEFT], cell=(3, 4)) == [(3, 4, -0.1)]
    for has_key in (False, True):
        assert play([MOVE_RIGHT], cell=(1, 3), has_key=has_key) == [(1, 3, -0.1)]
        assert play([MOVE_LEFT], cell=(3, 3), has_key=has_key) == [(3, 3, -0.1)]


def test_the_open_door_can_be_walked_through_but_not_along_the_wall():
    rows = play([MOVE_RIGHT, MOVE_UP, MOVE_DOWN, MOVE_RIGHT, MOVE_LEFT, MOVE_LEFT], (1, 3), True, True)
    assert [row[:2] for row in rows] == [(2, 3), (2, 3), (2, 3), (3, 3), (2, 3), (1, 3)]


@pytest.mark.parametrize("cell", ((1, 3), (3, 3), (2, 2), (2, 4)))
def test_the_door_opens_from_its_four_neighbours_with_the_key_and_pays_once(cell):
    assert play([OPEN_DOOR], cell) == [(*cell, -0.1)]
    assert play([OPEN_DOOR, OPEN_DOOR], cell, has_key=True) == [(*cell, 2.0), (*cell, -0.1)]


@pytest.mark.parametrize("cell", ((2, 3), (1, 2), (1, 4), (3, 2), (0, 3), (4, 3), (2, 1)))
def test_the_door_opens_from_nowhere_else(cell):
    assert play([OPEN_DOOR], cell, has_key=True) == [(*cell, -0.1)]
    params = as_arrays(WORLD.default_params(size=5))
    state = make_state(*cell, True, False, make_layout(LAYOUT))
    state, *_ = WORLD.step_from_words(None, state, jnp.int32(OPEN_DOOR), params)
    assert not state.door_open


def test_an_episode_by_hand():
    path = [MOVE_UP] * 4 + [MOVE_RIGHT, PICKUP_KEY, MOVE_DOWN, OPEN_DOOR] + [MOVE_RIGHT] * 3 + [MOVE_DOWN] * 2
    rows = play(path)
    assert rows[-1] == (4, 1, 10.0)
    assert [row[2] for row in rows[:-1]] == [-0.1] * 5 + [1.0, -0.1, 2.0] + [-0.1] * 4
    assert optimal_steps(make_layout(LAYOUT), walls=True) == len(path)


# What is seen

PICTURE = """\
. k # . .
. . D . .
. . # . .
. . # . G
A . # . ."""


def test_the_picture_of_the_layout():
    params = as_arrays(WORLD.default_params(size=5))
    state = make_state(0, 0, False, False, make_layout(LAYOUT))
    assert render_text(state, params, walls=True) == PICTURE
    opened = make_state(2, 3, True, True, make_layout(LAYOUT))
    assert render_text(opened, params, walls=True).splitlines()[:2] == [". . # . .", ". . A . ."]


# What is blocked around a cell: three rows from above to below, three columns from left to right; o is the agent.
# The diagonals to the left are not seen.
@pytest.mark.parametrize(
    ("cell", "has_key", "door_open", "offset", "around"),
    (
        ((1, 0), False, False, (0, 4), ("..#", ".o#", "..#")),
        ((1, 3), False, False, (0, 1), ("..#", ".o#", "..#")),  # the closed door is like a wall
        ((1, 3), True, True, (3, -2), ("..#", ".o.", "..#")),  # the open one is not
        ((1, 2), True, True, (3, -1), ("...", ".o#", "..#")),
        ((1, 4), True, True, (3, -3), ("..#", ".o#", "...")),
        ((2, 3), True, True, (2, -2), (".#.", ".o.", ".#.")),  # in the doorway
        ((3, 3), True, True, (1, -2), ("...", ".o.", "...")),  # the wall is behind, the door open
        ((3, 2), True, True, (1, -1), ("...", "#o.", "...")),
        ((0, 2), True, False, (2, 1), ("...", ".o.", "...")),  # far from the wall; the edge is not seen
        ((4, 0), True, True, (0, 1), ("...", ".o.", "...")),
    ),
)
def test_the_percept(cell, has_key, door_open, offset, around):
    params = as_arrays(WORLD.default_params(size=5))
    state = make_state(*cell, has_key, door_open, make_layout(LAYOUT))
    percept = WORLD.perceive(WORLD.observe(state, params), state, params)
    above, beside, below = ([mark == "#" for mark in row] for row in around)
    seen = [beside[2], above[2], below[2], above[1], below[1], beside[0]]
    assert percept.context.tolist() == [*offset, *seen]
    assert percept.context.dtype == jnp.float32
    assert percept.context.shape == (WORLD.context_size,)
    assert percept.predicates.tolist() == [has_key, door_open, False]
