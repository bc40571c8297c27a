"""The stored rows of one agent, and the first row that differs."""

import dataclasses

import numpy as np
import pyarrow.parquet
import pytest

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.runs.results import write_episodes
from procmem_jax.experiments.runs.stored_episodes import first_difference, read_agent_episodes


def handmade(num_agents=3, num_episodes=4):
    numbers = np.arange(num_agents * num_episodes, dtype=np.int32).reshape(num_agents, num_episodes)
    end = (numbers % 4).astype(np.int8)
    return EpisodeMetrics(
        (numbers / 3).astype(np.float32), numbers, numbers % 2 == 0, numbers + 1, numbers + 2, numbers + 3, end
    )


def of_agent(metrics, agent):
    return EpisodeMetrics(*(getattr(metrics, field.name)[agent] for field in dataclasses.fields(metrics)))


def test_the_rows_of_an_agent_come_back(tmp_path):
    write_episodes(tmp_path / "e.parquet", handmade(), None)
    for agent in range(3):
        found, wanted = read_agent_episodes(tmp_path / "e.parquet", agent, 4), of_agent(handmade(), agent)
        for field in dataclasses.fields(wanted):
            here, there = getattr(found, field.name), getattr(wanted, field.name)
            assert (here.dtype, here.tolist()) == (there.dtype, there.tolist())


def test_rows_of_earlier_versions_do_not_tell_why_an_episode_ended(tmp_path):
    write_episodes(tmp_path / "new.parquet", handmade(), None)
    pyarrow.parquet.write_table(
        pyarrow.parquet.read_table(tmp_path / "new.parquet").drop("end"), tmp_path / "e.parquet"
    )
    found = read_agent_episodes(tmp_path / "e.parquet", 2, 4)
    assert found.end is None and first_difference(found, of_agent(handmade(), 2), 0, 4) is None


@pytest.mark.parametrize(("agent", "num_episodes", "count"), [(0, 5, 4), (0, 3, 4), (3, 4, 0)])
def test_too_few_or_many_rows(tmp_path, agent, num_episodes, count):
    write_episodes(tmp_path / "e.parquet", handmade(), None)
    with pytest.raises(ValueError, match=f"holds {count} episodes of agent {agent}, not each of its {num_episodes} on"):
        read_agent_episodes(tmp_path / "e.parquet", agent, num_episodes)


def test_the_first_difference_in_words():
    stored, replayed = of_agent(handmade(), 1), of_agent(handmade(), 1)
    assert first_difference(stored, replayed, 0, 4) is None
    steps, success = replayed.steps.copy(), replayed.success.copy()
    steps[[1, 2]] += 10
    success[1] = ~success[1]
    replayed = dataclasses.replace(replayed, steps=steps, success=success)
    assert first_difference(stored, replayed, 0, 4) == (
        "episode 1: steps 5 stored, 15 replayed, success False stored, True replayed"
    )
    other = dataclasses.replace(stored, end=stored.end[::-1])
    assert first_difference(stored, other, 0, 4) == "episode 0: end terminated stored, step_budget replayed"
    assert first_difference(stored, replayed, 2, 4) == "episode 2: steps 6 stored, 16 replayed"
    assert first_difference(stored, replayed, 0, 1) is None
    assert first_difference(stored, replayed, 3, 4) is None
