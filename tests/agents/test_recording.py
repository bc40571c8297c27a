"""Recorded records: of every tick what was there, decided and done (`test_replay` holds lives against other paths)."""

import jax
import numpy as np
import pytest

from experiments.replay_runs import NUM_EPISODES, SEED
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.agents.recording import record_agents
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays import lives
from procmem_jax.streams import run_key


@pytest.mark.slow
def test_moments_are_consistent(monkeypatch):
    monkeypatch.setattr(lives, "_CHUNK_TICKS", 16)  # the program of `test_replay`
    experiment = make_experiment("tutorial-5", "tutorial", explorer="epsilon:0.3")
    life = lives.Life(run_key(SEED), *experiment, 1, NUM_EPISODES)
    parts = [life.record() for _ in range(6)]
    records = jax.tree.map(lambda *columns: np.concatenate(columns), *parts)
    assert records.episode.shape == (96,) and records.transition.active.all()
    same = records.episode[1:] == records.episode[:-1]  # within an episode, where one step ends the next begins
    assert same.any() and not same.all()
    for name in ("x", "y", "has_key", "door_open", "step"):
        before, later = getattr(records.env_state, name), getattr(records.transition.env_state, name)
        np.testing.assert_array_equal(before[1:][same], later[:-1][same])
    over = records.transition.terminated | records.transition.truncated
    assert (~same[over[:-1]]).all()
    running = records.transition.running
    runs = running.slot >= 0
    np.testing.assert_array_equal(runs, records.transition.memory_acts)
    assert runs.any() and not runs.all()
    actions = np.take_along_axis(records.actions, running.cursor[:, None].astype(np.int64), axis=1)[:, 0]
    np.testing.assert_array_equal(actions[runs], records.transition.action[runs])
    np.testing.assert_array_equal(running.run_length[runs], records.length[runs])  # the tutorial runs skills as a whole
    goes_on = runs[1:] & (running.cursor[1:] > 0)
    np.testing.assert_array_equal(running.cursor[1:][goes_on], running.cursor[:-1][goes_on] + 1)


def test_ticks_that_end_between_consolidations_are_refused():
    config, params = make_experiment("random-3")
    with pytest.raises(ValueError, match="num_ticks=17 is no multiple of period=16; choose one"):
        record_agents(ProceduralAgent(config), params, None, None, None, num_ticks=17)
