"""A memory and a policy of one's own in an environment that is not ours."""

import dataclasses

import jax.numpy as jnp
import pytest

from envs.corridor import Corridor, perceive
from procmem_jax import with_memory
from procmem_jax.agents.exploration import EpsilonPolicy, RandomPolicy
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.memory.default.memory import DefaultMemory
from procmem_jax.memory.protocol import Memory, NoParams
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
    assert (config.memory, config.exploration) == (DefaultMemory(deaths_teach=True), RandomPolicy())
    assert (params.memory, params.exploration) == (DefaultMemory().default_params(), NoParams())


def test_a_memory_of_ones_own_gets_the_sizes_of_the_environment():
    config, params = make(memory=Sized(), exploration=Looking(), overrides={"reach": 5, "turn": 2})
    assert (config.memory, config.exploration) == (Sized(5, actions=4, slips=0.5), Looking(turn=2))
    assert params.memory == NoParams()


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
