"""Presets: what they set, and in which order overrides come."""

import pytest

from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.presets import PRESETS, make_experiment, parse_explorer


def test_the_tutorial_preset_keeps_the_quirks():
    config, params = make_experiment("tutorial-5", "tutorial")
    assert config.environment == GridWorld("tutorial")
    assert (config.library.counting, config.library.capacity, config.library.max_skill_length) == ("tutorial", 16, 5)
    assert (config.agent.explorer, config.use_skills, config.agent.code_tables) == ("scripted", True, "per_agent")
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
    assert make_experiment("random-8", "tutorial")[1].agent.step_budget == 4 * 8 * 8


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("task", ["tutorial-4", "tutorial-64", "random-3", "random-64"])
def test_every_preset_fits_every_task(preset, task):
    config, params = make_experiment(task, preset)
    assert config.environment.max_size == params.environment.size == int(task.split("-")[1])
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
    assert (config.agent.explorer, params.environment.size) == ("epsilon", 5)


def test_a_larger_size_makes_room():
    config, params = make_experiment("random-5", "tutorial", overrides={"size": 9})
    assert (config.environment.max_size, params.environment.size) == (9, 9)
    config, params = make_experiment("random-5", "tutorial", overrides={"size": 4, "max_size": 12})
    assert (config.environment.max_size, params.environment.size) == (12, 4)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("scripted", ("scripted", 0.0)),
        ("random", ("random", 0.0)),
        ("epsilon:0", ("epsilon", 0.0)),
        ("epsilon:0.25", ("epsilon", 0.25)),
        ("epsilon:1", ("epsilon", 1.0)),
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
    ],
)
def test_unknown_explorers_list_the_known(text):
    with pytest.raises(
        ValueError, match="explorer='.*' is unknown; choose scripted, random or epsilon:P with P from 0"
    ):
        parse_explorer(text)


def test_unknown_presets_list_the_known():
    with pytest.raises(ValueError, match="preset='voyager' is unknown; choose from .*tutorial"):
        make_experiment(preset="voyager")


@pytest.mark.parametrize(
    ("task", "overrides", "text"),
    [
        ("random-5", {"num_predicates": 4}, "num_predicates=4 differs from the 3 of the world; leave it as it is"),
        ("tutorial-5", {"size": 3}, "size=3 is below 4"),
        ("tutorial-5", {"door_x": 5}, "door_x=5 is above 4"),
        ("random-5", {"size": 65}, "max_size=65 is above 64"),
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
