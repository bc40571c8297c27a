"""Every setting that a run reads by its bare name, and what nothing reads refused."""

import dataclasses
import functools
import sys

import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.agents.exploration import RandomPolicy
from procmem_jax.agents.settings import Config
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments import setting_names
from procmem_jax.experiments.overrides import apply_overrides, list_settings
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.memory.default.choice import random_applicable
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.eviction import Utility, lru
from procmem_jax.memory.protocol import Memory
from procmem_jax.records import param, params_record, setting

EXPERIMENTS = {preset: make_experiment("random-5", preset) for preset in ("tutorial", "default", "q-learning")}
CONFIG, PARAMS = EXPERIMENTS["tutorial"]
SETTINGS = [(preset, one) for preset, whole in EXPERIMENTS.items() for one in list_settings(*whole)]
# Settings that are valid only together with another.
PARTNERS = {"max_skill_length": {"history_length": 20}}


def record_of(config, params, one):
    """The record that a setting is a field of."""
    return functools.reduce(getattr, one.path[:-1], config if one.static else params)


def field_of(config, params, one):
    [field] = [f for f in dataclasses.fields(record_of(config, params, one)) if f.name == one.path[-1]]
    return field


def other_value(config, params, one):
    """Another valid value of a setting."""
    bounds = field_of(config, params, one).metadata
    if one.kind == "bool":
        return not one.value
    if one.kind == "function":
        return next((name for name in one.functions if name != one.value), one.value)
    if one.kind == "str":
        return next(choice for choice in bounds["choices"] if choice != one.value)
    candidates = (17, 18) if one.kind == "int" else (0.375, 0.625, 1.5)
    if bounds["maximum"] is not None and one.kind == "int":
        candidates = (*candidates, bounds["maximum"])
    return next(
        value
        for value in candidates
        if value != one.value and (bounds["minimum"] is None or value >= bounds["minimum"])
    )


def values(config, params):
    return {one.name: one.value for one in list_settings(config, params)}


@pytest.mark.parametrize("preset", setting_names.SETTINGS)
def test_the_names_that_need_no_jax_are_those_of_the_settings(preset):
    names = setting_names.SETTINGS[preset].split()
    for task in ("tutorial-5", "random-5", "doorkey-5", "shifting-5"):
        assert {one.name for one in list_settings(*make_experiment(task, preset))} == set(names)
    for explorer in ("epsilon:0.1", "least-tried", "nearest-untried", "persistent"):
        read = [one.name for one in list_settings(*make_experiment("random-5", preset, explorer=explorer))]
        setting_names.check_setting_names("random-5", preset, [*names, *read])
    for task in ("random-5", "doorkey-16"):
        with pytest.raises(ValueError, match=f"setting 'siz' is unknown; did you mean size.*{names[0]}"):
            setting_names.check_setting_names(task, preset, ["size", "siz"])
    setting_names.check_setting_names("package.module:task", preset, ["siz"])
    setting_names.check_setting_names("random-5", "own", ["siz"])


@pytest.mark.parametrize("preset", EXPERIMENTS)
def test_all_fields_are_listed_once_with_help(preset):
    config, params = EXPERIMENTS[preset]
    settings = list_settings(config, params)
    records = [config.environment, config.memory, config.exploration, config]
    records += [params.environment, params.memory, params.exploration, params]
    fields = []
    for record in records:
        for field in dataclasses.fields(record):
            if "static" in field.metadata:
                fields.append(field.metadata["name"] or field.name)
                if field.name == "evict" and preset == "default":
                    fields.append("grace")
    assert [one.name for one in settings] == fields
    assert len(set(fields)) == len(fields) > 20
    assert all(one.help and "\n" not in one.help for one in settings)
    assert {one.kind for one in settings} <= {"int", "float", "bool", "str", "function"}


def test_what_decides_the_program_is_static_and_numbers_are_traced():
    static = {one.name for one in list_settings(CONFIG, PARAMS) if one.static}
    assert static == {
        *("layout", "max_size", "capacity", "embedding_size", "max_skill_length", "eviction"),
        *("counting", "use_skills", "code_tables", "learn"),
    }
    traced = {one.name for one in list_settings(CONFIG, PARAMS) if not one.static}
    assert traced >= {"size", "goal_reward", "merge_threshold", "step_budget"}
    kinds = {one.name: one.kind for one in list_settings(*EXPERIMENTS["default"])}
    found = [kinds[name] for name in ("capacity", "suffixes", "segmentation", "choice", "grace", "novelty", "size")]
    assert found == ["int", "bool", "str", "function", "float", "float", "int"]
    assert (kinds["door_pays_again"], kinds["retreat_steps"]) == ("bool", "int")


@pytest.mark.parametrize(("preset", "one"), SETTINGS, ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("as_text", [True, False], ids=["text", "value"])
def test_every_setting_can_be_set_alone(preset, one, as_text):
    config, params = EXPERIMENTS[preset]
    value = other_value(config, params, one)
    partners = PARTNERS.get(one.name, {}) if preset == "default" else {}
    given = one.functions[value] if one.kind == "function" and not as_text else value
    changed = apply_overrides(config, params, {one.name: str(value) if as_text else given, **partners})
    found = values(*changed)
    if one.name == "use_skills":
        assert found.pop("use_skills") is False and not {"capacity", "merge_threshold"} & set(found)
        assert changed[1] == params
        return
    assert found.pop(one.name) == value
    assert value != one.value or one.name == "embedding"  # of which there is only one
    if one.name == "eviction" and preset == "default":
        found["grace"] = values(config, params)["grace"]  # which `lru` has not
    before = values(config, params)
    assert found == {name: partners.get(name, old) for name, old in before.items() if name != one.name}
    actual = getattr(record_of(*changed, one), one.path[-1])
    assert type(actual) is (type(given) if one.kind != "function" else type(one.functions[value]))
    assert hash(changed[0]) is not None


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("on", True), ("1", True), ("False", False), ("OFF", False), ("0", False)]
)
def test_truth_values(text, value):
    assert apply_overrides(CONFIG, PARAMS, {"use_skills": text})[0].use_skills is value


def test_a_whole_number_will_do_for_a_real_one():
    params = apply_overrides(CONFIG, PARAMS, {"goal_reward": 3})[1]
    assert params.environment.goal_reward == 3.0 and type(params.environment.goal_reward) is float


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        (
            "capacty",
            "3",
            ValueError,
            "setting 'capacty' is unknown; did you mean capacity. Choose from .*capacity, .*code_tables",
        ),
        ("capacity", "many", ValueError, "capacity=many is not a whole number; give a whole number"),
        ("capacity", "3.5", ValueError, "capacity=3.5 is not a whole number"),
        ("capacity", "-1", ValueError, "capacity=-1 is below 1"),
        ("capacity", 3.0, TypeError, "capacity=3.0 is a float; give a int"),
        ("capacity", True, TypeError, "capacity=True is a bool"),
        ("capacity", None, TypeError, "capacity=None is a NoneType"),
        ("goal_reward", "much", ValueError, "goal_reward=much is not a number; give a number"),
        ("goal_reward", True, TypeError, "goal_reward=True is a bool"),
        ("use_skills", "maybe", ValueError, "use_skills=maybe is not true or false; give true or false"),
        ("use_skills", 1, TypeError, "use_skills=1 is a int"),
        ("counting", "never", ValueError, "counting='never' is unknown; choose from tutorial, outcomes"),
        ("eviction", "newest", ValueError, "eviction='newest' is unknown; choose from lru"),
        ("eviction", 3, TypeError, "evict=3 is a int; give a function"),
        ("eviction", Utility, TypeError, "evict=.*Utility.* is the class itself; give a function"),
        ("eviction", "json:loads_not", ValueError, "eviction=json:loads_not: the module json has no loads_not"),
        ("eviction", "json:__name__", TypeError, "evict='json' is a str; give a function"),
        ("eviction", "nowhere:rule", ValueError, "eviction=nowhere:rule: nowhere cannot be imported .No module named"),
        ("eviction", ":rule", ValueError, "eviction=:rule is not of the form package.module:name; write it so"),
    ],
)
def test_wrong_values_are_named(name, value, error, text):
    with pytest.raises(error, match=text):
        apply_overrides(CONFIG, PARAMS, {name: value})


# What nothing reads


@pytest.mark.parametrize(
    ("changes", "name", "text"),
    [
        ({}, "learning_rate", "setting 'learning_rate' is not read here: preset q-learning reads it; leave it out, or"),
        ({}, "code_tables", "setting 'code_tables' is not read here: preset tutorial reads it"),
        ({}, "max_size", "setting 'max_size' is not read here: preset tutorial reads it"),
        ({}, "epsilon", "setting 'epsilon' is not read here: the explorer epsilon:P reads it"),
        ({}, "uniform", "setting 'uniform' is not read here: the explorer least-tried or nearest-untried reads it"),
        ({}, "table_rows", "setting 'table_rows' is not read here: the explorer least-tried or nearest-untried"),
        ({}, "same_start", "setting 'same_start' is not read here: an environment of another package reads it"),
        ({"preset": "tutorial"}, "suffixes", "setting 'suffixes' is not read here: preset default reads it"),
        ({"preset": "tutorial"}, "choice", "setting 'choice' is not read here: preset default reads it"),
        ({"preset": "tutorial"}, "grace", "setting 'grace' is not read here: eviction=utility reads it"),
        ({"preset": "q-learning"}, "capacity", "setting 'capacity' is not read here: preset default reads it"),
        ({"use_skills": False}, "capacity", "setting 'capacity' is not read here: the memory reads it, which is off;"),
        ({"use_skills": False}, "novelty", "setting 'novelty' is not read here: the memory reads it, which is off;"),
        ({"use_skills": False}, "learning_rate", "setting 'learning_rate' is not read here: preset q-learning reads"),
        ({}, "capcity", "setting 'capcity' is unknown; did you mean capacity. Choose from admission, "),
        ({}, "learning_rat", "setting 'learning_rat' is unknown; did you mean learning_rate. Choose from admission, "),
        ({}, "xyzzy", "setting 'xyzzy' is unknown; choose from admission, "),
    ],
)
def test_a_setting_that_nothing_reads_is_refused_with_what_does(changes, name, text):
    with pytest.raises(ValueError, match=text) as caught:
        make_experiment("random-5", overrides={name: "1"}, **changes)
    assert "\n" not in str(caught.value)


def test_switching_the_memory_off_by_a_setting_refuses_the_same():
    for overrides in ({"use_skills": False, "capacity": 8}, {"capacity": 8, "use_skills": "off"}):
        with pytest.raises(ValueError, match="'capacity' is not read here: the memory reads it, which is off"):
            make_experiment("random-5", overrides=overrides)
    assert make_experiment("random-5", overrides={"use_skills": "off", "size": 4})[1].environment.size == 4


def test_a_size_that_the_tables_do_not_cover_is_refused():
    for preset, who in (("tutorial", "the tutorial's memory"), ("q-learning", "Q-learning")):
        with pytest.raises(ValueError, match=f"max_size=4 of {who} is below size=5; raise max_size or lower size"):
            make_experiment("random-5", preset, overrides={"max_size": 4})


# Functions


def test_functions_by_name():
    config, _ = make_experiment("random-5", overrides={"choice": "random", "eviction": "lru"})
    assert config.memory == DefaultMemory(choose=random_applicable, evict=lru)
    shown = values(*make_experiment("random-5", overrides={"choice": "random", "eviction": "lru"}))
    assert (shown["choice"], shown["eviction"], shown["embedding"]) == ("random", "lru", "direction")


MODULE = """
import dataclasses
from procmem_jax.memory.eviction import lru
from procmem_jax.records import setting

def oldest_use(library, rates):
    return lru(library, rates)

@dataclasses.dataclass(frozen=True)
class Patient:
    patience: int = setting(3, "uses to wait", minimum=1)
    def __call__(self, library, rates):
        return lru(library, rates)
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the current folder, which is not on the import path."""
    (tmp_path / "my_rules_of_eviction.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.delitem(sys.modules, "my_rules_of_eviction", raising=False)


def test_functions_by_import_path(own_module):
    config, params = make_experiment("random-5", overrides={"eviction": "my_rules_of_eviction:oldest_use"})
    assert config.memory.evict.__name__ == "oldest_use"
    assert values(config, params)["eviction"] == "my_rules_of_eviction:oldest_use"
    again, _ = make_experiment("random-5", "tutorial", overrides={"eviction": "my_rules_of_eviction:oldest_use"})
    assert again.memory.evict is config.memory.evict


def test_an_object_for_a_function_brings_its_settings(own_module):
    overrides = {"patience": "7", "eviction": "my_rules_of_eviction:Patient"}  # in whatever order
    config, params = make_experiment("random-5", overrides=overrides)
    assert config.memory.evict.patience == 7
    shown = values(config, params)
    assert (shown["eviction"], shown["patience"]) == ("my_rules_of_eviction:Patient", 7) and "grace" not in shown
    with pytest.raises(ValueError, match="patience=0 is below 1"):
        make_experiment("random-5", overrides=overrides | {"patience": 0})
    with pytest.raises(ValueError, match="setting 'grace' is not read here: eviction=utility reads it"):
        make_experiment("random-5", overrides=overrides | {"grace": 3.0})


def test_nested_settings_of_a_function():
    config, params = make_experiment("random-5", overrides={"grace": "50"})
    assert config.memory.evict == Utility(grace=50.0)
    shown = values(config, params)
    assert (shown["eviction"], shown["grace"]) == ("utility", 50.0)
    config, _ = make_experiment("random-5", "tutorial", overrides={"grace": 50.0, "eviction": "utility"})
    assert config.memory.evict == Utility(grace=50.0)


def test_settings_that_are_valid_only_together():
    config, _ = make_experiment("random-5", overrides={"max_skill_length": 32, "history_length": 64})
    assert (config.memory.max_skill_length, config.memory.history_length) == (32, 64)
    again, _ = make_experiment("random-5", overrides={"history_length": "64", "max_skill_length": "32"})
    assert again == config
    with pytest.raises(ValueError, match="history_length=16 is below max_skill_length=32; raise history_length"):
        make_experiment("random-5", overrides={"max_skill_length": 32})


def test_arrays_are_shown_as_python_numbers():
    """Params may hold jax's and NumPy's scalars; what is shown and stored makes the same float32."""
    config, params = EXPERIMENTS["default"]
    memory = dataclasses.replace(params.memory, novelty=jnp.float32(0.1), retreat_steps=np.int64(3))
    environment = dataclasses.replace(params.environment, door_pays_again=jnp.asarray(True))
    shown = values(config, dataclasses.replace(params, memory=memory, environment=environment))
    assert [(shown[name], type(shown[name])) for name in ("novelty", "retreat_steps", "door_pays_again")] == [
        *((0.1, float), (3, int), (True, bool)),
    ]


@params_record
class Clashing:
    size: float = param(1.0, jnp.float32, "a name that the grid has")


@dataclasses.dataclass(frozen=True)
class Mine(Memory):
    reach: int = setting(3, "a name of its own")
    Params = Clashing


def test_two_settings_of_one_name_are_refused():
    config = Config(GridWorld(), Mine(), RandomPolicy())
    with pytest.raises(ValueError, match="'size' means both environment.size and memory.size; rename one, by the name"):
        list_settings(config, config.default_params())
