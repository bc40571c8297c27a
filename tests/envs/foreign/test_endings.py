"""Why an episode ended, and whose limit it was, in a corridor with a limit of its own; steps of six and five values."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pyarrow.parquet
import pytest

from procmem_jax import Percept, run_key, train, with_memory
from procmem_jax.agents import ProceduralAgent
from procmem_jax.agents.policy import ExplorationPolicy
from procmem_jax.agents.states import ENDS
from procmem_jax.experiments.runs.results import summarize, write_episodes

WORDS = (jnp.uint32(3), jnp.uint32(5))
GOAL = 4  # cells to the right of the start


@dataclasses.dataclass(frozen=True)
class Limited:
    """Action 1 walks to the right, 0 stays; the goal ends the episode, and so does the environment's own limit."""

    limit: int = 6
    num_actions = 2

    @property
    def default_params(self):
        return {"max_steps_in_episode": self.limit}

    def reset(self, key, params):
        state = {"place": jnp.int32(0), "time": jnp.int32(0)}
        return state["place"], state

    def step(self, key, state, action, params):
        state = {"place": state["place"] + action, "time": state["time"] + 1}
        goal, late = state["place"] >= GOAL, state["time"] >= params["max_steps_in_episode"]
        return state["place"], state, jnp.float32(goal), goal, late, {}  # late even where the goal is reached


@dataclasses.dataclass(frozen=True)
class Old:
    """The same in gymnax 0.x: five values, one flag for both ends."""

    world: Limited
    num_actions = 2

    @property
    def default_params(self):
        return self.world.default_params

    def reset_env(self, key, params):
        return self.world.reset(key, params)

    def step_env(self, key, state, action, params):
        obs, state, reward, goal, late, info = self.world.step(key, state, action, params)
        return obs, state, reward, goal | late, info


def perceive(obs, state, params):
    return Percept(state.terminated[None], jnp.float32(obs)[None], jnp.uint32(obs))


def last_step(env, actions, **options):
    """(number of steps, why it ended, whether `perceive` and a named success see a goal) of an episode."""
    config, params = with_memory(env, perceive, **options)
    agent, world = ProceduralAgent(config), config.environment
    state = world.begin(WORDS, params.environment)
    for number, action in enumerate(actions, 1):
        state, _, terminated, truncated, _ = world.step_from_words(WORDS, state, jnp.int32(action), params.environment)
        assert not (terminated & truncated)
        if terminated | truncated:
            why = ENDS[int(agent._why(params, state, terminated, truncated))]
            return number, why, bool(world.perceive_state(state, params.environment).predicates[-1])
    return number, "", False


STAY, WALK = [0] * 9, [1] * GOAL + [0] * 9


@pytest.mark.parametrize("five_values", [False, True])
@pytest.mark.parametrize(
    ("own", "ours", "actions", "found"),
    [
        # A goal on the last step: with limits of one below it, equal to it and one above it, theirs and ours.
        (GOAL - 1, None, WALK, (GOAL - 1, "truncated", False)),
        (GOAL, None, WALK, (GOAL, "terminated", True)),
        (GOAL + 1, None, WALK, (GOAL, "terminated", True)),
        (9, GOAL - 1, WALK, (GOAL - 1, "max_steps", False)),
        (9, GOAL, WALK, (GOAL, "terminated", True)),
        (9, GOAL + 1, WALK, (GOAL, "terminated", True)),
        (GOAL, GOAL, WALK, (GOAL, "terminated", True)),
        # No goal: ours one below theirs, equal, one above.
        (6, 5, STAY, (5, "max_steps", False)),
        (6, 6, STAY, (6, "truncated", False)),
        (6, 7, STAY, (6, "truncated", False)),
        (6, None, STAY, (6, "truncated", False)),
    ],
)
def test_a_goal_and_the_limits(five_values, own, ours, actions, found):
    env = Old(Limited(own)) if five_values else Limited(own)
    assert last_step(env, actions, max_steps=ours) == found


def test_a_function_may_ask_whose_limit_it_was():
    config, params = with_memory(Limited(3), perceive, max_steps=3, success=lambda state: state.truncated)
    world = config.environment
    state = world.begin(WORDS, params.environment)
    assert not world.succeeded(state, None)
    for _ in range(3):
        state, *_ = world.step_from_words(WORDS, state, jnp.int32(0), params.environment)
    assert world.succeeded(state, None)


@dataclasses.dataclass(frozen=True)
class Walk(ExplorationPolicy):
    """Walks, or stays, by the agent's random words."""

    def act(self, state, percept, observation, word, params):
        return state, (word >> 31).astype(jnp.int32)


@pytest.mark.slow
def test_rows_and_summaries_tell(tmp_path):
    def rows(own, **options):
        overrides = options.pop("overrides", {})
        config, params = with_memory(
            Limited(own), perceive, exploration=Walk(), use_skills=False, overrides=overrides, **options
        )
        result = train(run_key(0), config, params, 16, 4)
        write_episodes(tmp_path / "episodes.parquet", result.metrics, None)
        words = np.asarray(pyarrow.parquet.read_table(tmp_path / "episodes.parquet")["end"].to_pylist()).reshape(16, 4)
        counts = summarize(result, None, config.library)["ends"]
        assert {word: (words == word).sum(axis=0).tolist() for word in ENDS} == counts
        assert ((words == "terminated") == result.metrics.success).all()
        return words, result.metrics.steps

    for own, options, wanted, most in (
        (7, {}, "truncated", 7),
        (9, {"max_steps": 7}, "max_steps", 7),
        (9, {"overrides": {"step_budget": 7}}, "step_budget", 7),
    ):
        words, steps = rows(own, **options)
        assert set(words.ravel()) == {"terminated", wanted}
        assert 0.2 < (words == wanted).mean() < 0.9 and (steps[words == wanted] >= most).all()
