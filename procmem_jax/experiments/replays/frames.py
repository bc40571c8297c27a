"""An episode as a row of frames: each situation, and what the agent does in it. NumPy on the host."""

import dataclasses
from typing import Any

import jax
import numpy as np

from procmem_jax.agents.recording import TickRecord
from procmem_jax.agents.settings import Config
from procmem_jax.memory.library import EMPTY
from procmem_jax.memory.naming import skill_name

EXPLORING = "exploring"
_ENDINGS = {"terminated": "ended", "truncated": "cut short", "max_steps": "time is up", "step_budget": "gave up"}


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
        env_state: of the environment.
        doing: the name of the skill, "exploring", or what else acts; in the last frame how the episode ended.
        skill: what runs, None if no skill does.
        action: what the agent chooses here, -1 in the last frame.
        reward: of the step that led here, 0 in the first frame.
        episode_return: rewards so far.
        success: whether the episode was one, in the last frame only.
        end: why it ended, one of `ENDS`, in the last frame only.
    """

    step: int
    env_state: Any
    doing: str
    skill: FrameSkill | None
    action: int
    reward: float
    episode_return: float
    success: bool = False
    end: str = ""


def frames_of_episode(records: TickRecord, config: Config, success: bool | None, end: str) -> list[Frame]:
    """Returns the T + 1 frames of an episode of T steps.

    Args:
        records: `[T, ...]` NumPy arrays, all ticks of one episode.
        config: of the run.
        success: whether the episode was one; None where there is no success.
        end: why it ended, one of `ENDS`.
    """
    num_steps = len(records.episode)
    names = config.environment.predicate_names
    rewards = records.transition.reward.astype(np.float64)
    returns = np.concatenate([[0.0], np.cumsum(rewards)])
    acting = config.memory.title
    frames = []
    for step in range(num_steps):
        record = jax.tree.map(lambda column, t=step: column[t], records)
        skill = _skill_of(record, names)
        doing = skill.name if skill else acting if record.transition.memory_acts else EXPLORING
        reward = float(rewards[step - 1]) if step else 0.0
        action = int(record.transition.action)
        frames.append(Frame(step, record.env_state, doing, skill, action, reward, float(returns[step])))
    last = jax.tree.map(lambda column: column[-1], records.transition)
    ending = _success_words(config) if success else _ENDINGS[end]
    if end == "terminated" and success is False:
        ending = f"{ending} without success"
    rest = (EMPTY, float(rewards[-1]), float(returns[-1]), bool(success), end)
    return [*frames, Frame(num_steps, last.env_state, ending, None, *rest)]


def _skill_of(record: TickRecord, predicate_names: tuple[str, ...]) -> FrameSkill | None:
    slot = int(record.transition.running.slot)
    if slot == EMPTY:
        return None
    length, done = int(record.length), int(record.transition.running.cursor)
    end = min(int(record.transition.running.run_length), length)
    actions = [int(action) for action in record.actions[:length]]
    label = int(record.label)
    name = skill_name(label, length, predicate_names)
    return FrameSkill(name, label, slot, done, tuple(actions[done:end]), tuple(actions[end:]))


def _success_words(config: Config) -> str:
    """Returns what is said of a success: the last predicate, where that is what it means."""
    told = getattr(config.environment, "success", None) is None
    return config.environment.predicate_names[-1].replace("_", " ") if told else "success"
