"""Frames of a handmade episode: what acts, what a skill has left, rewards, and how it ended."""

import dataclasses

import numpy as np
import pytest

from envs.corridor import NAMES, Corridor, perceive
from procmem_jax.agents.procedural import Transition
from procmem_jax.agents.q_learning import QLearning
from procmem_jax.agents.recording import TickRecord
from procmem_jax.envs.foreign.adapted import adapt
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays.frames import FrameSkill, frames_of_episode
from procmem_jax.memory.protocol import Running

CONFIG, _ = make_experiment("random-5")
# Exploring, then the first step of a skill of three, then a whole skill of two in another slot that ends the episode.
SLOTS, CURSORS, RUN_LENGTHS = [-1, 4, 0, 0], [0, 0, 0, 1], [0, 1, 2, 2]
LABELS, LENGTHS, HELD = [-1, -1, 2, 2], [0, 3, 2, 2], [[0, 0, 0], [2, 3, 4], [0, 1, 7], [0, 1, 7]]


def records():
    def column(values, dtype=np.int32):
        return np.asarray(values, dtype)

    transition = Transition(
        action=column([5, 2, 0, 1]),
        env_state=column([11, 12, 13, 14]),
        reward=column([-0.5, 1.0, -0.5, 10.0], np.float32),
        terminated=column([False] * 3 + [True], np.bool_),
        truncated=np.zeros(4, np.bool_),
        active=np.ones(4, np.bool_),
        memory_acts=column(SLOTS) >= 0,
        running=Running(column(SLOTS), column(CURSORS), column(RUN_LENGTHS)),
    )
    held = (column(LABELS, np.int8), column(LENGTHS, np.int8), column(HELD, np.int8))
    return TickRecord(np.full(4, 6), column([10, 11, 12, 13]), transition, *held)


def test_frames_by_hand():
    frames = frames_of_episode(records(), CONFIG, True, "terminated")
    assert [frame.step for frame in frames] == [0, 1, 2, 3, 4]
    assert [int(frame.env_state) for frame in frames] == [10, 11, 12, 13, 14]
    assert [frame.doing for frame in frames] == [
        "exploring", "navigate_3_steps", "reach_goal", "reach_goal", "goal reached",
    ]  # fmt: skip
    assert [frame.action for frame in frames] == [5, 2, 0, 1, -1]
    assert [frame.reward for frame in frames] == [0, -0.5, 1, -0.5, 10]
    assert [frame.episode_return for frame in frames] == [0, -0.5, 0.5, 0, 10]
    assert [frame.success for frame in frames] == [False] * 4 + [True]
    assert [frame.end for frame in frames] == [""] * 4 + ["terminated"]
    assert [frame.skill for frame in frames] == [
        None,
        FrameSkill("navigate_3_steps", -1, 4, 0, (2,), (3, 4)),
        FrameSkill("reach_goal", 2, 0, 0, (0, 1), ()),
        FrameSkill("reach_goal", 2, 0, 1, (1,), ()),
        None,
    ]


@pytest.mark.parametrize(
    ("end", "success", "ending"),
    [
        ("terminated", True, "goal reached"),
        ("terminated", False, "ended without success"),
        ("terminated", None, "ended"),
        ("truncated", True, "goal reached"),
        ("truncated", None, "cut short"),
        ("max_steps", False, "time is up"),
        ("step_budget", None, "gave up"),
    ],
)
def test_endings(end, success, ending):
    last = frames_of_episode(records(), CONFIG, success, end)[-1]
    assert (last.doing, last.end, last.success) == (ending, end, success is True)


def test_a_success_that_is_not_the_last_predicate_is_not_called_so():
    environment, _ = adapt(
        Corridor(), perceive, None, action_names="abcdef", predicate_names=NAMES, episode_limit=9, success="terminated"
    )
    config = dataclasses.replace(CONFIG, environment=environment)
    exploring = dataclasses.replace(records(), label=np.full(4, -1))
    assert frames_of_episode(exploring, config, True, "terminated")[-1].doing == "success"


def test_a_memory_without_skills_is_named():
    bare = records()
    running = dataclasses.replace(bare.transition.running, slot=np.full(4, -1))
    acting = dataclasses.replace(bare.transition, running=running)
    frames = frames_of_episode(
        dataclasses.replace(bare, transition=acting),
        dataclasses.replace(CONFIG, memory=QLearning()),
        True,
        "terminated",
    )
    assert [frame.doing for frame in frames] == ["exploring", *["Q-learning"] * 3, "goal reached"]
    assert all(frame.skill is None for frame in frames)
