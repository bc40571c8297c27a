"""Every field of every record by its bare name."""

import dataclasses

import pytest

from procmem_jax.experiments.overrides import apply_overrides, list_settings, parse_assignments
from procmem_jax.experiments.presets import make_experiment

CONFIG, PARAMS = make_experiment("random-5", "tutorial")
SETTINGS = list_settings(CONFIG, PARAMS)


def other_value(setting):
    """Another valid value of a setting."""
    if setting.kind == "bool":
        return not setting.value
    record = getattr(CONFIG if setting.static else PARAMS, setting.record)
    bounds = next(field.metadata for field in dataclasses.fields(record) if field.name == setting.name)
    if setting.kind == "str":
        return next(choice for choice in bounds["choices"] if choice != setting.value)
    candidates = (7, 8) if setting.kind == "int" else (0.375, 0.625)
    return next(value for value in candidates if value != setting.value)


def value_of(config, params, setting):
    return getattr(getattr(config if setting.static else params, setting.record), setting.name)


def test_all_fields_are_listed_once_with_help():
    records = [getattr(whole, field.name) for whole in (CONFIG, PARAMS) for field in dataclasses.fields(whole)]
    fields = [field.name for record in records for field in dataclasses.fields(record)]
    assert [setting.name for setting in SETTINGS] == fields
    assert len(set(fields)) == len(fields) > 20
    assert all(setting.help and "\n" not in setting.help for setting in SETTINGS)
    assert {setting.kind for setting in SETTINGS} == {"int", "float", "bool", "str"}
    assert {setting.name for setting in SETTINGS if setting.static} >= {
        *("layout", "max_size", "capacity", "embedding_size", "max_skill_length", "num_predicates", "eviction"),
        *("counting", "use_skills", "explorer", "code_tables"),
    }
    assert {setting.name for setting in SETTINGS if not setting.static} >= {"size", "goal_reward", "merge_threshold"}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
@pytest.mark.parametrize("as_text", [True, False], ids=["text", "value"])
def test_every_field_can_be_set_alone(setting, as_text):
    value = other_value(setting)
    assert value != setting.value
    config, params = apply_overrides(CONFIG, PARAMS, {setting.name: str(value) if as_text else value})
    changed = value_of(config, params, setting)
    assert changed == value and type(changed) is type(value)
    for other in SETTINGS:
        if other.name != setting.name:
            assert value_of(config, params, other) == other.value
    assert hash(config) is not None


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("on", True), ("1", True), ("False", False), ("OFF", False), ("0", False)]
)
def test_truth_values(text, value):
    assert apply_overrides(CONFIG, PARAMS, {"use_skills": text})[0].agent.use_skills is value


def test_a_whole_number_will_do_for_a_real_one():
    params = apply_overrides(CONFIG, PARAMS, {"goal_reward": 3})[1]
    assert params.environment.goal_reward == 3.0 and type(params.environment.goal_reward) is float


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("capacty", "3", ValueError, "setting 'capacty' is unknown; choose from .*capacity, .*code_tables"),
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
        ("eviction", "newest", ValueError, "eviction='newest' is unknown; choose from lru"),
        ("eviction", 3, TypeError, "eviction=3 is a int"),
    ],
)
def test_wrong_values_are_named(name, value, error, text):
    with pytest.raises(error, match=text):
        apply_overrides(CONFIG, PARAMS, {name: value})


def test_assignments():
    assert parse_assignments([]) == {}
    assert parse_assignments(["a=1", "b=x=y", "c= "]) == {"a": "1", "b": "x=y", "c": " "}


@pytest.mark.parametrize("text", ["capacity", "=3", "capacity=", "", "="])
def test_arguments_that_assign_nothing(text):
    with pytest.raises(ValueError, match="--set '.*' is not NAME=VALUE; write for instance capacity=64"):
        parse_assignments([text])


def test_a_name_given_twice():
    with pytest.raises(ValueError, match="--set names capacity twice; give it once"):
        parse_assignments(["capacity=3", "epsilon=0", "capacity=4"])
