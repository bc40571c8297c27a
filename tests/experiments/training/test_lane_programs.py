"""Runs of like size share a compiled program, and nobody can tell from the results."""

import jax
import numpy as np
import pytest

from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.training import lanes
from procmem_jax.experiments.training.lane_programs import build_programs, room_for
from procmem_jax.experiments.training.train import train
from procmem_jax.streams import run_key

KEY = run_key(3)


@pytest.mark.parametrize(
    ("episodes", "room"),
    [(1, 16), (3, 16), (16, 16), (17, 32), (33, 64), (100, 128), (129, 256), (256, 256), (257, 512), (513, 768)],
)
def test_the_room_is_rounded_up(episodes, room):
    assert room_for(episodes) == room
    assert room >= episodes and room_for(room) == room


def test_the_room_is_little_more_than_is_needed():
    """So that a long run does not take twice the memory."""
    for episodes in range(1, 5000):
        assert episodes <= room_for(episodes) <= max(16, 2 * episodes - 2, episodes + 255)
        assert episodes <= 256 or room_for(episodes) < episodes + 256


def builds():
    return build_programs.cache_info().misses


@pytest.mark.slow
def test_runs_of_like_size_share_a_program():
    """Neither the number of episodes nor the size of the grid is anything that the program must know."""
    changes = {"capacity": 6, "max_skill_length": 3}  # no other test's
    before = builds()
    found = {}
    for task, episodes in (("random-3", 3), ("random-3", 4), ("random-4", 4), ("random-4", 16)):
        config, params = make_experiment(task, overrides=changes)
        found[task, episodes] = train(KEY, config, params, 5, episodes).metrics
        assert found[task, episodes].steps.shape == (5, episodes)
    assert builds() == before + 1
    np.testing.assert_array_equal(found["random-3", 3].steps, found["random-3", 4].steps[:, :3])
    np.testing.assert_array_equal(found["random-4", 4].steps, found["random-4", 16].steps[:, :4])
    assert not np.array_equal(found["random-3", 4].steps, found["random-4", 4].steps)
    assert found["random-4", 16].steps.max() > 36 >= found["random-3", 4].steps.max()


@pytest.mark.slow
def test_results_do_not_depend_on_the_room(monkeypatch):
    config, params = make_experiment("tutorial-5", "tutorial", explorer="epsilon:0.3", overrides={"capacity": 5})
    shared = train(KEY, config, params, 20, 3)
    before = builds()
    monkeypatch.setattr(lanes, "room_for", lambda num_episodes: num_episodes)
    exact = train(KEY, config, params, 20, 3)
    assert builds() == before + 1  # another program
    for name in ("metrics", "libraries"):
        jax.tree.map(np.testing.assert_array_equal, getattr(shared, name), getattr(exact, name))
    assert shared.metrics.skills.max() > 0
