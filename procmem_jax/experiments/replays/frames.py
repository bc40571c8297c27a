"""An episode as a row of frames: each situation, and what the agent does in it. NumPy on the host."""

import dataclasses
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.recording import Moment
from procmem_jax.agents.settings import Config
from procmem_jax.envs.protocol import make_world
from procmem_jax.memory.library import EMPTY
from procmem_jax.memory.naming import skill_name

EXPLORING = "exploring"
_MEMORIES = {"q_learning": "Q-learning"}  # memories that act without skills


@dataclasses.dataclass(frozen=True)
class FrameSkill:
    """The skill that runs in a frame.

    Attributes:
        name: see `skill_name`.
        label: the predicate that names it, -1 for none.
        slot: its slot in the library at that time.
        done: actions of it already taken.
        ahead: actions that it is going to take, as things stand.
        beyond: actions behind these, which it holds but is not going to take: where the situation is only similar to
            the one it was learned in, the default memory takes the first step of a skill and looks again.
    """

    name: str
    label: int
    slot: int
    done: int
    ahead: tuple[int, ...]
    beyond: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Frame:
    """One situation of an episode.

    Attributes:
        step: steps taken so far.
        world: the world's state.
        doing: the name of the skill, "exploring", or what else acts; in the last frame how the episode ended.
        skill: what runs, None if no skill does.
        action: what the agent chooses here, -1 in the last frame.
        reward: of the step that led here, 0 in the first frame.
        episode_return: rewards so far.
        success: whether the last predicate has come true, in the last frame only.
    """

    step: int
    world: Any
    doing: str
    skill: FrameSkill | None
    action: int
    reward: float
    episode_return: float
    success: bool = False


def frames_of_episode(moments: Moment, config: Config, success: bool) -> list[Frame]:
    """Returns the T + 1 frames of an episode of T steps.

    Args:
        moments: `[T, ...]` NumPy arrays, all ticks of one episode.
        config: of the run.
        success: whether the episode was one.
    """
    num_steps = len(moments.episode)
    names = make_world(config.world).predicate_names
    rewards = moments.transition.reward.astype(np.float64)
    returns = np.concatenate([[0.0], np.cumsum(rewards)])
    acting = _MEMORIES.get(config.agent.memory, config.agent.memory)
    frames = []
    for step in range(num_steps):
        moment = jax.tree.map(lambda column, t=step: column[t], moments)
        skill = _skill_of(moment, names)
        doing = skill.name if skill else acting if moment.transition.memory_acts else EXPLORING
        reward = float(rewards[step - 1]) if step else 0.0
        action = int(moment.transition.action)
        frames.append(Frame(step, moment.world, doing, skill, action, reward, float(returns[step])))
    last = jax.tree.map(lambda column: column[-1], moments.transition)
    ending = _ending(bool(last.terminated), bool(last.truncated), success, names[-1])
    end = Frame(num_steps, last.world, ending, None, EMPTY, float(rewards[-1]), float(returns[-1]), success)
    return [*frames, end]


def _skill_of(moment: Moment, predicate_names: tuple[str, ...]) -> FrameSkill | None:
    slot = int(moment.transition.running.slot)
    if slot == EMPTY:
        return None
    length, done = int(moment.length), int(moment.transition.running.cursor)
    end = min(int(moment.transition.running.run_length), length)
    actions = [int(action) for action in moment.actions[:length]]
    label = int(moment.label)
    name = skill_name(label, length, predicate_names)
    return FrameSkill(name, label, slot, done, tuple(actions[done:end]), tuple(actions[end:]))


def _ending(terminated: bool, truncated: bool, success: bool, goal: str) -> str:
    if success:
        return goal.replace("_", " ")
    if terminated:
        return "ended without success"
    return "time is up" if truncated else "gave up"
