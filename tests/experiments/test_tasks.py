"""Tasks of one's own: registered or imported, made once, and what is none refused in one line."""

import dataclasses
import pathlib
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import Corridor, perceive
from procmem_jax import make_experiment, make_sweep, register_task, run_key, train, with_memory
from procmem_jax.agents.exploration import RandomPolicy
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.envs.foreign.peer_names import PACKAGES
from procmem_jax.envs.foreign.projected import ProjectedPercept
from procmem_jax.envs.grid.world import GridWorld, GridWorldParams
from procmem_jax.experiments import presets, tasks
from procmem_jax.experiments.sweeps.sweep import sweep_tables
from procmem_jax.experiments.task_registry import TASKS
from procmem_jax.experiments.training.lane_programs import build_programs
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.records import params_record


@params_record
class Numbers:
    max_steps_in_episode: int = 30


@dataclasses.dataclass(frozen=True)
class Limited(Corridor):
    """The corridor with a limit that its params tell, as gymnax's do."""

    default_params = Numbers()


@dataclasses.dataclass(frozen=True)
class Seen(Limited):
    """The same with a percept of its own."""

    def perceive(self, obs, state, params):
        return perceive(obs, state, params)


@dataclasses.dataclass(frozen=True)
class Forward(ExplorationPolicy):
    def act(self, state, percept, observation, word, params):
        return state, jnp.ones((), jnp.int32)


CALLS = []


def make_corridor():
    CALLS.append("corridor")
    return with_memory(
        Corridor(), perceive, max_steps=20, memory=DefaultMemory(capacity=9), exploration=Forward(),
        overrides={"novelty": 0.25},
    )  # fmt: skip


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()


def test_a_registered_experiment_is_a_task_like_ours():
    register_task("corridor.v1", make_corridor)
    config, params = make_experiment("corridor.v1")
    made = make_corridor()
    assert (config.memory, config.exploration, config.environment) == (
        *(DefaultMemory(capacity=9, success_is_last=True), Forward(), made[0].environment),
    )
    assert params == made[1] and params.memory.novelty == 0.25
    config, params = make_experiment("corridor.v1", overrides={"capacity": "5", "episode_limit": 12, "novelty": 0.5})
    assert (config.memory.capacity, config.environment.episode_limit, params.memory.novelty) == (5, 12, 0.5)
    assert config.exploration == Forward()
    assert not make_experiment("corridor.v1", use_skills=False)[0].use_skills
    assert make_experiment("corridor.v1", explorer="random")[0].exploration == RandomPolicy()
    replaced, numbers = make_experiment("corridor.v1", memory=DefaultMemory(capacity=3))
    assert (replaced.memory.capacity, replaced.exploration, numbers.memory.novelty) == (3, Forward(), 0.5)


def test_another_preset_takes_the_place_of_what_the_task_brings(monkeypatch):
    monkeypatch.setitem(presets._presets, "wide", presets.Preset(DefaultMemory(capacity=77)))
    monkeypatch.setitem(presets.PRESETS, "wide", "")
    register_task("corridor", make_corridor)
    config, params = make_experiment("corridor", "wide")
    assert (config.memory.capacity, config.exploration, params.memory.novelty) == (77, RandomPolicy(), 0.5)
    with pytest.raises(ValueError, match="the tutorial's memory knows the grid only; use the default memory"):
        make_experiment("corridor", "tutorial")


@pytest.mark.slow
def test_it_is_made_once_and_its_runs_share_a_program():
    register_task("corridor", make_corridor)
    results = []
    builds = build_programs.cache_info().misses
    for novelty in (0.25, 0.75):
        config, params = make_experiment("corridor", overrides={"novelty": novelty})
        results.append(train(run_key(1), config, params, 4, 3))
    assert CALLS == ["corridor"]
    assert build_programs.cache_info().misses == builds + 1
    swept = make_sweep("corridor", grid={"novelty": [0.25, 0.75]}, num_seeds=4, num_episodes=3, seed=1)
    assert CALLS == ["corridor"] and swept.num_programs == 1
    episodes = np.concatenate([table["steps"].to_numpy() for table, _ in sweep_tables(swept)])
    np.testing.assert_array_equal(episodes, np.concatenate([one.metrics.steps.reshape(-1) for one in results]))


@pytest.mark.parametrize(
    ("make", "percept"),
    [
        (lambda: (Limited(), perceive), perceive),
        (lambda: Limited(), None),  # with_memory gives it one
        (lambda: (Limited(), None), None),
        (Limited, None),
    ],
    ids=["pair", "alone", "none", "class"],
)
def test_an_environment_with_its_percept_or_without(make, percept):
    register_task("limited", make)
    config, params = make_experiment("limited", overrides={"max_skill_length": 5})
    given = config.environment.perceive
    assert given == percept if percept else isinstance(given, ProjectedPercept) and given.resolution is not None
    assert config.environment.episode_limit == 30
    told = {"deaths_teach": True, "caution": True, "progress": percept is None, "success_is_last": percept is not None}
    assert config.memory == DefaultMemory(max_skill_length=5, **told)


def test_a_memory_that_is_given_stays_as_it_is(monkeypatch):
    """What suits a task is a setting of the preset's memory only."""
    parts = tasks.TaskParts(
        GridWorld("random"), GridWorldParams(size=5), settings={"capacity": 7, "deaths_teach": True}
    )
    monkeypatch.setattr(presets, "make_task_parts", lambda name: parts)
    assert make_experiment("any")[0].memory == DefaultMemory(capacity=7, deaths_teach=True)
    assert make_experiment("any", memory=DefaultMemory(capacity=5))[0].memory == DefaultMemory(capacity=5)


@pytest.mark.slow
def test_an_environment_that_has_a_percept_itself():
    register_task("seen", Seen)
    config, params = make_experiment("seen")
    assert config.environment.perceive.__self__ == Seen() and len(config.environment.predicate_names) == 2
    assert train(run_key(0), config, params, 4, 2).metrics.steps.max() <= 30


@pytest.mark.parametrize(
    ("make", "params"),
    [
        (lambda: GridWorld("doorkey"), GridWorldParams(size=5, max_steps=100)),
        (lambda: (GridWorld("doorkey"), GridWorldParams(size=7, sticky=0.25)), GridWorldParams(size=7, sticky=0.25)),
    ],
)
def test_a_grid_of_ones_own(make, params):
    register_task("my-doors", make)
    config, found = make_experiment("my-doors")
    assert (config.environment, found.environment) == (GridWorld("doorkey"), params)
    config, found = make_experiment("my-doors", "tutorial", overrides={"size": 6})
    assert (config.memory.max_size, found.environment.size) == (6, 6)
    assert (found.step_budget, found.environment.max_steps) == (params.max_steps, 0)
    assert make_experiment("my-doors", "q-learning")[0].memory.max_size == params.size


@pytest.mark.parametrize(
    ("name", "make", "error", "text"),
    [
        ("random-5", make_corridor, ValueError, "name='random-5' is a task already; choose another"),
        ("tutorial-64", make_corridor, ValueError, "name='tutorial-64' is a task already"),
        ("xland:mine", make_corridor, ValueError, "name='xland:mine' is no name of a task; use letters, digits"),
        ("", make_corridor, ValueError, "name='' is no name of a task"),
        ("two words", make_corridor, ValueError, "name='two words' is no name of a task"),
        ("mine", make_corridor(), TypeError, "make=.* is a tuple; give a callable without arguments"),
    ],
)
def test_names_that_are_taken_or_none(name, make, error, text):
    with pytest.raises(error, match=text):
        register_task(name, make)
    assert not TASKS


def test_a_name_may_be_registered_anew():
    register_task("mine", make_corridor)
    assert make_experiment("mine")[0].memory.capacity == 9
    register_task("mine", Seen)
    assert make_experiment("mine")[0].memory.capacity == 128


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rnadom-5", "task='rnadom-5' is unknown; did you mean random-N. Choose from tutorial-N, "),
        ("my-corridr", "task='my-corridr' is unknown; did you mean my-corridor. Choose from .*, my-corridor, "),
        ("xyzzy", "task='xyzzy' is unknown; choose from tutorial-N, .*, my-corridor, another package's"),
    ],
)
def test_near_misses_are_suggested(name, text):
    register_task("my-corridor", make_corridor)
    with pytest.raises(ValueError, match=text):
        make_experiment(name)


# By import path

MODULE = """
import procmem_jax as pm
from envs.corridor import Corridor, perceive

calls = []

def make_task():
    calls.append(1)
    return pm.with_memory(Corridor(), perceive, max_steps=20, overrides={"capacity": 9})

class Kinds:
    make = make_task

class Maker:
    def __eq__(self, other):
        return self is other
    __hash__ = None
    def __call__(self):
        return make_task()

maker = Maker()
number = 5
grid_and_percept = lambda: (pm.GridWorld(), perceive)
env_and_params = lambda: (Corridor(), {"slip": 0.5})
no_limit = lambda: (Corridor(), perceive)
text = lambda: "corridor"
nothing = lambda: None
three = lambda: (1, 2, 3)
config_alone = lambda: make_task()[0]
needs_more = lambda size: make_task()
"""
OWN = "own_task_for_tests"


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the current folder, which is not on the import path."""
    (tmp_path / f"{OWN}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path and pathlib.Path(path) != tmp_path])
    monkeypatch.delitem(sys.modules, OWN, raising=False)


@pytest.mark.parametrize("name", ["make_task", "Kinds.make", "maker"])
def test_a_task_by_import_path(own_module, name):
    config, params = make_experiment(f"{OWN}:{name}", overrides={"max_skill_length": 4})
    assert (config.memory.capacity, config.memory.max_skill_length) == (9, 4)
    again, _ = make_experiment(f"{OWN}:{name}", overrides={"max_skill_length": 4})
    assert again == config and sys.modules[OWN].calls == [1]


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        (f"{OWN}:make_tusk", ValueError, f"task={OWN}:make_tusk: the module {OWN} has no make_tusk; give a name that"),
        ("nowhere.at_all:make", ValueError, "task=nowhere.at_all:make: nowhere.at_all cannot be imported .No module"),
        (f"{OWN}:", ValueError, f"task={OWN}: is not of the form package.module:name; write it so"),
        (":make_task", ValueError, "task=:make_task is not of the form package.module:name; write it so"),
        (f"{OWN}:number", TypeError, f"task={OWN}:number is a int; give a callable without arguments"),
        (f"{OWN}:text", TypeError, f"task={OWN}:text makes a str that is no environment; give one that has reset and"),
        (f"{OWN}:nothing", TypeError, f"task={OWN}:nothing makes a NoneType that is no environment"),
        (f"{OWN}:three", TypeError, f"task={OWN}:three makes a tuple that is no environment"),
        (f"{OWN}:config_alone", TypeError, f"task={OWN}:config_alone makes a Config that is no environment"),
        (f"{OWN}:env_and_params", TypeError, f"task={OWN}:env_and_params makes an environment and a dict; give a func"),
        (f"{OWN}:grid_and_percept", TypeError, f"task={OWN}:grid_and_percept makes a grid and a function; give a grid"),
        (f"{OWN}:no_limit", ValueError, f"task={OWN}:no_limit: max_steps is unknown: the environment's params do not"),
        (f"{OWN}:needs_more", TypeError, "missing 1 required positional argument: 'size'"),
    ],
)
def test_what_makes_no_task_is_told_in_one_line(own_module, name, error, text):
    with pytest.raises(error, match=text) as caught:
        make_experiment(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["xland", "navix", "gymnax"])
def test_known_prefixes_win(own_module, prefix, monkeypatch):
    pytest.importorskip(PACKAGES[prefix].module)
    pathlib.Path(f"{prefix}.py").write_text("raise SystemExit('imported')")
    with pytest.raises(ValueError, match=f"task='{prefix}:make_task' is unknown; .*those of `procmem tasks"):
        make_experiment(f"{prefix}:make_task")
