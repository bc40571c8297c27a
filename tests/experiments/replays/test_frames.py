"""Frames of a handmade episode: what acts, what a skill has left, rewards, and how it ended."""

import dataclasses

import numpy as np
import pytest

from procmem_jax.agents.procedural import Transition
from procmem_jax.agents.q_learning import QLearning
from procmem_jax.agents.recording import TickRecord
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.replays.frames import FrameSkill, frames_of_episode
from procmem_jax.memory.protocol import Running

CONFIG, _ = make_experiment("random-5")
# Exploring, then the first step of a skill of three, then a whole skill of two in another slot that ends the episode.
SLOTS, CURSORS, RUN_LENGTHS = [-1, 4, 0, 0], [0, 0, 0, 1], [0, 1, 2, 2]
LABELS, LENGTHS, HELD = [-1, -1, 2, 2], [0, 3, 2, 2], [[0, 0, 0], [2, 3, 4], [0, 1, 7], [0, 1, 7]]


def records(terminated=True, truncated=False):
    def column(values, dtype=np.int32):
        return np.asarray(values, dtype)

    last = [False] * 3
    transition = Transition(
        action=column([5, 2, 0, 1]),
        env_state=column([11, 12, 13, 14]),
        reward=column([-0.5, 1.0, -0.5, 10.0], np.float32),
        terminated=column([*last, terminated], np.bool_),
        truncated=column([*last, truncated], np.bool_),
        active=np.ones(4, np.bool_),
        memory_acts=column(SLOTS) >= 0,
        running=Running(column(SLOTS), column(CURSORS), column(RUN_LENGTHS)),
    )
    held = (column(LABELS, np.int8), column(LENGTHS, np.int8), column(HELD, np.int8))
    return TickRecord(np.full(4, 6), column([10, 11, 12, 13]), transition, *held)


def test_frames_by_hand():
    frames = frames_of_episode(records(), CONFIG, success=True)
    assert [frame.step for frame in frames] == [0, 1, 2, 3, 4]
    assert [int(frame.env_state) for frame in frames] == [10, 11, 12, 13, 14]
    assert [frame.doing for frame in frames] == [
        "exploring", "navigate_3_steps", "reach_goal", "reach_goal", "goal reached",
    ]  # fmt: skip
    assert [frame.action for frame in frames] == [5, 2, 0, 1, -1]
    assert [frame.reward for frame in frames] == [0, -0.5, 1, -0.5, 10]
    assert [frame.episode_return for frame in frames] == [0, -0.5, 0.5, 0, 10]
    assert [frame.success for frame in frames] == [False] * 4 + [True]
    assert [frame.skill for frame in frames] == [
        None,
        FrameSkill("navigate_3_steps", -1, 4, 0, (2,), (3, 4)),
        FrameSkill("reach_goal", 2, 0, 0, (0, 1), ()),
        FrameSkill("reach_goal", 2, 0, 1, (1,), ()),
        None,
    ]


@pytest.mark.parametrize(
    ("terminated", "truncated", "success", "ending"),
    [
        (True, False, True, "goal reached"),
        (True, False, False, "ended without success"),
        (False, True, False, "time is up"),
        (False, False, False, "gave up"),
    ],
)
def test_endings(terminated, truncated, success, ending):
    assert frames_of_episode(records(terminated, truncated), CONFIG, success)[-1].doing == ending


def test_a_memory_without_skills_is_named():
    bare = records()
    running = dataclasses.replace(bare.transition.running, slot=np.full(4, -1))
    acting = dataclasses.replace(bare.transition, running=running)
    frames = frames_of_episode(
        dataclasses.replace(bare, transition=acting), dataclasses.replace(CONFIG, memory=QLearning()), True
    )
    assert [frame.doing for frame in frames] == ["exploring", *["Q-learning"] * 3, "goal reached"]
    assert all(frame.skill is None for frame in frames)
