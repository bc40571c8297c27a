"""Records: their kinds, and the errors of those who fill them wrongly."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from procmem_jax.records import (
    as_arrays,
    check_count,
    check_numbers,
    check_range,
    check_settings,
    param,
    params_record,
    setting,
    shapes_of,
    state_record,
)


@dataclasses.dataclass(frozen=True)
class OvenConfig:
    shelves: int = setting(3, "shelves", minimum=1, maximum=9)
    heat: str = setting("top", "where the heat comes from", choices=("top", "bottom"))
    fan: bool = setting(False, "whether it has a fan")
    weight: float = setting(20.5, "weight, kg", minimum=0.0)
    timer: str = setting("bell", "what happens when the time is up", functions={"bell": len, "light": max})
    note: str = "not a setting"

    def __post_init__(self):
        check_settings(self)


@params_record
class OvenParams:
    degrees: jax.Array | float = param(180.0, jnp.float32, "temperature", minimum=0.0, maximum=300.0)
    minutes: jax.Array | int = param(30, jnp.int32, "time", minimum=1)
    light: jax.Array | bool = param(True, jnp.bool_, "whether the light is on")
    seed: jax.Array | int = param(0, jnp.uint32, "any number")


@params_record
class KitchenParams:
    oven: OvenParams
    size: jax.Array | int = param(4, jnp.int8, "size")


def text_of(error, function, *args, **kwargs):
    """The text of the error that a call raises."""
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("error", "changes", "text"),
    (
        (ValueError, {"shelves": 0}, "shelves=0 is below 1; give at least 1"),
        (ValueError, {"shelves": 10}, "shelves=10 is above 9; give at most 9"),
        (TypeError, {"shelves": 3.0}, "shelves=3.0 is a float; give a int"),
        (TypeError, {"shelves": True}, "shelves=True is a bool; give a int"),
        (TypeError, {"shelves": np.int32(3)}, "shelves=np.int32(3) is a int32; give a int"),
        (ValueError, {"heat": "left"}, "heat='left' is unknown; choose from top, bottom"),
        (TypeError, {"heat": None}, "heat=None is a NoneType; give a str"),
        (TypeError, {"fan": 1}, "fan=1 is a int; give a bool"),
        (ValueError, {"weight": -0.5}, "weight=-0.5 is below 0.0; give at least 0.0"),
        (ValueError, {"weight": float("inf")}, "weight=inf is not a finite number; give a finite one"),
        (ValueError, {"timer": "horn"}, "timer='horn' is unknown; choose from bell, light"),
        (TypeError, {"timer": 3}, "timer=3 is a int; give a str or a function"),
        (TypeError, {"heat": print}, "heat=<built-in function print> is a builtin_function_or_method; give a str"),
    ),
)
def test_wrong_settings(error, changes, text):
    assert text_of(error, OvenConfig, **changes) == text


def bake(loaf):
    return loaf


@dataclasses.dataclass(frozen=True)
class Grill:
    spits: int = setting(2, "spits", minimum=1)

    def __call__(self, loaf):
        return loaf


@dataclasses.dataclass(frozen=True)
class KitchenConfig:
    cook: object = setting(bake, "what is done with a loaf")
    grill: object = setting(Grill(), "what is done with meat", functions={"grill": Grill()})

    def __post_init__(self):
        check_settings(self)


def test_functions_are_settings_too():
    fields = {field.name: field.metadata["functions"] for field in dataclasses.fields(KitchenConfig)}
    assert fields == {"cook": {"bake": bake}, "grill": {"grill": Grill()}}
    assert KitchenConfig(cook=max, grill=Grill(3)).grill.spits == 3
    assert text_of(TypeError, KitchenConfig, cook=3) == "cook=3 is a int; give a function"
    assert text_of(TypeError, KitchenConfig, cook="bake") == "cook='bake' is a str; give a function"
    assert "is the class itself; give a function" in text_of(TypeError, KitchenConfig, grill=Grill)
    assert text_of(ValueError, KitchenConfig, grill=Grill(0)) == "spits=0 is below 1; give at least 1"
    unhashable = dataclasses.make_dataclass("Unhashable", [], namespace={"__call__": lambda self, loaf: loaf})()
    assert "is not hashable; give a function or an instance of a frozen class" in text_of(
        TypeError, KitchenConfig, cook=unhashable
    )


def test_right_settings_pass_and_are_hashable():
    config = OvenConfig(shelves=9, heat="bottom", fan=True, weight=0.0, note=3)
    assert hash(config) == hash(dataclasses.replace(config)) and config != OvenConfig()
    assert hash(OvenConfig(timer=print)) and OvenConfig(timer=print).timer is print


@pytest.mark.parametrize(
    ("changes", "text"),
    (
        ({"degrees": 300.5}, "degrees=300.5 is above 300.0; give at most 300.0"),
        ({"degrees": float("nan")}, "degrees=nan is not a finite number; give a finite one"),
        ({"degrees": np.array([1.0, -2.0, 900.0])}, "degrees=-2.0 is below 0.0; give at least 0.0"),
        ({"degrees": jnp.array([[np.inf]])}, "degrees=inf is not a finite number; give a finite one"),
        ({"minutes": 0}, "minutes=0 is below 1; give at least 1"),
        ({"minutes": jnp.array([3, 0])}, "minutes=0 is below 1; give at least 1"),
        ({"minutes": 2.5}, "minutes=2.5 is not a whole number; give one"),
        ({"minutes": float("inf")}, "minutes=inf is not a finite number; give a finite one"),
    ),
)
def test_wrong_numbers(changes, text):
    params = OvenParams(**changes)  # a params record does not check itself: JAX rebuilds it with tracers
    assert text_of(ValueError, check_numbers, params) == text


def test_right_numbers_pass_as_scalars_and_as_batches():
    for params in (
        OvenParams(),
        OvenParams(degrees=0, minutes=2.0),
        OvenParams(np.linspace(0, 300, 5), jnp.arange(1, 4)),
    ):
        assert check_numbers(params) is None
    assert check_numbers(KitchenParams(OvenParams(degrees=-1.0))) is None  # nested records are checked by their owners


def test_bounds_of_none_bind_nothing():
    assert check_range("x", -1e30, None, None) is None
    assert text_of(ValueError, check_range, "x", 3, None, 2) == "x=3 is above 2; give at most 2"


@pytest.mark.parametrize("value", (1, 5, np.int64(3), np.uint8(5)))
def test_right_counts(value):
    assert check_count("agents", value, 1, 5) is None


@pytest.mark.parametrize(
    ("error", "value", "text"),
    (
        (ValueError, 0, "agents=0 is below 1; give at least 1"),
        (ValueError, 6, "agents=6 is above 5; give at most 5"),
        (TypeError, 2.0, "agents=2.0 is a float; give a whole number"),
        (TypeError, True, "agents=True is a bool; give a whole number"),
        (TypeError, "2", "agents='2' is a str; give a whole number"),
        (TypeError, None, "agents=None is a NoneType; give a whole number"),
    ),
)
def test_wrong_counts(error, value, text):
    assert text_of(error, check_count, "agents", value, 1, 5) == text


def test_as_arrays_gives_every_number_its_kind_in_nested_records_too():
    kitchen = as_arrays(KitchenParams(OvenParams(degrees=200, minutes=np.int64(5)), size=np.array([1, 2])))
    leaves = {name: getattr(kitchen.oven, name) for name in ("degrees", "minutes", "light", "seed")}
    assert {name: str(leaf.dtype) for name, leaf in leaves.items()} == {
        "degrees": "float32", "minutes": "int32", "light": "bool", "seed": "uint32",
    }  # fmt: skip
    assert all(isinstance(leaf, jax.Array) and not leaf.weak_type for leaf in leaves.values())
    assert (leaves["degrees"], leaves["minutes"]) == (200.0, 5)
    assert str(kitchen.size.dtype) == "int8" and kitchen.size.tolist() == [1, 2]


def test_as_arrays_twice_and_under_jit_changes_nothing():
    params = as_arrays(OvenParams())
    for same in (as_arrays(params), jax.jit(as_arrays)(params), jax.jit(as_arrays)(OvenParams())):
        jax.tree.map(np.testing.assert_array_equal, same, params)
        assert [leaf.dtype for leaf in jax.tree.leaves(same)] == [leaf.dtype for leaf in jax.tree.leaves(params)]


def test_a_state_is_a_frozen_pytree_of_all_its_fields():
    @state_record
    class Point:
        x: jax.Array
        y: jax.Array

    point = jax.tree.map(lambda number: number + 1, Point(1, 2))
    assert (point.x, point.y) == (2, 3) and jax.tree.leaves(point) == [2, 3]
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(point)]
    assert paths == [".x", ".y"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 5


def test_the_shapes_of_numbers_are_the_same_in_any_array():
    """Also without a warning: numbers in arrays of jax are what a config's own `as_arrays` makes."""
    numbers = {"a": 1, "b": [2.5, True]}
    numpys = jax.tree.map(lambda leaf: np.asarray(leaf), numbers)
    arrays = jax.tree.map(jnp.asarray, numbers)
    assert shapes_of(numbers) == shapes_of(numpys) == shapes_of(arrays)
    assert shapes_of(arrays)[1] == (((), "int32"), ((), "float32"), ((), "bool"))
