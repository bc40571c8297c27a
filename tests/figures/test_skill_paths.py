"""Where skills lead, by hand."""

import numpy as np
import pytest

from procmem_jax.envs.grid.actions import ACTION_NAMES, MOVE_DOWN, MOVE_LEFT, MOVE_RIGHT, MOVE_UP, OPEN_DOOR, PICKUP_KEY
from procmem_jax.figures.skill_paths import check_grid_actions, trace_path


def test_moves_and_marks():
    path = trace_path([PICKUP_KEY, MOVE_RIGHT, MOVE_RIGHT, MOVE_UP, PICKUP_KEY, OPEN_DOOR, MOVE_RIGHT])
    assert path.points.tolist() == [[0, 0], [1, 0], [2, 0], [2, 1], [3, 1]]
    assert path.marks == ((PICKUP_KEY, 0), (PICKUP_KEY, 3), (OPEN_DOOR, 3))
    assert path.ends_moving
    assert not trace_path([MOVE_RIGHT, PICKUP_KEY]).ends_moving and not trace_path([OPEN_DOOR]).ends_moving


def test_a_path_that_meets_itself_drifts():
    path = trace_path([MOVE_LEFT, MOVE_DOWN, MOVE_UP])
    points = path.points
    assert path.crosses_itself and not trace_path([MOVE_LEFT, MOVE_DOWN]).crosses_itself
    cells = np.asarray([[0, 0], [-1, 0], [-1, -1], [-1, 0]])
    np.testing.assert_allclose(points - cells, 0.14 * np.arange(4)[:, None] * [1, 1])
    many = trace_path([MOVE_LEFT, MOVE_RIGHT] * 60).points
    assert len(np.unique(many, axis=0)) == 121 and np.abs(many[-1]).max() < 1  # all apart, none far off


def test_actions_of_another_world_are_refused():
    check_grid_actions(ACTION_NAMES)
    check_grid_actions(list(ACTION_NAMES))
    with pytest.raises(ValueError, match="action_names=left, right: paths are known for the grid's actions only"):
        check_grid_actions(["left", "right"])
