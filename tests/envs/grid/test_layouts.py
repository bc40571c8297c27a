"""Layouts: cells distinct and uniform, the draws in exact integers, the shortest path against a search."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.worlds import draw_layouts, layout_numbers, make_layout, plain_world
from procmem_jax.envs.grid.layouts import _quotient, optimal_steps, random_layout, tutorial_layout
from procmem_jax.envs.grid.world import GridWorldParams
from procmem_jax.records import as_arrays

WORD = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2**16 - 1, 2**16, 2**31, 2**32 - 2, 2**32 - 1]))
_draw = jax.jit(jax.vmap(random_layout, in_axes=(0, None)))


def draw(words, size):
    """Coordinates `[A, 10]` of the layouts that `words` (`[A, 2]`) draw."""
    words = jnp.asarray(np.asarray(words, np.uint32))
    return layout_numbers(_draw((words[:, 0], words[:, 1]), jnp.int32(size)))


def to_cells(numbers, size):
    """The cells of agent, key, door, goal and box, counted row by row, `[A, 5]`."""
    pairs = numbers.reshape(-1, 5, 2).astype(np.int64)
    return pairs[..., 0] + size * pairs[..., 1]


def plain_cells(word_0, word_1, size):
    """The same five cells in Python's exact integers: each draw takes its pick of a list of what is free."""
    free = list(range(size * size))

    def pick(word):
        product = word * len(free)
        return free.pop(product >> 32), product % 2**32

    agent, rest_0 = pick(word_0)
    key, rest_0 = pick(rest_0)
    door, rest_1 = pick(word_1)
    goal, rest_1 = pick(rest_1)
    box, _ = pick(rest_0 ^ rest_1)
    return [agent, key, door, goal, box]


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(word_0=WORD, word_1=WORD, size=st.integers(3, 64))
def test_any_words_draw_the_distinct_cells_that_exact_integers_draw(word_0, word_1, size):
    numbers = draw([[word_0, word_1]] * 16, size)
    cells = to_cells(numbers, size)[0].tolist()
    assert cells == plain_cells(word_0, word_1, size)
    assert len(set(cells)) == 5
    assert numbers.min() >= 0 and numbers.max() < size


@pytest.mark.parametrize("size", (3, 4, 5, 8, 31, 64))
def test_many_words_draw_the_distinct_cells_that_exact_integers_draw(size):
    words = np.random.default_rng(size).integers(0, 2**32, (2000, 2), dtype=np.uint32)
    words[:4] = [[0, 0], [0, 2**32 - 1], [2**32 - 1, 0], [2**32 - 1, 2**32 - 1]]
    cells = to_cells(draw(words, size), size)
    assert cells.tolist() == [plain_cells(*pair, size) for pair in words.tolist()]


@pytest.mark.slow
def test_every_order_of_five_cells_of_the_smallest_grid_occurs_and_nothing_else():
    # Word 0 fixes agent and key (72 pairs), word 1 door and goal (42 pairs); 96 tries at each let the box vary.
    starts = [[(2 * rank + 1) * 2**32 // (2 * count) for rank in range(count)] for count in (72, 42)]
    shifts = np.random.default_rng(0).integers(-29_000_000, 29_000_000, (96, 2))
    words = np.array(list(itertools.product(*starts)))[:, None, :] + shifts
    cells = to_cells(draw(words.reshape(-1, 2), 3), 3)
    assert set(map(tuple, cells.tolist())) == set(itertools.permutations(range(9), 5))


@pytest.mark.parametrize("size", (3, 5))
def test_cells_and_ordered_pairs_of_cells_are_uniform(size):
    count, num_cells = 300_000, size * size
    words = np.random.default_rng(10 + size).integers(0, 2**32, (count, 2), dtype=np.uint32)
    cells = to_cells(draw(words, size), size)
    p_values = [scipy.stats.chisquare(np.bincount(cells[:, i], minlength=num_cells)).pvalue for i in range(5)]
    for first, second in itertools.combinations(range(5), 2):
        pairs = np.bincount(num_cells * cells[:, first] + cells[:, second], minlength=num_cells**2)
        pairs = pairs.reshape(num_cells, num_cells)
        assert not np.any(np.diag(pairs))
        p_values.append(scipy.stats.chisquare(pairs[~np.eye(num_cells, dtype=bool)]).pvalue)
    assert len(p_values) == 15
    assert min(p_values) > 1e-3, p_values


def test_a_layout_alone_equals_one_in_a_batch_without_jit():
    words = np.random.default_rng(1).integers(0, 2**32, (5, 2), dtype=np.uint32)
    batch = draw(words, 7)
    for pair, expected in zip(jnp.asarray(words), batch, strict=True):
        layout = random_layout((pair[0], pair[1]), jnp.int32(7))
        assert layout_numbers(layout).tolist() == expected.tolist()
        chex.assert_trees_all_equal_dtypes(layout, make_layout(expected))


def test_the_tutorial_layout_is_the_tutorials():
    layout = tutorial_layout(as_arrays(GridWorldParams(size=6)))
    assert layout_numbers(layout).tolist() == [0, 0, 2, 2, 3, 3, 5, 5, 1, 3]
    moved = GridWorldParams(size=64, key_x=60, key_y=0, door_x=1, door_y=63, box_x=9, box_y=8)
    assert layout_numbers(tutorial_layout(as_arrays(moved))).tolist() == [0, 0, 60, 0, 1, 63, 63, 63, 9, 8]


def test_the_quotient_is_exact_for_every_cell_of_every_size():
    cells, sizes = np.meshgrid(np.arange(4096), np.arange(3, 65))
    found = jax.jit(_quotient)(jnp.asarray(cells, jnp.int32), jnp.asarray(sizes, jnp.int32))
    np.testing.assert_array_equal(found, cells // sizes)


# The shortest path


def search(world):
    """The fewest steps to the goal, by breadth-first search over (x, y, has_key, door_open)."""
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
    raise AssertionError("no way to the goal")


def shortest(numbers):
    return np.asarray(jax.jit(jax.vmap(optimal_steps))(make_layout(numbers)))


@pytest.mark.parametrize("size", (3, 4, 5, 6))
def test_optimal_steps_equals_a_search_on_random_layouts(size):
    numbers = draw_layouts(np.random.default_rng(size), size, 40)
    assert shortest(numbers).tolist() == [search(plain_world(size, row)) for row in numbers]


def test_optimal_steps_equals_a_search_where_things_share_a_cell():
    # On the tutorial layout params may put key, door and goal anywhere, the start and the goal included.
    cells = list(itertools.product((0, 2), repeat=4))
    numbers = np.array([[0, 0, *key_and_door, 2, 2, 1, 1] for key_and_door in cells])
    assert shortest(numbers).tolist() == [search(plain_world(3, row)) for row in numbers]


@pytest.mark.parametrize(("size", "steps"), ((4, 8), (5, 10), (6, 12), (8, 16), (13, 26), (64, 128)))
def test_optimal_steps_of_the_tutorial_layout(size, steps):
    best = optimal_steps(tutorial_layout(as_arrays(GridWorldParams(size=size))))
    assert best == steps and best.dtype == jnp.int32
    if size <= 13:
        assert search(plain_world(size, [0, 0, 2, 2, 3, 3, size - 1, size - 1, 1, 3])) == steps


def test_optimal_steps_does_not_overflow_its_bytes():
    assert shortest(np.array([[0, 0, 63, 63, 0, 0, 63, 63, 0, 1]])).tolist() == [3 * 126 + 2]
