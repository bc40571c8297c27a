"""The first step of the shortest way, against a search in plain Python."""

import collections

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings, strategies

from procmem_jax.envs.foreign.grid_percept.survey import AHEAD, BEHIND, LEFT, NOWHERE, RIGHT, Survey, first_step

AHEAD_OF = ((-1, 0), (0, 1), (1, 0), (0, -1))
TURNED = {AHEAD: 0, RIGHT: 1, LEFT: 3, BEHIND: 2}
SIZE = 6
first = jax.jit(first_step)


def survey_of(free, row, column, heading):
    no = jnp.zeros(free.shape, jnp.bool_)
    return Survey(jnp.int32(row), jnp.int32(column), jnp.int32(heading), jnp.asarray(free), no, no, jnp.int32(0))


def steps_to(targets, free, start):
    """Returns the steps from a cell to the nearest target over free cells, infinity if there is no way."""
    queue, known = collections.deque([(start, 0)]), {start}
    while queue:
        cell, steps = queue.popleft()
        if targets[cell]:
            return steps
        for down, across in AHEAD_OF if free[cell] else ():
            near = cell[0] + down, cell[1] + across
            inside = 0 <= near[0] < SIZE and 0 <= near[1] < SIZE
            if inside and near not in known and (free[near] or targets[near]):
                known.add(near)
                queue.append((near, steps + 1))
    return np.inf


@settings(max_examples=200, deadline=None)
@given(strategies.integers(0, 2**32 - 1))
def test_is_that_of_a_search(seed):
    draw = np.random.default_rng(seed)
    free, targets = draw.random((SIZE, SIZE)) < 0.65, draw.random((SIZE, SIZE)) < 0.08
    row, column, heading = draw.integers(SIZE), draw.integers(SIZE), draw.integers(4)
    targets[row, column] = False
    found = int(first(survey_of(free, row, column, heading), jnp.asarray(targets)))
    lengths = {}
    for side in (AHEAD, RIGHT, LEFT, BEHIND):
        down, across = AHEAD_OF[(heading + TURNED[side]) % 4]
        near = row + down, column + across
        inside = 0 <= near[0] < SIZE and 0 <= near[1] < SIZE
        reaches = inside and (free[near] or targets[near])
        lengths[side] = steps_to(targets, free, near) if reaches else np.inf
    best = min(lengths, key=lengths.get)  # ties to the first side
    assert found == (NOWHERE if np.isinf(lengths[best]) else best)


def test_no_target_is_nowhere():
    assert first(survey_of(np.ones((3, 3), bool), 1, 1, 0), jnp.zeros((3, 3), jnp.bool_)) == NOWHERE
