"""Recorded moments: of every tick what was there, decided and done (`test_replay` holds lives against other paths)."""

import jax
import numpy as np
import pytest

from experiments.replay_runs import CASES, NUM_EPISODES, SEED
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.recording import record_moments
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays import lives
from procmem_jax.streams import run_key


def test_moments_are_consistent(monkeypatch):
    monkeypatch.setattr(lives, "_CHUNK_TICKS", 16)  # the program of `test_replay`
    task, preset, overrides = CASES["tutorial"]
    life = lives.Life(run_key(SEED), *make_experiment(task, preset, overrides=overrides), 1, NUM_EPISODES)
    parts = [life.record() for _ in range(6)]
    moments = jax.tree.map(lambda *columns: np.concatenate(columns), *parts)
    assert moments.episode.shape == (96,) and moments.transition.active.all()
    same = moments.episode[1:] == moments.episode[:-1]  # within an episode, where one step ends the next begins
    assert same.any() and not same.all()
    for name in ("x", "y", "has_key", "door_open", "step"):
        before, later = getattr(moments.world, name), getattr(moments.transition.world, name)
        np.testing.assert_array_equal(before[1:][same], later[:-1][same])
    over = moments.transition.terminated | moments.transition.truncated
    assert (~same[over[:-1]]).all()
    running = moments.transition.running
    runs = running.slot >= 0
    np.testing.assert_array_equal(runs, moments.transition.memory_acts)
    assert runs.any() and not runs.all()
    actions = np.take_along_axis(moments.actions, running.cursor[:, None].astype(np.int64), axis=1)[:, 0]
    np.testing.assert_array_equal(actions[runs], moments.transition.action[runs])
    np.testing.assert_array_equal(running.run_length[runs], moments.length[runs])  # the tutorial runs skills as a whole
    goes_on = runs[1:] & (running.cursor[1:] > 0)
    np.testing.assert_array_equal(running.cursor[1:][goes_on], running.cursor[:-1][goes_on] + 1)


def test_ticks_that_end_between_consolidations_are_refused():
    config, params = make_experiment("random-3")
    with pytest.raises(ValueError, match="num_ticks=17 is no multiple of interval=16; choose one"):
        record_moments(ProceduralAgent(config), params, None, None, None, num_ticks=17)
