"""The loop-erased path against a plain list, and by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from procmem_jax.memory.default import path as paths

NUM_STEPS, MOST = 60, 4  # steps of a walk, steps that are learned from


class PlainPath:
    """A list of [state, action, explored] that begins with the segment and forgets all but the last H states."""

    def __init__(self, length, state):
        self.length, self.count, self.steps = length, 0, [[state, 0, False]]

    def move(self, action, explored, state, new_segment):
        """Acts, and arrives; returns the number of the state if the path has been there, and what is learned from."""
        self.steps[-1][1:] = [action, explored]
        learned = [tuple(step) for step in self.steps[-MOST:]]
        first = self.count - len(self.steps) + 1
        numbers = [first + i for i, step in enumerate(self.steps) if step[0] == state]
        loop = numbers[-1] if numbers else -1
        self.count += 1
        if new_segment:
            self.steps = []
        elif numbers:
            self.steps, self.count = self.steps[: loop - first], loop
        self.steps = [*self.steps, [state, 0, False]][-self.length :]
        return loop, learned


def context_of(state):
    """Two numbers that name the state."""
    return jnp.stack([state, 1000 - state]).astype(jnp.float32)


@functools.cache
def program(window, ring):
    """One jitted walk; returns after every step (found, number, actions, contexts, explored, how many, count)."""

    def move(path, row):
        action, explored, state, new_segment = row
        path = paths.take_action(path, action, explored)
        found, number = paths.find_loop(path, state.astype(jnp.uint32))
        steps = paths.num_steps(path, MOST)
        places = (path.count - (MOST - 1) + jnp.arange(MOST, dtype=jnp.int32)) % ring
        learned = path.contexts[places], path.actions[places], path.explored[places]
        any_explored = paths.any_explored(path, MOST)
        following = jnp.where(found & ~new_segment, number, path.count + 1)
        path = paths.go_to(path, following, new_segment, window)
        path = paths.describe_state(path, state.astype(jnp.uint32), context_of(state))
        return path, (found, number, steps, learned, any_explored, path.count)

    def walk(first, rows):
        path = paths.begin_path(ring, first.astype(jnp.uint32), context_of(first))
        return jax.lax.scan(move, path, rows)[1]

    return jax.jit(walk)


def check_walk(rows, window, ring=None):
    """Plays a walk of (action, explored, state, new segment) from state 0 in both."""
    run = program(window, ring or window)
    padded = [*rows, *[(0, False, 0, False)] * (NUM_STEPS - len(rows))]
    columns = [np.array(column) for column in zip(*padded, strict=True)]
    columns = [columns[0].astype(np.int8), columns[1], columns[2].astype(np.int32), columns[3]]
    found, numbers, steps, learned, any_explored, counts = jax.tree.map(np.asarray, run(0, tuple(columns)))
    model, contexts = PlainPath(window, 0), learned[0]
    for t, row in enumerate(rows):
        loop, expected = model.move(*row)
        assert (found[t], numbers[t]) == (loop >= 0, loop), t
        assert steps[t] == len(expected), t
        actual = [
            (int(contexts[t, i, 0]), int(learned[1][t, i]), bool(learned[2][t, i]))
            for i in range(MOST - len(expected), MOST)
        ]
        assert actual == expected, t
        assert any_explored[t] == any(step[2] for step in expected), t
        assert counts[t] == model.count, t
    return model


def walks(num_states, segments=True):
    """Random walks over states by number; with neighbours more likely than far ones."""
    ends = st.sampled_from([False] * 9 + [True]) if segments else st.just(False)
    return st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, num_states - 1), ends), max_size=NUM_STEPS
    )


@settings(deadline=None, max_examples=60)
@given(walks(6))
def test_a_walk_that_the_ring_holds_is_that_of_a_list(rows):
    """With 6 states a loop-erased path has at most 6, so that a ring of 8 never forgets."""
    model = check_walk(rows, 8)
    unbounded = PlainPath(10**6, 0)
    for row in rows:
        unbounded.move(*row)
    assert model.steps == unbounded.steps


@settings(deadline=None, max_examples=100)
@given(walks(14))
@example([(0, True, state, False) for state in [*range(1, 13), 7, 12, 8, 12, 5, 6, 12, 7]])
def test_a_window_that_overflows_forgets_its_oldest_states_for_good(rows):
    check_walk(rows, 5)
    check_walk(rows, 5, ring=16)


def test_long_random_walks():
    rng = np.random.default_rng(4)
    for num_states, length in ((12, 5), (30, 5), (30, 8), (5, 5)):
        for _ in range(40):
            positions = np.cumsum(rng.choice([-1, 1, 1, 3], NUM_STEPS)) % num_states
            rows = [
                (int(rng.integers(6)), bool(rng.integers(2)), int(state), bool(rng.random() < 0.05))
                for state in positions
            ]
            check_walk(rows, length)


def walk_by_hand(states, length=8):
    """The path after exploring through `states`, without loop erasure or segments, and the number of each."""
    path = paths.begin_path(length, jnp.uint32(states[0]), context_of(jnp.int32(states[0])))
    for number, state in enumerate(states[1:], 1):
        path = paths.take_action(path, jnp.int32(number), jnp.bool_(number % 2 == 0))
        path = paths.go_to(path, jnp.int32(number), jnp.bool_(False), length)
        path = paths.describe_state(path, jnp.uint32(state), context_of(jnp.int32(state)))
    return path


def test_a_new_path_consists_of_one_state():
    path = walk_by_hand([7])
    assert path.fingerprints.dtype == jnp.uint32 and path.actions.dtype == jnp.int8
    assert (path.count, path.start, paths.num_steps(path, 4)) == (0, 0, 1)
    assert [int(x) for x in paths.find_loop(path, jnp.uint32(7))] == [1, 0]
    # The blank places of the ring are no states, though their fingerprint is 0.
    assert [int(x) for x in paths.find_loop(path, jnp.uint32(0))] == [0, -1]


def test_the_latest_of_equal_states_closes_the_loop():
    path = walk_by_hand([3, 4, 3, 5])
    assert [int(paths.find_loop(path, jnp.uint32(state))[1]) for state in (3, 4, 5, 6)] == [2, 1, 3, -1]


def test_going_back_forgets_what_came_after():
    path = walk_by_hand([1, 2, 3, 4])
    path = paths.go_to(path, jnp.int32(1), jnp.bool_(False), 8)
    assert [int(paths.find_loop(path, jnp.uint32(state))[1]) for state in (1, 2, 3, 4)] == [0, 1, -1, -1]
    assert paths.num_steps(path, 4) == 2


def test_a_new_segment_forgets_everything_before():
    path = paths.go_to(walk_by_hand([1, 2, 3]), jnp.int32(2), jnp.bool_(True), 8)
    assert [bool(paths.find_loop(path, jnp.uint32(state))[0]) for state in (1, 2, 3)] == [False, False, True]
    assert (paths.num_steps(path, 4), path.start) == (1, 2)


def test_the_present_state_begins_a_segment_if_asked_to():
    path = paths.begin_segment(walk_by_hand([1, 2, 3]), jnp.bool_(True))
    assert [bool(paths.find_loop(path, jnp.uint32(state))[0]) for state in (1, 2, 3)] == [False, False, True]
    kept = paths.begin_segment(walk_by_hand([1, 2, 3]), jnp.bool_(False))
    assert [int(paths.find_loop(kept, jnp.uint32(state))[1]) for state in (1, 2, 3)] == [0, 1, 2]


def test_only_the_steps_that_are_learned_from_say_whether_anything_was_explored():
    path = walk_by_hand([1, 2, 3, 4])  # of the actions 1, 2, 3 the second was explored
    path = paths.take_action(path, jnp.int32(4), jnp.bool_(False))
    assert [bool(paths.any_explored(path, most)) for most in (1, 2, 3, 4)] == [False, False, True, True]


def walk_to(path, state, *, new_segment=False):
    """Returns (whether the path went on to this state before, the path with it)."""
    left = bool(paths.was_left(path, jnp.uint32(state)))
    path = paths.take_action(path, jnp.int8(0), jnp.bool_(True))
    found, number = paths.find_loop(path, jnp.uint32(state))
    following = jnp.where(found & ~jnp.bool_(new_segment), number, path.count + 1)
    path = paths.go_to(path, following, jnp.bool_(new_segment), 4)
    return left, paths.describe_state(path, jnp.uint32(state), context_of(jnp.int32(state)))


def test_where_a_path_has_come_back_from_is_told():
    path = paths.begin_path(4, jnp.uint32(1), context_of(jnp.int32(1)), keeps_furthest=True)
    told = []
    for state in (2, 3, 1, 2, 3, 4, 5, 6, 5, 6):
        left, path = walk_to(path, state)
        told.append(left)
    assert told == [False, False, False, True, True, False, False, False, False, True]
    _, path = walk_to(path, 5)
    assert not paths.was_left(paths.begin_segment(path, jnp.bool_(True)), jnp.uint32(6))
    _, path = walk_to(path, 4, new_segment=True)  # the next place holds 1, of the segment before
    assert not any(bool(paths.was_left(path, jnp.uint32(state))) for state in range(8))
