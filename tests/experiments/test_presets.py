"""Presets, a user's own among them: what they set, and in which order overrides come."""

import dataclasses
import pathlib
import sys

import jax.numpy as jnp
import pytest

from procmem_jax.agents.counting import LeastTried, NearestUntried, TableParams
from procmem_jax.agents.exploration import (
    EpsilonParams,
    EpsilonPolicy,
    RandomPolicy,
    ScriptedPolicy,
)
from procmem_jax.agents.persistent import Adaptive, Persistent, PersistentParams
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.agents.settings import Config
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.preset_names import PRESETS
from procmem_jax.experiments.presets import make_experiment, parse_explorer, register_preset
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory, NoParams
from procmem_jax.memory.tutorial.memory import TutorialMemory
from procmem_jax.records import param, params_record, setting


def test_the_tutorial_preset_keeps_the_quirks():
    config, params = make_experiment("tutorial-5", "tutorial")
    assert config.environment == GridWorld("tutorial")
    assert (config.library.counting, config.library.capacity, config.library.max_skill_length) == ("tutorial", 16, 5)
    assert (config.exploration, config.use_skills, config.memory.code_tables) == (ScriptedPolicy(), True, "per_agent")
    assert config.memory == TutorialMemory(max_size=5)
    assert (params.environment.max_steps, params.step_budget) == (0, 50)  # the agent's limit, not the world's
    assert params.environment.door_pays_again
    assert (params.environment.step_reward, params.environment.key_reward, params.environment.door_reward) == (
        -0.1,
        1.0,
        2.0,
    )
    assert (params.environment.goal_reward, params.memory.merge_threshold, params.memory.min_success_steps) == (
        10.0,
        0.9,
        3,
    )
    assert make_experiment("random-8", "tutorial")[1].step_budget == 4 * 8 * 8


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("task", ["tutorial-4", "tutorial-64", "random-3", "random-64"])
def test_every_preset_fits_every_task(preset, task):
    config, params = make_experiment(task, preset)
    assert params.environment.size == int(task.split("-")[1])
    assert getattr(config.memory, "max_size", params.environment.size) == params.environment.size
    assert hash(config) == hash(make_experiment(task, preset)[0])


def test_overrides_come_last():
    config, params = make_experiment(
        "random-5",
        "tutorial",
        explorer="epsilon:0.3",
        overrides={"capacity": 64, "merge_threshold": "0.5", "epsilon": 0.7},
    )
    assert config.library.capacity == 64
    assert (params.memory.merge_threshold, params.exploration.epsilon) == (0.5, 0.7)
    assert (config.exploration, params.environment.size) == (EpsilonPolicy(), 5)


def test_a_larger_size_makes_room():
    config, params = make_experiment("random-5", "tutorial", overrides={"size": 9})
    assert (config.memory.max_size, params.environment.size) == (9, 9)
    config, params = make_experiment("random-5", "tutorial", overrides={"size": 4, "max_size": 12})
    assert (config.memory.max_size, params.environment.size) == (12, 4)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("scripted", (ScriptedPolicy(), NoParams())),
        ("random", (RandomPolicy(), NoParams())),
        ("epsilon:0", (EpsilonPolicy(), EpsilonParams(0.0))),
        ("epsilon:0.25", (EpsilonPolicy(), EpsilonParams(0.25))),
        ("epsilon:1", (EpsilonPolicy(), EpsilonParams(1.0))),
        ("least-tried", (LeastTried(), TableParams())),
        ("nearest-untried", (NearestUntried(), TableParams())),
        ("persistent", (Persistent(), PersistentParams())),
        ("adaptive", (Adaptive(), PersistentParams())),
    ],
)
def test_explorers(text, parsed):
    assert parse_explorer(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "greedy",
        "tape",
        "epsilon",
        "epsilon:",
        "epsilon:1.5",
        "epsilon:-0.1",
        "epsilon:nan",
        "epsilon:x",
        "random:1",
        "least-tried:1",
    ],
)
def test_unknown_explorers_list_the_known(text):
    with pytest.raises(
        ValueError,
        match="explorer='.*' is unknown; .*hoose from scripted, random, epsilon:P with P from 0 to 1, persistent, ad",
    ):
        parse_explorer(text)


def test_unknown_presets_list_the_known():
    with pytest.raises(ValueError, match="preset='voyager' is unknown; choose from .*tutorial"):
        make_experiment(preset="voyager")
    for near, meant in (("defalt", "default"), ("tutorals", "tutorial"), ("q_learning", "q-learning")):
        with pytest.raises(
            ValueError, match=f"preset='{near}' is unknown; did you mean {meant}. Choose from default, "
        ):
            make_experiment(preset=near)


@pytest.mark.parametrize(
    ("task", "overrides", "text"),
    [
        ("random-5", {"num_predicates": 4}, "setting 'num_predicates' is unknown"),
        ("tutorial-5", {"size": 3}, "size=3 is below 4"),
        ("tutorial-5", {"door_x": 5}, "door_x=5 is above 4"),
        ("random-5", {"size": 65}, "size=65 is above 64"),
        ("random-5", {"step_budget": 0}, "max_steps=0 and step_budget=0 let an episode last for ever"),
        ("random-5", {"goal_reward": float("nan")}, "goal_reward=nan is not a finite number"),
        ("random-5", {"merge_threshold": 1.01}, "merge_threshold=1.01 is above 1.0"),
        ("random-5", {"capacity": 0}, "capacity=0 is below 1"),
        ("random-5", {"eviction": "newest"}, "eviction='newest' is unknown; choose from lru, least_used"),
    ],
)
def test_impossible_settings_are_refused(task, overrides, text):
    with pytest.raises(ValueError, match=text):
        make_experiment(task, "tutorial", overrides=overrides)


def test_the_bare_objects_are_the_preset():
    config, params = make_experiment("random-5")
    assert config == Config()
    assert params.memory == Config().memory.default_params()
    assert make_experiment("random-5", memory=DefaultMemory())[0] == config


# Presets, memories and explorers of one's own


@params_record
class OwnParams:
    patience: float = param(0.5, jnp.float32, "how long it waits", minimum=0.0, maximum=1.0)


@dataclasses.dataclass(frozen=True)
class OwnMemory(Memory):
    reach: int = setting(3, "cells that it sees", minimum=1, maximum=9)
    kind: str = setting("calm", "its temper", choices=("calm", "wild"))
    actions: int = 0  # found in the environment

    Params = OwnParams

    def for_environment(self, environment, environment_params):
        return dataclasses.replace(self, actions=environment.num_actions)


@dataclasses.dataclass(frozen=True)
class OwnPolicy(ExplorationPolicy):
    turn: int = setting(1, "actions to go on by")

    def act(self, state, percept, observation, word, params):
        return state, (word % 2).astype(jnp.int32) + self.turn


def test_a_registered_preset_is_one_like_ours():
    register_preset("mine", OwnMemory(reach=5), help="sees far", explorer="epsilon:0.25")
    config, params = make_experiment("random-4", "mine", overrides={"patience": "0.75", "kind": "wild"})
    assert config.memory == OwnMemory(reach=5, kind="wild", actions=6)
    assert (config.exploration, params.exploration, params.memory) == (
        *(EpsilonPolicy(), EpsilonParams(0.25), OwnParams(0.75)),
    )
    assert PRESETS["mine"] == "sees far"
    assert make_experiment("random-4", "mine", explorer="random")[0].exploration == RandomPolicy()
    with pytest.raises(ValueError, match="setting 'patience' is not read here: preset mine reads it"):
        make_experiment("random-4", overrides={"patience": 1.0})
    with pytest.raises(ValueError, match="setting 'capacity' is not read here: preset default reads it"):
        make_experiment("random-4", "mine", overrides={"capacity": 8})
    with pytest.raises(ValueError, match="preset='mone' is unknown; did you mean mine. Choose from default, .*, mine"):
        make_experiment("random-4", "mone")
    register_preset("mine", OwnMemory(reach=6))
    config, _ = make_experiment("random-4", "mine")
    assert (config.memory.reach, config.exploration) == (6, RandomPolicy())
    assert PRESETS["mine"] == "OwnMemory, registered by the user"


@pytest.mark.parametrize(
    ("name", "memory", "changes", "error", "text"),
    [
        ("default", OwnMemory(), {}, ValueError, "name='default' is a preset already; choose another"),
        ("q-learning", OwnMemory(), {}, ValueError, "name='q-learning' is a preset already"),
        ("mine", OwnMemory, {}, TypeError, "memory=.* is a type; give an object that inherits from Memory"),
        (
            "mine",
            RandomPolicy(),
            {},
            TypeError,
            "memory=RandomPolicy.* is a RandomPolicy; give an object that inherits",
        ),
        ("mine", OwnMemory(), {"explorer": "greedy"}, ValueError, "explorer='greedy' is unknown"),
        ("mine", OwnMemory(), {"explorer": "epsilon:2"}, ValueError, "explorer='epsilon:2' is unknown"),
    ],
)
def test_what_is_no_preset_is_refused(name, memory, changes, error, text):
    with pytest.raises(error, match=text):
        register_preset(name, memory, **changes)
    assert "mine" not in PRESETS


def test_a_memory_in_the_place_of_the_presets():
    config, params = make_experiment("random-4", memory=OwnMemory(), overrides={"reach": "4", "patience": 1})
    assert (config.memory, params.memory) == (OwnMemory(reach=4, actions=6), OwnParams(1.0))
    assert config.exploration == RandomPolicy()
    again, numbers = make_experiment("random-4", "tutorial", memory=OwnMemory())
    assert again.exploration == ScriptedPolicy() and numbers.step_budget == 64  # the rest is the preset's
    with pytest.raises(ValueError, match="setting 'reach' is unknown; .* Choose from admission, "):
        make_experiment("random-4", overrides={"reach": 4})
    with pytest.raises(ValueError, match="reach=10 is above 9"):
        make_experiment("random-4", memory=OwnMemory(), overrides={"reach": 10})
    with pytest.raises(ValueError, match="kind='mad' is unknown; choose from calm, wild"):
        make_experiment("random-4", memory=OwnMemory(kind="mad"))
    with pytest.raises(ValueError, match="patience=2.0 is above 1.0"):
        make_experiment("random-4", memory=OwnMemory(), overrides={"patience": 2})


def test_an_explorer_of_ones_own():
    config, params = make_experiment("random-4", explorer=OwnPolicy(), overrides={"turn": 2})
    assert (config.exploration, params.exploration) == (OwnPolicy(turn=2), NoParams())
    config, params = make_experiment("random-4", explorer=EpsilonPolicy())
    assert (config.exploration, params.exploration) == (EpsilonPolicy(), EpsilonParams(0.1))


MODULE = """
import dataclasses
from procmem_jax import ExplorationPolicy, Memory, RandomPolicy
from procmem_jax.records import setting

@dataclasses.dataclass(frozen=True)
class Small(Memory):
    reach: int = setting(3, "cells that it sees")

big = Small(reach=8)

def make():
    return Small(reach=9)

@dataclasses.dataclass(frozen=True)
class Steady(ExplorationPolicy):
    turn: int = setting(1, "actions to go on by")

    def act(self, state, percept, observation, word, params):
        return state, word * 0

steady = Steady(turn=4)
number = 5

class Inner:
    Small = Small
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the current folder, which is not on the import path."""
    (tmp_path / "own_parts_for_presets.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path and pathlib.Path(path) != tmp_path])
    monkeypatch.delitem(sys.modules, "own_parts_for_presets", raising=False)


@pytest.mark.parametrize(("name", "reach"), [("Small", 3), ("big", 8), ("make", 9), ("Inner.Small", 3)])
def test_a_memory_by_import_path(own_module, name, reach):
    memory = make_experiment("random-4", memory=f"own_parts_for_presets:{name}")[0].memory
    assert (type(memory).__name__, memory.reach) == ("Small", reach)


@pytest.mark.parametrize(("name", "turn"), [("Steady", 1), ("steady", 4)])
def test_an_explorer_by_import_path(own_module, name, turn):
    config, _ = make_experiment("random-4", explorer=f"own_parts_for_presets:{name}")
    assert (type(config.exploration).__name__, config.exploration.turn) == ("Steady", turn)


OWN = "own_parts_for_presets"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"memory": f"{OWN}:Large"}, ValueError, f"memory={OWN}:Large: the module {OWN} has no Large; give a name"),
        ({"memory": f"{OWN}:Inner.x"}, ValueError, f"memory={OWN}:Inner.x: the module {OWN} has no Inner.x"),
        ({"memory": "nowhere.at_all:Large"}, ValueError, "memory=nowhere.at_all:Large: nowhere.at_all cannot be impor"),
        ({"memory": f"{OWN}:number"}, TypeError, f"{OWN}:number makes a int; give what makes an object that inherits"),
        ({"memory": f"{OWN}:Steady"}, TypeError, f"{OWN}:Steady makes a Steady; .* inherits from Memory"),
        ({"memory": "Small"}, ValueError, "memory=Small is not of the form package.module:name; write it so"),
        ({"memory": ".x:Small"}, ValueError, "memory=.x:Small is not of the form package.module:name; write it so"),
        (
            {"memory": OwnMemory},
            TypeError,
            "memory=.* is the class itself; give an object whose class inherits from Me",
        ),
        ({"memory": OwnPolicy()}, TypeError, "memory=OwnPolicy.* is a OwnPolicy; give an object whose class inherits"),
        ({"memory": 5}, TypeError, "memory=5 is a int; give an object"),
        ({"explorer": f"{OWN}:Fast"}, ValueError, f"explorer={OWN}:Fast: the module {OWN} has no Fast; give a name"),
        (
            {"explorer": "nowhere:Fast"},
            ValueError,
            "explorer=nowhere:Fast: nowhere cannot be imported .No module named",
        ),
        ({"explorer": f"{OWN}:Small"}, TypeError, f"{OWN}:Small makes a Small; .* inherits from ExplorationPolicy"),
        ({"explorer": OwnPolicy}, TypeError, "exploration=.* is the class itself; give an object whose class inherits"),
        ({"explorer": OwnMemory()}, TypeError, "exploration=OwnMemory.* is a OwnMemory; give an object whose class"),
        ({"explorer": 5}, TypeError, "exploration=5 is a int; give an object"),
    ],
)
def test_what_is_none_is_refused(own_module, changes, error, text):
    with pytest.raises(error, match=text) as caught:
        make_experiment("random-4", **changes)
    assert "\n" not in str(caught.value)
