"""Sweeps as tables: the rows are those of `train --set`, and scores are what the episodes say."""

import numpy as np
import pytest

from experiments.sweeps import GRID, NUM_EPISODES, NUM_SEEDS, OVERRIDES, SEED, small_sweep, undisturbed
from procmem_jax.experiments.optimum import optimal_steps
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs.results import EPISODE_SCHEMA
from procmem_jax.experiments.sweeps.sweep import make_sweep, sweep, sweep_tables
from procmem_jax.experiments.training.train import train
from procmem_jax.streams import run_key


def test_every_setting_is_the_run_of_train_with_these_settings():
    episodes, runs = undisturbed()
    key = run_key(SEED)
    for number, (capacity, threshold) in enumerate((c, t) for c in GRID["capacity"] for t in GRID["merge_threshold"]):
        overrides = {**OVERRIDES, "capacity": capacity, "merge_threshold": threshold}
        config, params = make_experiment("random-4", "tutorial", explorer="random", overrides=overrides)
        metrics = train(key, config, params, NUM_SEEDS, NUM_EPISODES).metrics
        rows = episodes.filter(np.equal(episodes["setting"], number))
        assert set(rows["capacity"].to_pylist()) == {capacity}
        assert set(rows["merge_threshold"].to_pylist()) == {threshold}
        assert rows["agent"].to_pylist() == np.repeat(np.arange(NUM_SEEDS), NUM_EPISODES).tolist()
        for name in ("episode_return", "steps", "success", "skills", "skill_uses", "skill_steps"):
            column = rows[name].to_numpy().reshape(NUM_SEEDS, NUM_EPISODES)
            np.testing.assert_array_equal(column, getattr(metrics, name), err_msg=name)
        optimal = optimal_steps(key, config, params, NUM_SEEDS, NUM_EPISODES)
        np.testing.assert_array_equal(rows["optimal_steps"].to_numpy().reshape(optimal.shape), optimal)
    assert set(runs["seed"].to_pylist()) == {SEED}
    assert episodes.column_names == ["capacity", "merge_threshold", "setting", "seed", *EPISODE_SCHEMA.names]


def test_scores_are_means_of_the_episodes():
    episodes, runs = undisturbed()
    shape = (4 * NUM_SEEDS, NUM_EPISODES)
    steps = episodes["steps"].to_numpy().reshape(shape)
    assert len(runs) == 4 * NUM_SEEDS and 0 < np.mean(runs["success"]) < 1
    np.testing.assert_allclose(runs["steps"], steps.mean(axis=1))
    np.testing.assert_allclose(runs["success"], episodes["success"].to_numpy().reshape(shape).mean(axis=1))
    ratios = steps / episodes["optimal_steps"].to_numpy().reshape(shape)
    np.testing.assert_allclose(runs["steps_over_optimal"], ratios.mean(axis=1))
    np.testing.assert_array_equal(runs["env_steps"], steps.sum(axis=1))
    np.testing.assert_array_equal(runs["skills"], episodes["skills"].to_numpy().reshape(shape)[:, -1])


@pytest.mark.slow
def test_a_table_in_memory_is_the_same():
    assert sweep(small_sweep()).equals(undisturbed()[1])


@pytest.mark.slow
def test_fewer_episodes_are_kept_if_asked():
    whole, _ = undisturbed()
    [(episodes, runs)] = sweep_tables(small_sweep(every=4))
    assert episodes["episode"].to_pylist() == [3, 5] * 40
    assert episodes.equals(whole.filter(np.isin(whole["episode"], [3, 5])))
    assert runs.equals(undisturbed()[1])
    [(nothing, runs)] = sweep_tables(small_sweep(summary_only=True))
    assert nothing is None and runs.equals(undisturbed()[1])


def test_a_sweep_without_swept_settings_has_one():
    spec = make_sweep("random-4", "tutorial", num_seeds=3)
    assert (len(spec.settings), spec.num_rows, spec.swept) == (1, 3, ())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"num_seeds": 0}, "seeds=0 is below 1; give at least 1"),
        ({"num_episodes": 0}, "episodes=0 is below 1"),
        ({"every": 0}, "every=0 is below 1"),
        ({"seed": -1}, "seed=-1 is below 0"),
        ({"grid": {"capacity": [8, 8]}}, "the sweep has the setting capacity=8 twice; list every value once"),
        ({"grid": {"capasity": [8]}}, "setting 'capasity' is unknown; did you mean capacity? Choose from"),
        ({"grid": {"capacity": [0]}}, "capacity=0 is below 1"),
        ({"grid": {"step_budget": [10]}}, "step_budget is swept and set to one value; give it in one of the two"),
    ],
)
def test_impossible_sweeps_are_refused(changes, why):
    with pytest.raises((TypeError, ValueError)) as caught:
        small_sweep(**changes)
    assert why in str(caught.value)
