"""What training gives, as a value: compared, mapped, told in few words, and kept as a folder."""

import dataclasses

import jax
import numpy as np
import pytest

from command_line import out_of
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs.stored import identity_of, read_config
from procmem_jax.experiments.training.train import train
from procmem_jax.experiments.training.trained import TrainResult
from procmem_jax.reports.opened import open_run
from procmem_jax.streams import run_key

SMALL = ["--task", "random-3", "--preset", "tutorial", "--agents", "5", "--episodes", "3", "--seed", "7"]


def small_result(**experiment):
    return train(run_key(7), *make_experiment("random-3", "tutorial", **experiment), 5, 3)


@pytest.fixture(scope="module")
def result():
    return small_result()


def test_results_are_compared(result):
    other = small_result()
    assert result == other and not result != other  # however long they took
    changed = dataclasses.replace(result.metrics, steps=result.metrics.steps + 1)
    assert result != dataclasses.replace(result, metrics=changed)
    assert result != jax.tree.map(lambda leaf: leaf[:2], result)
    assert result != "result"
    with pytest.raises(TypeError, match="unhashable"):
        hash(result)


def test_a_result_is_a_pytree(result):
    leaves, tree = jax.tree.flatten(result)
    assert all(leaf.shape[0] == 5 for leaf in leaves)
    again = jax.tree.unflatten(tree, leaves)
    assert again == result and again.run_seconds == result.run_seconds
    few = jax.tree.map(lambda leaf: leaf[1:3], result)
    assert few.metrics.steps.shape == (2, 3)
    np.testing.assert_array_equal(few.libraries.skill_ids, result.libraries.skill_ids[1:3])
    jax.tree.map(np.testing.assert_array_equal, result, small_result())
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(result)]
    assert paths[0] == ".metrics.episode_return" and paths[-1].startswith(".libraries.")
    for mapped in (jax.tree.map(np.shape, result), jax.tree.map(lambda leaf: None, result)):
        assert repr(mapped) == "TrainResult(transformed)"


def test_a_result_tells_of_itself(result):
    assert len(repr(result)) < 200
    assert repr(result).startswith("TrainResult(5 agents x 3 episodes: 20.0% success, 34.2 steps in the last 1, ")
    assert len(result._repr_html_()) < 2000 and "[95% interval]" in result._repr_html_()
    summary = result.summary()
    assert summary["episodes"] == 1
    assert summary["success"][0] == 0.2
    np.testing.assert_allclose(summary["steps"][0], result.metrics.steps[:, -1].mean())
    assert summary["steps_over_optimal"][0] >= 1.0  # known, since the result knows where it comes from
    assert "steps_over_optimal" not in jax.tree.map(lambda leaf: leaf, result).summary()


@pytest.mark.slow
def test_a_saved_result_is_the_folder_of_the_command(result, capsys, tmp_path):
    saved = result.save(tmp_path / "saved")
    assert saved == tmp_path / "saved"
    out_of(capsys, "train", *SMALL, "--out", str(tmp_path / "trained"), "--quiet")
    configs = [read_config(folder) for folder in (saved, tmp_path / "trained")]
    assert identity_of(configs[0]) == identity_of(configs[1])
    for name in ("episodes.parquet", "libraries.npz", "metrics.jsonl"):
        assert (saved / name).read_bytes() == (tmp_path / "trained" / name).read_bytes(), name
    assert {path.name for path in (tmp_path / "trained").iterdir()} - {path.name for path in saved.iterdir()} == {
        "training.png"
    }
    first = out_of(capsys, "train", *SMALL, "--out", str(saved)).splitlines()[0]
    assert first == f"{saved} holds this run, finished; its stored result (--force runs it again):"
    run = open_run(saved)
    assert run.headline == result.summary()
    jax.tree.map(np.testing.assert_array_equal, run.metrics, result.metrics)
    result.save(saved)  # the same once more is no harm
    assert "no skill" not in out_of(capsys, "library", "show", str(saved))


def test_a_saved_result_has_the_settings_that_it_was_made_with(tmp_path):
    result = small_result(overrides={"step_budget": 40})
    run = open_run(result.save(tmp_path / "saved"))
    settings = run.stored["settings"]
    assert (settings["step_budget"], run.stored["task"]) == (40, "random-3")
    assert run.config == result.origin.config


def refused(result: TrainResult, tmp_path, text, **names):
    with pytest.raises(ValueError, match=text):
        result.save(tmp_path / "refused", **names)
    assert not (tmp_path / "refused").exists()


def test_what_cannot_be_saved_is_refused(result, tmp_path):
    def of(**changes):
        return dataclasses.replace(result, origin=dataclasses.replace(result.origin, **changes))

    refused(jax.tree.map(lambda leaf: leaf[:2], result), tmp_path, "before it is sliced or mapped")
    refused(of(first_agent=3), tmp_path, "first_agent=3, which a run folder does not keep")
    refused(of(warm=True), tmp_path, "libraries to start with")
    refused(of(config=dataclasses.replace(result.origin.config, learns=False)), tmp_path, "learns=False")
    refused(of(key=jax.random.fold_in(run_key(7), 1)), tmp_path,
            "not that of a seed")  # fmt: skip
    refused(result, tmp_path, "task='nowhere' is unknown", task="nowhere")
    result.save(tmp_path / "taken")
    before = {path.name: path.read_bytes() for path in (tmp_path / "taken").iterdir()}
    with pytest.raises(ValueError, match="holds a run of another config"):
        small_result(overrides={"step_budget": 40}).save(tmp_path / "taken")
    assert {path.name: path.read_bytes() for path in (tmp_path / "taken").iterdir()} == before


def test_an_environment_without_a_name_needs_one(result, tmp_path):
    class Elsewhere(type(result.origin.config.environment)):
        pass

    config = dataclasses.replace(result.origin.config, environment=Elsewhere("random"))
    foreign = dataclasses.replace(result, origin=dataclasses.replace(result.origin, config=config))
    refused(foreign, tmp_path, "give task=")
    refused(foreign, tmp_path, "make another experiment", task="random-3")
