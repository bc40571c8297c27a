"""A part is handed out once all its rows are there, in whatever order they came."""

import jax
import numpy as np
import pytest

from experiments.handmade_libraries import CONFIG, handmade_libraries
from procmem_jax.experiments.training.parts import PartBuffer


def rows(buffer, *numbers):
    """(row numbers, metrics that tell them)."""
    metrics = buffer.no_rows(len(numbers))["metrics"]
    metrics.steps[:] = np.asarray(numbers)[:, None] * 10 + [0, 1]
    return np.asarray(numbers), metrics


def test_a_part_is_handed_out_once_it_is_whole():
    buffer = PartBuffer(2, 2, 11, 4, None)
    assert buffer.add(*rows(buffer, 9, 3, 5), None) == []
    [part] = buffer.add(*rows(buffer, 2, 4), None)
    assert (part.number, part.rows.tolist(), part.libraries) == (0, [2, 3], None)
    assert part.metrics.steps.tolist() == [[20, 21], [30, 31]]
    left = buffer.snapshot()
    assert left["rows"].tolist() == [4, 5, 9] and left["metrics"].steps[:, 0].tolist() == [40, 50, 90]
    parts = buffer.add(*rows(buffer, 6, 7, 8, 10), None)
    assert [part.rows.tolist() for part in parts] == [[4, 5, 6, 7], [8, 9, 10]]
    assert buffer.snapshot()["metrics"].steps.shape == (0, 2)


def libraries_of(*numbers):
    """A library for each row, whose clock tells its number."""
    one = handmade_libraries(1)
    libraries = jax.tree.map(lambda leaf: np.repeat(leaf, len(numbers), axis=0), one)
    libraries.clock[:] = numbers
    return libraries


def test_libraries_come_with_their_rows():
    buffer = PartBuffer(2, 0, 5, 3, CONFIG)
    assert buffer.add(*rows(buffer, 2, 4), libraries_of(2, 4)) == []
    assert buffer.snapshot()["libraries"].clock.tolist() == [2, 4]
    [part] = buffer.add(*rows(buffer, 1, 0), libraries_of(1, 0))
    assert part.libraries.clock.tolist() == [0, 1, 2] and part.libraries.embeddings.shape == (3, 3, 4)
    np.testing.assert_array_equal(part.libraries.embeddings[1], handmade_libraries(1).embeddings[0])
    [last] = buffer.add(*rows(buffer, 3), libraries_of(3))
    assert (last.number, last.rows.tolist(), last.libraries.clock.tolist()) == (1, [3, 4], [3, 4])


def test_libraries_are_kept_only_if_asked_for_and_empty_where_there_are_none():
    buffer = PartBuffer(2, 0, 2, 2, None)
    [part] = buffer.add(*rows(buffer, 0, 1), libraries_of(0, 1))
    assert part.libraries is None
    buffer = PartBuffer(2, 0, 2, 2, CONFIG)
    [part] = buffer.add(*rows(buffer, 0, 1), None)
    assert part.libraries.used.shape == (2, 3) and not part.libraries.used.any()


def test_a_snapshot_added_again_is_the_same_buffer():
    buffer, other = PartBuffer(2, 0, 10, 4, CONFIG), PartBuffer(2, 0, 10, 4, CONFIG)
    buffer.add(*rows(buffer, 8, 1, 5), libraries_of(8, 1, 5))
    stored = buffer.snapshot()
    assert other.add(stored["rows"], stored["metrics"], stored["libraries"]) == []
    again = other.snapshot()
    assert again["rows"].tolist() == [1, 5, 8]
    jax.tree.map(np.testing.assert_array_equal, again, stored)
    [part] = other.add(*rows(other, 9), libraries_of(9))
    assert (part.number, part.libraries.clock.tolist(), part.metrics.steps[:, 0].tolist()) == (2, [8, 9], [80, 90])


def test_metrics_so_far_fill_up():
    buffer = PartBuffer(2, 0, 3, 3, None)
    so_far = buffer.metrics_so_far(0)
    assert so_far.steps.tolist() == [[0, 0]] * 3
    buffer.add(*rows(buffer, 1), None)
    assert so_far.steps.tolist() == [[0, 0], [10, 11], [0, 0]]


@pytest.mark.parametrize("bounds", [(0, 0), (3, 3)])
def test_no_rows(bounds):
    assert PartBuffer(2, *bounds, 4, None).snapshot()["rows"].shape == (0,)
