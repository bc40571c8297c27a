"""Config and params: bare objects are the preset, and what is none of the kind is refused with what to give."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from envs.corridor import NAMES, Corridor, perceive
from procmem_jax import (
    Config,
    DefaultMemory,
    EpsilonPolicy,
    ExplorationPolicy,
    Memory,
    QLearning,
    RandomPolicy,
    ScriptedPolicy,
    make_experiment,
    with_memory,
)
from procmem_jax.agents.exploration import TapePolicy, make_tape
from procmem_jax.agents.settings import check_params
from procmem_jax.memory.default.choice import random_applicable
from procmem_jax.memory.default.direction import direction_embedding
from procmem_jax.memory.eviction import Utility, lru
from procmem_jax.records import as_arrays


def test_the_bare_config_is_the_default_preset():
    config, params = make_experiment("random-5")
    assert Config() == config and hash(Config()) == hash(config)
    assert (config.memory, config.exploration, config.use_skills, config.learns) == (
        DefaultMemory(), RandomPolicy(), True, True,
    )  # fmt: skip
    assert Config().default_params() == params
    ours, theirs = as_arrays(Config().default_params()), as_arrays(params)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    assert jax.tree.map(lambda leaf: leaf.dtype, ours) == jax.tree.map(lambda leaf: leaf.dtype, theirs)


@pytest.mark.parametrize(
    ("overrides", "memory"),
    (
        ({"choice": "random"}, DefaultMemory(choose=random_applicable)),
        ({"eviction": "lru"}, DefaultMemory(evict=lru)),
        ({"eviction": "utility"}, DefaultMemory(evict=Utility())),
        ({"embedding": "direction", "choice": "cost"}, DefaultMemory(embed=direction_embedding)),
        (
            {"choice": "random", "eviction": "lru", "capacity": "9"},
            DefaultMemory(9, choose=random_applicable, evict=lru),
        ),
    ),
    ids=("choice", "eviction", "the default eviction", "the defaults", "several"),
)
def test_a_name_is_the_function_that_it_names(overrides, memory):
    """Equal configs have one program."""
    by_name, by_object = make_experiment("random-5", overrides=overrides), make_experiment("random-5", memory=memory)
    assert by_name == by_object and hash(by_name[0]) == hash(by_object[0])


@dataclasses.dataclass
class Thawed(Memory):
    """Not frozen, and so without a hash."""


@dataclasses.dataclass(frozen=True)
class Loaded(ExplorationPolicy):
    """Holds what belongs into its params."""

    weights: jax.Array


@pytest.mark.parametrize(
    ("given", "text"),
    (
        (
            {"memory": DefaultMemory},
            "memory=<class '.*DefaultMemory'> is the class itself; give an object whose class ",
        ),
        ({"memory": "default"}, "memory='default' is a str; give an object whose class inherits from Memory"),
        ({"memory": RandomPolicy()}, r"memory=RandomPolicy\(num_actions=0\) is a RandomPolicy; give an object whose"),
        ({"memory": None}, "memory=None is a NoneType; give an object whose class inherits from Memory"),
        (
            {"memory": Thawed()},
            "memory is a Thawed that cannot be hashed .*; make it a frozen dataclass, and keep arrays",
        ),
        (
            {"exploration": ScriptedPolicy},
            "exploration=<class '.*ScriptedPolicy'> is the class itself; give an object ",
        ),
        ({"exploration": "random"}, "exploration='random' is a str; give an object whose class inherits from Explor"),
        ({"exploration": DefaultMemory()}, "is a DefaultMemory; give an object whose class inherits from Exploration"),
        (
            {"exploration": Loaded(jnp.ones(3))},
            "exploration is a Loaded that cannot be hashed .*; make it a frozen data",
        ),
        ({"use_skills": 1}, "use_skills=1 is a int; give a bool"),
    ),
)
def test_what_is_none_of_the_kind_is_refused(given, text):
    with pytest.raises(TypeError, match=text):
        Config(**given)


@pytest.mark.parametrize("part", ("embed", "choose", "evict"))
@pytest.mark.parametrize("given", ("random", 3, None), ids=str)
def test_a_part_of_the_default_memory_that_is_no_function_is_refused(part, given):
    """From Python not even a name will do: it would be another object than the function, with another hash."""
    with pytest.raises(TypeError, match=f"^{part}={given!r} is a {type(given).__name__}; give a function$"):
        DefaultMemory(**{part: given})


def test_a_part_without_a_hash_is_refused():
    class Listed(list):
        def __call__(self, library, rates):
            return 0

    with pytest.raises(TypeError, match="is not hashable; give a function or an instance of a frozen class"):
        DefaultMemory(evict=Listed())


@pytest.mark.parametrize(
    ("embed", "found"),
    (
        (lambda context, size: context, r"float32\[2\]"),
        (lambda context, size: jnp.zeros(size + 1), r"float32\[5\]"),
        (lambda context, size: jnp.zeros((1, size)), r"float32\[1, 4\]"),
        (lambda context, size: jnp.zeros(size, jnp.int32), r"int32\[4\]"),
    ),
    ids=("too short", "too long", "with an axis", "of whole numbers"),
)
def test_an_embedding_of_the_wrong_shape_is_refused(embed, found):
    text = rf"embed gives {found}; give float32\[4\], as many numbers as embedding_size says"
    with pytest.raises(ValueError, match=text):
        make_experiment("random-5", memory=DefaultMemory(embed=embed))


@pytest.mark.parametrize(
    ("policy", "name"), ((ScriptedPolicy(), "scripted"), (EpsilonPolicy(), "epsilon")), ids=("scripted", "epsilon")
)
def test_a_script_is_asked_of_those_that_have_one(policy, name):
    text = f"explorer='{name}': this environment has no script; use explorer='random'"
    with pytest.raises(ValueError, match=text):
        with_memory(Corridor(), perceive, max_steps=9, predicate_names=NAMES, exploration=policy)
    config, params = with_memory(Corridor(), perceive, max_steps=9, predicate_names=NAMES)
    for exploration in (policy, dataclasses.replace(policy, environment=make_experiment("random-3")[0].environment)):
        changed = dataclasses.replace(config, exploration=exploration)
        with pytest.raises(ValueError, match=text):
            check_params(changed, dataclasses.replace(params, exploration=policy.default_params()))


def test_a_tape_is_asked_for():
    config = Config(exploration=TapePolicy())
    with pytest.raises(ValueError, match=r"the tape policy needs a tape; give params whose exploration is make_tape"):
        config.default_params()
    params = Config().default_params()
    with pytest.raises(TypeError, match=r"params.exploration is a NoParams; give make_tape\(...\)"):
        check_params(config, params)
    check_params(config, dataclasses.replace(params, exploration=make_tape([0, -1], 4)))


@pytest.mark.parametrize(
    "memory", (QLearning(), make_experiment("random-3", "tutorial")[0].memory), ids=("q", "tutorial")
)
def test_what_knows_the_grid_only_is_refused_elsewhere(memory):
    with pytest.raises(ValueError, match="knows the grid only; use the default memory"):
        with_memory(Corridor(), perceive, max_steps=9, predicate_names=NAMES, memory=memory)


def test_numbers_out_of_bounds_are_refused():
    config, params = make_experiment("random-5", explorer="epsilon:0.5")
    for field, changes, text in (
        ("memory", {"novelty": 1.5}, "novelty=1.5 is above 1.0"),
        ("memory", {"retreat_steps": 1.5}, "retreat_steps=1.5 is not a whole number"),
        ("exploration", {"epsilon": -0.1}, "epsilon=-0.1 is below 0.0"),
        ("environment", {"size": 65}, "size=65 is above 64"),
    ):
        wrong = dataclasses.replace(getattr(params, field), **changes)
        with pytest.raises(ValueError, match=text):
            check_params(config, dataclasses.replace(params, **{field: wrong}))
    with pytest.raises(ValueError, match="step_budget=-1 is below 0"):
        check_params(config, dataclasses.replace(params, step_budget=-1))


@pytest.mark.parametrize(
    ("num_actions", "error", "text"),
    (
        (7, ValueError, "num_actions=7 is above 6; give at most 6"),
        (-1, ValueError, "num_actions=-1 is below 0; give at least 0"),
        (2.0, TypeError, "num_actions=2.0 is a float; give a whole number"),
    ),
)
def test_a_random_policy_takes_no_actions_that_there_are_not(num_actions, error, text):
    with pytest.raises(error, match=text):
        make_experiment("random-5", explorer=RandomPolicy(num_actions))


def test_a_random_policy_may_keep_to_the_first_actions():
    config, _ = make_experiment("random-5", explorer=RandomPolicy(2))
    assert config.exploration.for_environment(config.environment) == RandomPolicy(2)
    assert RandomPolicy().for_environment(config.environment) == RandomPolicy(6)
