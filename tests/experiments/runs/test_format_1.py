"""Runs of format 1, made with procmem_jax 0.1.0 before settings belonged to those who read them."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pyarrow.parquet
import pytest

from peer_rules import peer_rules
from procmem_jax import run_key, train
from procmem_jax.agents.exploration import EpsilonPolicy, RandomPolicy
from procmem_jax.experiments.descriptions import describe_experiment
from procmem_jax.experiments.runs.evaluate import evaluate_run, read_experiment
from procmem_jax.experiments.runs.folders import RunSpec, check_folder
from procmem_jax.memory.default.memory import DefaultMemory

OLD_RUNS = pathlib.Path(__file__).parents[2] / "data" / "run-format-1"
EVERY = sorted(path.name for path in OLD_RUNS.iterdir())
QUICK = ("memory-off", "tutorial")
# Settings of which format 1 did not tell.
NEWER = (
    "grace mismatch_cost embedding learn deaths_teach progress group_size values relevance caution forgiven_failures "
    "undone"
).split()


def some(names, **marks):
    """Test parameters, of which those that compile much are slow, or marked otherwise."""
    others = {name: getattr(pytest.mark, marks.get(name.replace("-", "_"), "slow")) for name in EVERY}
    return [pytest.param(name, marks=() if name in names else others[name]) for name in EVERY]


def needs_peer(name):
    if name == "foreign":
        pytest.importorskip("gymnax")


def test_the_old_runs_are_there():
    assert EVERY == [
        *("default", "default-switched", "foreign", "memory-off", "q-learning", "tutorial", "tutorial-sized"),
    ]
    sizes = [path.stat().st_size for path in OLD_RUNS.rglob("*") if path.is_file()]
    assert sum(sizes) < 100 * 1024


@pytest.mark.parametrize("name", EVERY)
def test_a_config_of_format_1_is_read(name):
    needs_peer(name)
    with peer_rules():
        told, config, params = read_experiment(OLD_RUNS / name)
    assert told["format"] == 1 and config.use_skills == told["settings"]["use_skills"]
    here = describe_experiment(config, params)
    for setting_name, value in here["settings"].items():
        if setting_name not in NEWER:
            assert value == told["settings"][setting_name], setting_name
    explorer = {"random": RandomPolicy, "epsilon": EpsilonPolicy}.get(told["settings"]["explorer"])
    assert explorer is None or type(config.exploration) is explorer


@pytest.mark.parametrize("name", some(QUICK, default="optimized"))
def test_a_run_of_format_1_trained_again_gives_the_very_rows(name):
    needs_peer(name)
    with peer_rules():
        told, config, params = read_experiment(OLD_RUNS / name)
        result = train(run_key(told["seed"]), config, params, told["agents"], told["episodes"])
    table = pyarrow.parquet.read_table(OLD_RUNS / name / "episodes.parquet")
    for column_name, column in dataclasses.replace(result.metrics, end=None).known().items():
        found = table[column_name].to_numpy().astype(column.dtype)
        assert column.reshape(-1).tobytes() == found.tobytes(), column_name
    if config.use_skills:
        with np.load(OLD_RUNS / name / "libraries.npz") as arrays:
            for field_name in arrays.files:
                # The default memory's embeddings were made of the processor's cosines, off in their last bits.
                allowed = 1.2e-7 if field_name == "embeddings" and isinstance(config.memory, DefaultMemory) else 0
                found = getattr(result.libraries, field_name)
                np.testing.assert_allclose(found, arrays[field_name], rtol=0, atol=allowed)


@pytest.mark.slow
@pytest.mark.parametrize("name", some(["tutorial"], default_switched="exhaustive", tutorial_sized="exhaustive"))
def test_a_run_of_format_1_is_evaluated(name, tmp_path):
    needs_peer(name)
    folder = shutil.copytree(OLD_RUNS / name, tmp_path / "run")
    if name == "q-learning":
        with pytest.raises(ValueError, match="Q-learning has no skills, and so no libraries; use another run"):
            evaluate_run(folder, 2, 1000)
        return
    with peer_rules():
        evaluation, out = evaluate_run(folder, 2, 1000)
    assert 0 <= evaluation.success[0] <= 1 and evaluation.steps[0] > 0
    rows = pyarrow.parquet.read_table(out / "episodes.parquet")
    assert rows.num_rows == 2 * json.loads((folder / "config.json").read_text())["agents"]


def test_a_run_of_format_1_is_read_not_gone_on_with():
    told, config, params = read_experiment(OLD_RUNS / "tutorial")
    spec = RunSpec(told["task"], told["preset"], config, params, told["agents"], told["episodes"], told["seed"])
    with pytest.raises(ValueError, match="holds results of another format .config.json says 1, this version writes 2"):
        check_folder(OLD_RUNS / "tutorial", spec)
