"""What a run leaves behind: the table, the summary, the libraries."""

import dataclasses
import math

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.runs import results
from procmem_jax.experiments.runs.results import read_libraries, summarize, write_episodes
from procmem_jax.experiments.training.train import TrainResult
from procmem_jax.memory import library as skill_library
from procmem_jax.memory.settings import LibraryConfig

CONFIG = LibraryConfig(capacity=3, embedding_size=4, counting="tutorial")
STEPS = np.asarray([[10, 20, 30], [1, 2, 3]], np.int32)
OPTIMAL = np.asarray([[9, 8, 7], [1, 2, 3]], np.int32)


def metrics_of(steps):
    """Metrics `[A, E]` of which every value is different, so that a mix-up shows."""
    offset = np.arange(steps.size, dtype=np.int32).reshape(steps.shape)
    return EpisodeMetrics(
        episode_return=(offset / 8).astype(np.float32),
        steps=steps,
        success=offset % 2 == 0,
        skills=100 + offset,
        skill_uses=200 + offset,
        skill_steps=300 + offset,
        end=(offset % 4).astype(np.int8),
    )


def libraries_of(num_agents):
    """Libraries with the agent's number in every field."""
    blank = jax.device_get(skill_library.empty(CONFIG))
    return jax.tree.map(lambda leaf: np.stack([np.full_like(leaf, agent) for agent in range(num_agents)]), blank)


def result_of(num_agents=2, **counts):
    libraries = dataclasses.replace(libraries_of(num_agents), **counts)
    return TrainResult(metrics_of(STEPS[:num_agents]), libraries, compile_seconds=1.5, run_seconds=2.0)


# Table


def test_the_tables_columns_and_order(tmp_path):
    path = tmp_path / "episodes.parquet"
    write_episodes(path, metrics_of(STEPS), OPTIMAL)
    table = pyarrow.parquet.read_table(path)
    names = "agent episode episode_return steps success optimal_steps skills skill_uses skill_steps env_steps end"
    types = ["uint32", "int32", "float", "int32", "bool", "int32", "int32", "int32", "int32", "int64"] + ["string"]
    assert table.column_names == names.split()
    assert [str(field.type) for field in table.schema] == types
    assert table.to_pydict() == {
        "agent": [0] * 3 + [1] * 3,
        "episode": [0, 1, 2] * 2,
        "episode_return": [0.0, 0.125, 0.25, 0.375, 0.5, 0.625],
        "steps": [10, 20, 30, 1, 2, 3],
        "success": [True, False] * 3,
        "optimal_steps": [9, 8, 7, 1, 2, 3],
        "skills": [100, 101, 102, 103, 104, 105],
        "skill_uses": [200, 201, 202, 203, 204, 205],
        "skill_steps": [300, 301, 302, 303, 304, 305],
        "env_steps": [10, 30, 60, 1, 3, 6],
        "end": ["terminated", "truncated", "max_steps", "step_budget", "terminated", "truncated"],
    }


def test_unknown_optima_are_null(tmp_path):
    path = tmp_path / "episodes.parquet"
    write_episodes(path, metrics_of(STEPS), None)
    table = pyarrow.parquet.read_table(path)
    assert table["optimal_steps"].null_count == 6
    assert table.schema == results.EPISODE_SCHEMA
    assert sum(column.null_count for column in table.columns) == 6


def test_env_steps_exceed_32_bits(tmp_path):
    path = tmp_path / "episodes.parquet"
    write_episodes(path, metrics_of(np.full((1, 3), 2**30, np.int32)), None)
    assert pyarrow.parquet.read_table(path)["env_steps"].to_pylist() == [2**30, 2**31, 3 * 2**30]


@pytest.mark.parametrize("rows_per_group", [1, 6, 7])
def test_large_tables_go_in_parts(tmp_path, monkeypatch, rows_per_group):
    monkeypatch.setattr(results, "_ROWS_PER_GROUP", rows_per_group)
    steps = np.arange(15, dtype=np.int32).reshape(5, 3)
    write_episodes(tmp_path / "parts", metrics_of(steps), steps)
    parts = pyarrow.parquet.read_table(tmp_path / "parts")
    assert pyarrow.parquet.ParquetFile(tmp_path / "parts").num_row_groups == {1: 5, 6: 3, 7: 3}[rows_per_group]
    monkeypatch.undo()
    write_episodes(tmp_path / "whole", metrics_of(steps), steps)
    assert parts == pyarrow.parquet.read_table(tmp_path / "whole")
    assert parts.equals(pa.table(parts.to_pydict(), schema=results.EPISODE_SCHEMA))


# Summary


def test_the_summary_by_hand():
    counts = {
        "skill_ids": np.asarray([[0, 1, -1], [5, -1, -1]], np.int32),
        "use_counts": np.asarray([[4, 0, 9], [3, 9, 9]], np.int32),
        "success_counts": np.asarray([[2, 1, 9], [6, 9, 9]], np.int32),
        "num_evictions": np.asarray([2**30] * 2, np.int32),
    }
    summary = summarize(result_of(**counts), OPTIMAL, CONFIG)
    half = 12.7062047  # t(0.975; 1): with two agents the standard error is half their distance
    assert (summary["num_agents"], summary["num_episodes"]) == (2, 3)
    steps = summary["episodes"]["steps"]
    assert steps["mean"] == [5.5, 11.0, 16.5]
    assert steps["low"] == pytest.approx([5.5 - 4.5 * half, 11 - 9 * half, 16.5 - 13.5 * half], rel=1e-6)
    assert steps["high"] == pytest.approx([5.5 + 4.5 * half, 11 + 9 * half, 16.5 + 13.5 * half], rel=1e-6)
    assert summary["episodes"]["env_steps"]["mean"] == [5.5, 16.5, 33.0]
    assert summary["episodes"]["optimal_steps"]["mean"] == [5.0, 5.0, 5.0]
    success = summary["episodes"]["success"]
    assert success["mean"] == [0.5, 0.5, 0.5]
    assert 0 < success["low"][0] < 0.5 < success["high"][0] < 1  # a proportion's interval
    library = summary["library"]
    assert library["total_skills"]["mean"] == 1.5
    assert library["total_uses"]["mean"] == 3.5
    assert library["mean_success_rate"]["mean"] == pytest.approx(((2 / 4 + 1 / 1) / 2 + 6 / 3) / 2)
    assert library["num_evictions"] == 2**31
    assert (summary["run_seconds"], summary["compile_seconds"]) == (2.0, 1.5)
    assert summary["agent_steps_per_second"] == 66 / 2.0


def test_the_summary_of_one_agent_has_no_intervals():
    summary = summarize(result_of(1), None, CONFIG)
    assert "optimal_steps" not in summary["episodes"]
    assert summary["episodes"]["steps"] == {"mean": [10.0, 20.0, 30.0], "low": [None] * 3, "high": [None] * 3}
    assert summary["library"]["total_skills"]["low"] is None
    assert not math.isnan(summary["episodes"]["success"]["low"][0])


# Libraries


def write_libraries(path, libraries):
    """As a run of format 1 has them; today's has a header too (see test_folders)."""
    np.savez(path, **libraries.known())


def test_libraries_go_there_and_back(tmp_path):
    path, libraries = tmp_path / "libraries.npz", libraries_of(4)
    write_libraries(path, libraries)
    read = read_libraries(path)
    for name, theirs in libraries.known().items():
        ours = getattr(read, name)
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(ours, theirs)


def whole_file(tmp_path):
    path = tmp_path / "whole.npz"
    write_libraries(path, libraries_of(4))
    return path.read_bytes()


def without_a_field(tmp_path):
    path = tmp_path / "fewer.npz"
    np.savez(path, embeddings=np.zeros(3))
    return path.read_bytes()


def with_byte(tmp_path, place):
    """The file with one byte damaged."""
    content = bytearray(whole_file(tmp_path))
    content[place] ^= 0xFF
    return bytes(content)


DAMAGES = {
    "empty": lambda _: b"",
    "text": lambda _: b"hello",
    "truncated": lambda tmp_path: whole_file(tmp_path)[:-200],
    "half": lambda tmp_path: whole_file(tmp_path)[: len(whole_file(tmp_path)) // 2],
    "flipped": lambda tmp_path: with_byte(tmp_path, 250),
    "encrypted": lambda tmp_path: with_byte(tmp_path, whole_file(tmp_path).index(b"PK\x01\x02") + 8),
    "without a field": without_a_field,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_libraries_are_named(tmp_path, damage):
    path = tmp_path / "libraries.npz"
    path.write_bytes(DAMAGES[damage](tmp_path))
    with pytest.raises(ValueError, match=r"libraries\.npz: cannot be read as libraries"):
        read_libraries(path)


def test_missing_libraries_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"libraries\.npz: cannot be read as libraries"):
        read_libraries(tmp_path / "libraries.npz")
    with pytest.raises(ValueError, match="cannot be read as libraries"):
        read_libraries(tmp_path)
