"""A memory and a policy of one's own in an environment that is not ours."""

import dataclasses

import jax.numpy as jnp
import pytest

from envs.corridor import Corridor, perceive
from procmem_jax import make_experiment, register_preset, register_task, with_memory
from procmem_jax.agents.exploration import EpsilonPolicy, RandomPolicy
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory, NoParams
from procmem_jax.memory.proven.memory import ProvenMemory
from procmem_jax.memory.tutorial.memory import TutorialMemory
from procmem_jax.records import setting


@dataclasses.dataclass(frozen=True)
class Sized(Memory):
    """A memory that needs to know how many actions there are, and how long an episode is."""

    reach: int = setting(3, "steps that it looks back", minimum=1)
    actions: int = 0
    slips: float = 0.0

    def for_environment(self, environment, environment_params):
        return dataclasses.replace(self, actions=environment.num_actions, slips=float(environment_params["slip"]))


@dataclasses.dataclass(frozen=True)
class Looking(ExplorationPolicy):
    turn: int = setting(1, "actions to go on by")
    uses_observation = True

    def act(self, state, percept, observation, word, params):
        return state, (observation % 2).astype(jnp.int32) * self.turn


def make(**changes):
    return with_memory(Corridor(), perceive, max_steps=20, env_params={"slip": 0.5}, **changes)


def test_without_more_it_is_the_default_memory_and_a_random_policy():
    config, params = make()
    assert (config.memory, config.exploration) == (HERE, RandomPolicy())
    assert params.memory == dataclasses.replace(DefaultMemory().default_params(), retire_rate=0.25, forgiven_failures=0)
    assert params.exploration == NoParams()


def test_a_memory_of_ones_own_gets_the_sizes_of_the_environment():
    config, params = make(memory=Sized(), exploration=Looking(), overrides={"reach": 5, "turn": 2})
    assert (config.memory, config.exploration) == (Sized(5, actions=4, slips=0.5), Looking(turn=2))
    assert params.memory == NoParams()


@dataclasses.dataclass(frozen=True)
class Around(Memory):
    """A memory around one that is around another."""

    inside: Memory = setting(ProvenMemory(), "what it is around", base=Memory)
    progress_bar: bool = setting(False, "it reads a setting of its own")

    def default_params(self):
        return self.inside.default_params()


PLAIN = DefaultMemory(success_is_last=True)  # as the corridor makes of one that is given
HERE = dataclasses.replace(PLAIN, deaths_teach=True, caution=True)  # what is the default there
UNTOLD = dataclasses.replace(HERE, success_is_last=False)  # in a memory that does not tell it of the environment


@pytest.mark.parametrize(
    ("given", "overrides", "expected"),
    [
        (ProvenMemory(window=4), {}, ProvenMemory(HERE, window=4)),
        (Around(), {}, Around(ProvenMemory(UNTOLD))),
        (Around(ProvenMemory(budget=2.0)), {}, Around(ProvenMemory(UNTOLD, budget=2.0))),
        (DefaultMemory(), {}, PLAIN),
        (ProvenMemory(DefaultMemory()), {}, ProvenMemory(PLAIN)),
        (ProvenMemory(DefaultMemory(capacity=9)), {}, ProvenMemory(dataclasses.replace(PLAIN, capacity=9))),
        (
            ProvenMemory(),
            {"deaths_teach": "false", "capacity": 9},
            ProvenMemory(dataclasses.replace(PLAIN, capacity=9, caution=True)),
        ),
        (ProvenMemory(), {"progress": True}, ProvenMemory(dataclasses.replace(HERE, progress=True))),
        (ProvenMemory(Sized()), {"inner_memory": "default", "eviction": "lru"}, "lru"),
    ],
)
def test_a_memory_around_one_that_nobody_gave_has_the_default_of_the_environment(given, overrides, expected):
    """What a user gives or sets stays; a task gives the same, also to a preset that was registered."""
    config, _ = make(memory=given, overrides=overrides)
    if expected == "lru":
        assert config.memory.memory.deaths_teach and config.memory.memory.evict.__name__ == "lru"
        return
    assert config.memory == expected
    register_task("corridor", lambda: make())
    register_preset("theirs", given)
    assert make_experiment("corridor", memory=given, overrides=overrides)[0].memory == expected
    assert make_experiment("corridor", "theirs", overrides=overrides)[0].memory == expected
    assert make_experiment("random-5", "theirs")[0].memory == given


def test_a_task_that_brings_its_memory_keeps_it():
    """But with another preset, ours has the memory that is the default there."""
    register_task("plain", lambda: make(memory=ProvenMemory(DefaultMemory())))
    assert make_experiment("plain")[0].memory == ProvenMemory(PLAIN)
    assert make_experiment("plain", "proven")[0].memory == ProvenMemory(HERE)
    without = make_experiment("plain", "proven", use_skills=False)[0]
    assert (without.memory, without.use_skills) == (ProvenMemory(HERE), False)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"memory": TutorialMemory()}, ValueError, "the tutorial's memory knows the grid only; use the default memory"),
        (
            {"exploration": EpsilonPolicy()},
            ValueError,
            "explorer='epsilon': this environment has no script; use explor",
        ),
        (
            {"memory": Sized},
            TypeError,
            "memory=.* is the class itself; give an object whose class inherits from Memory",
        ),
        ({"memory": Sized(reach=0)}, ValueError, "reach=0 is below 1; give at least 1"),
        ({"exploration": "random"}, TypeError, "exploration='random' is a str; give an object whose class inherits"),
        ({"overrides": {"reach": 5}}, ValueError, "setting 'reach' is unknown; "),
        (
            {"use_skills": False, "overrides": {"capacity": 5}},
            ValueError,
            "'capacity' is not read here: the memory rea",
        ),
    ],
)
def test_what_does_not_fit_is_refused(changes, error, text):
    with pytest.raises(error, match=text):
        make(**changes)
