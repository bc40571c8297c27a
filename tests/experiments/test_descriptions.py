"""An experiment as JSON and back: the very same, or refused with what is not as it was."""

import dataclasses
import json
import pathlib
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor, perceive
from procmem_jax import make_experiment, register_preset, register_task, with_memory
from procmem_jax.agents.exploration import RandomPolicy
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.experiments import tasks
from procmem_jax.experiments.any_environment import OUTCOME_SWITCHES
from procmem_jax.experiments.descriptions import describe_experiment, remake_experiment
from procmem_jax.experiments.preset_names import PRESETS
from procmem_jax.experiments.runs.folders import RunSpec, check_folder
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.eviction import Utility, lru, oldest
from procmem_jax.memory.protocol import Memory
from procmem_jax.memory.proven.memory import ProvenMemory
from procmem_jax.records import as_arrays, param, params_record, setting


def stored(task, preset, config, params):
    """What a run's file has of an experiment, out of the file."""
    described = {"format": 2, "task": task, "preset": preset, **describe_experiment(config, params)}
    return json.loads(json.dumps(described))


def test_a_config_older_than_the_switches_for_outcomes_is_one_without():
    """Also in an environment of others, which has them on by default."""
    on = dict.fromkeys(OUTCOME_SWITCHES, True)
    register_task("seen", lambda: with_memory(Corridor(), max_steps=30, overrides=on))
    for preset in ("default", "proven"):
        for task in ("random-5", "seen"):
            experiment = make_experiment(task, preset)
            told = stored(task, preset, *experiment)
            assert remake_experiment(told) == experiment
            for name in on:
                is_on = task == "seen" and (preset == "default" or name in ("deaths_teach", "caution", "progress"))
                assert told["settings"].pop(name) == is_on
            assert told["settings"].pop("forgiven_failures") == (2 if task == "random-5" else 0)
            config, params = remake_experiment(told)
            memory, numbers = config.memory, params.memory
            if preset == "proven":
                memory = memory.memory
            assert not any(getattr(memory, name) for name in on)
            assert numbers.forgiven_failures == 0


def test_a_memory_around_another_is_what_it_was():
    """Also where it was made before its memory had the switches for outcomes, and without the preset's name."""
    register_task("seen", lambda: with_memory(Corridor(), max_steps=30))
    plain, preset = make_experiment("seen", memory=ProvenMemory(DefaultMemory())), "gone"
    assert remake_experiment(stored("seen", "proven", *plain)) == plain
    register_preset(preset, ProvenMemory(window=8))
    experiment = make_experiment("seen", preset)
    told = stored("seen", preset, *experiment)
    assert experiment[0].memory.memory == DefaultMemory(deaths_teach=True, caution=True, progress=True)
    assert remake_experiment(told) == experiment
    del PRESETS[preset]
    assert remake_experiment(told) == experiment


def remade(task, preset, config, params):
    return remake_experiment(stored(task, preset, config, params))


NESTED = {"eviction": "utility", "grace": 50.0}
OVERRIDES = {
    "default": [
        {},
        NESTED,
        {"eviction": "oldest", "choice": "random", "capacity": 9},
        {"max_skill_length": 32, "history_length": 64, "embedding_size": 6},
        {"suffixes": False, "segmentation": "success", "novelty": 0.1, "retreat_steps": 4, "learn": False},
        {"use_skills": False, "size": 7, "sticky": 0.3, "max_steps": 11},
    ],
    "proven": [
        {},
        NESTED,
        {"budget": 2.0, "window": 8, "lowest_return": -10.0, "highest_return": 12.8, "capacity": 9, "novelty": 0.1},
        {"inner_memory": "tutorial", "code_tables": "shared", "min_success_steps": 5},
        {"inner_memory": "procmem_jax.agents.q_learning:QLearning", "discount": 0.3},
        {"use_skills": False},
    ],
    "tutorial": [
        {},
        NESTED,
        {"size": 4, "max_size": 9, "code_tables": "shared", "counting": "outcomes", "step_budget": 17},
        {"use_skills": False, "goal_reward": -0.1},
    ],
    "q-learning": [{}, {"discount": 0.3, "q_epsilon": 0.25, "max_size": 6}, {"use_skills": False}],
}
CASES = [(preset, overrides) for preset, several in OVERRIDES.items() for overrides in several]


@pytest.mark.parametrize("explorer", [None, "random", "scripted", "epsilon:0.3"])
@pytest.mark.parametrize(("preset", "overrides"), CASES)
def test_there_and_back(preset, overrides, explorer):
    experiment = make_experiment("random-5", preset, explorer=explorer, overrides=overrides)
    config, params = remade("random-5", preset, *experiment)
    if not experiment[0].use_skills:  # then nothing reads the memory
        off = (
            dataclasses.replace(config, memory=experiment[0].memory),
            dataclasses.replace(params, memory=experiment[1].memory),
        )
        config, params = off
    assert (config, params) == experiment
    assert hash(config) == hash(experiment[0])


@pytest.mark.parametrize("task", ["tutorial-6", "doorkey-5", "shifting-3"])
def test_there_and_back_on_other_tasks(task):
    for preset in OVERRIDES:
        experiment = make_experiment(task, preset, overrides={"step_reward": -0.5})
        assert remade(task, preset, *experiment) == experiment


def test_arrays_are_stored_as_numbers_that_make_them():
    config, params = make_experiment("random-5", overrides={"novelty": 0.1})
    assert stored("random-5", "default", config, as_arrays(params)) == stored("random-5", "default", config, params)
    assert remade("random-5", "default", config, as_arrays(params)) == (config, params)


@pytest.mark.parametrize("explorer", ["least-tried", "nearest-untried"])
def test_there_and_back_with_an_explorer_that_has_settings(explorer):
    changes = {"table_rows": 64, "uniform": 0.25, "per_episode": True}
    experiment = make_experiment("random-5", explorer=explorer, overrides=changes)
    assert remade("random-5", "default", *experiment) == experiment


def test_settings_that_are_not_there_are_not_told():
    told = describe_experiment(*make_experiment("random-5"))
    assert (told["memory"], told["explorer"]) == ("default", "random") and set(told) == {
        "memory",
        "explorer",
        "settings",
    }
    assert "epsilon" not in told["settings"] and "learning_rate" not in told["settings"]
    off = describe_experiment(*make_experiment("random-5", use_skills=False))["settings"]
    assert off["use_skills"] is False and not {"capacity", "novelty", "grace"} & set(off)


def test_a_format_that_is_not_known_is_refused():
    told = stored("random-5", "default", *make_experiment("random-5"))
    with pytest.raises(ValueError, match="format 3 is of a newer version of this package; install that"):
        remake_experiment(told | {"format": 3})
    with pytest.raises(KeyError):
        remake_experiment({name: value for name, value in told.items() if name != "settings"})


# Objects of one's own

MODULE = """
import dataclasses
import jax.numpy as jnp
from procmem_jax import ExplorationPolicy, Memory
from procmem_jax.memory.eviction import lru
from procmem_jax.records import param, params_record, setting

def rule(library, rates):
    return lru(library, rates)

@dataclasses.dataclass(frozen=True)
class Patient:
    patience: int = setting(3, "uses to wait", minimum=1)
    def __call__(self, library, rates):
        return lru(library, rates)

@params_record
class Numbers:
    waiting: float = param(0.5, jnp.float32, "how long it waits")

@dataclasses.dataclass(frozen=True)
class Own(Memory):
    reach: int = setting(3, "cells that it sees")
    Params = Numbers

@dataclasses.dataclass(frozen=True)
class Steady(ExplorationPolicy):
    turn: int = setting(1, "actions to go on by")

    def act(self, state, percept, observation, word, params):
        return state, word * 0
"""
OWN = "own_parts_for_descriptions"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module in the current folder, which is not on the import path."""
    (tmp_path / f"{OWN}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path and pathlib.Path(path) != tmp_path])
    monkeypatch.delitem(sys.modules, OWN, raising=False)


@pytest.mark.parametrize(
    "given",
    [
        {"memory": f"{OWN}:Own", "overrides": {"reach": 7, "waiting": 0.25}},
        {"explorer": f"{OWN}:Steady", "overrides": {"turn": 4}},
        {"overrides": {"eviction": f"{OWN}:rule"}},
        {"overrides": {"eviction": f"{OWN}:Patient", "patience": 8}},
        {"preset": "tutorial", "overrides": {"eviction": f"{OWN}:Patient", "patience": 8}},
    ],
)
def test_parts_of_ones_own_there_and_back(own, given):
    experiment = make_experiment("random-4", **given)
    told = stored("random-4", given.get("preset", "default"), *experiment)
    assert OWN in json.dumps(told)
    assert remake_experiment(told) == experiment
    del sys.modules[OWN]
    pathlib.Path(f"{OWN}.py").unlink()
    with pytest.raises(ValueError, match=f"{OWN}:.*: {OWN} cannot be imported .*; install it, or run where its file"):
        remake_experiment(told)


def test_a_run_of_a_registered_preset_is_read_without_it(own):
    sys.path.insert(0, ".")
    from importlib import import_module

    register_preset("mine", import_module(OWN).Own(reach=5), explorer="epsilon:0.25")
    experiment = make_experiment("random-4", "mine", overrides={"waiting": 0.75})
    told = stored("random-4", "mine", *experiment)
    assert remake_experiment(told) == experiment
    del PRESETS["mine"]
    assert remake_experiment(told) == experiment
    register_preset("mine", DefaultMemory(capacity=7))  # another one by this name
    assert remake_experiment(told) == experiment


def test_objects_with_functions_there_and_back():
    for memory in (DefaultMemory(evict=Utility(grace=7.0)), DefaultMemory(evict=oldest), DefaultMemory(evict=lru)):
        experiment = make_experiment("random-4", memory=memory)
        assert remade("random-4", "default", *experiment) == experiment


# What has no name


@dataclasses.dataclass(frozen=True)
class Network(ExplorationPolicy):
    """A policy whose numbers are no settings."""

    seed: int = setting(0, "of its first weights")

    def default_params(self):
        return {"weights": np.random.default_rng(self.seed).normal(size=(3, 2)).astype(np.float32), "bias": np.zeros(2)}

    def act(self, state, percept, observation, word, params):
        return state, jnp.zeros((), jnp.int32)


def with_weights(scale):
    config, params = with_memory(Corridor(), perceive, max_steps=20, exploration=Network())
    weights = params.exploration["weights"] * np.float32(scale)
    return config, dataclasses.replace(params, exploration=params.exploration | {"weights": weights})


def test_other_weights_are_another_experiment(tmp_path):
    register_task("corridor", lambda: with_weights(1.0))
    config, params = make_experiment("corridor")
    told = stored("corridor", "default", config, params)
    assert len(told["other_numbers"]) == 64 and told["explorer"].endswith("test_descriptions:Network")
    again, numbers = remake_experiment(told)
    assert again == config
    np.testing.assert_array_equal(numbers.exploration["weights"], params.exploration["weights"])
    for other in (1.5, 1.0 + 1e-6):
        changed = with_weights(other)[1]
        assert stored("corridor", "default", config, changed)["other_numbers"] != told["other_numbers"]
    spec = RunSpec("corridor", "default", config, params, 4, 3, 0)
    (tmp_path / "config.json").write_text(json.dumps(spec.identity()))
    check_folder(tmp_path, spec)
    with pytest.raises(ValueError, match="holds a run of another config .other_numbers: there [0-9a-f]{64}, here "):
        check_folder(tmp_path, dataclasses.replace(spec, params=with_weights(1.5)[1]))
    tasks._made.clear()
    register_task("corridor", lambda: with_weights(1.5))
    with pytest.raises(ValueError, match="task=corridor makes other numbers now than when this was run; restore what"):
        remake_experiment(told)


def test_numbers_of_other_kinds_and_shapes_differ():
    def digest(array):
        config, params = with_weights(1.0)
        return describe_experiment(config, dataclasses.replace(params, exploration=array))["other_numbers"]

    arrays = [np.zeros(6, np.float32), np.zeros((2, 3), np.float32), np.zeros(6, np.int32), np.zeros(7, np.float32)]
    assert len({digest(array) for array in arrays}) == 4
    assert digest(jnp.zeros(6, jnp.float32)) == digest(arrays[0])


@params_record
class OwnNumbers:
    rate: float = param(0.5, jnp.float32, "a setting")
    table: np.ndarray = dataclasses.field(default_factory=lambda: np.arange(4.0))


@dataclasses.dataclass(frozen=True)
class Tabled(Memory):
    """A memory with numbers and a field that are no settings."""

    temper: float = 0.5

    Params = OwnNumbers


def test_numbers_beside_settings_are_not_forgotten():
    config, params = make_experiment("random-4", memory=Tabled())
    told = stored("random-4", "default", config, params)
    assert told["settings"]["rate"] == 0.5 and len(told["other_numbers"]) == 64
    other = dataclasses.replace(params.memory, table=np.arange(4.0) + 1)
    changed = stored("random-4", "default", config, dataclasses.replace(params, memory=other))
    assert changed["other_numbers"] != told["other_numbers"]
    slower = stored("random-4", "default", config, dataclasses.replace(params, memory=OwnNumbers(rate=0.25)))
    assert slower["other_numbers"] == told["other_numbers"] and slower != told


def test_fields_that_are_no_settings_are_stored_and_missed(monkeypatch):
    assert "other_fields" not in stored("random-4", "default", *make_experiment("random-4", memory=Tabled()))
    experiment = make_experiment("random-4", memory=Tabled(temper=0.75), explorer=RandomPolicy(num_actions=4))
    told = stored("random-4", "default", *experiment)
    assert told["other_fields"] == {"memory.temper": "0.75", "exploration.num_actions": "4"}
    monkeypatch.setitem(sys.modules, "a_module_of_theirs", sys.modules[__name__])
    named = told | {"memory": "a_module_of_theirs:Tabled", "explorer": "random"}
    with pytest.raises(
        ValueError, match="memory.temper was 0.75 when this was run, and is its default here; restore it"
    ):
        remake_experiment(named)
    assert "other_fields" not in stored("random-4", "q-learning", *make_experiment("random-4", "q-learning"))


def test_what_follows_from_the_environment_is_not_told():
    """Else a folder would not open that was filled before there was such a field."""
    told = {}
    for derived in (False, True):
        memory = DefaultMemory(success_is_last=derived)
        told[derived] = describe_experiment(*make_experiment("random-4", memory=memory))
    assert told[False] == told[True]
