"""The frames of a replayed episode as text, for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any

from procmem_jax.envs.grid.actions import action_symbol
from procmem_jax.envs.grid.render import render_text
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.envs.protocol import Environment
from procmem_jax.experiments.replays.frames import Frame
from procmem_jax.experiments.replays.replay import Replay
from procmem_jax.figures.grid_scene import stuck_action


def text_frames(replay: Replay) -> Iterator[str]:
    """Yields every frame: a line that says what happens and what the running skill holds, and the scene below.

    That is the grid, or what holds in another package's world.
    """
    world = replay.config.environment
    last = len(replay.frames) - 1
    for number, frame in enumerate(replay.frames):
        stuck = stuck_action(replay.frames, number)
        parts = [f"step {number} of {last}", f"reward {frame.reward:+.1f}", f"return {frame.episode_return:+.1f}"]
        parts += [f"stuck: {world.action_names[stuck]}"] if stuck is not None else []
        parts.append(_doing(frame, world.action_names))
        yield f"{'  '.join(parts)}\n{_scene(world, replay.params.environment, frame)}"


def _scene(world: Environment, params: Any, frame: Frame) -> str:
    if isinstance(world, GridWorld):
        return render_text(frame.env_state, params, walls=world.has_walls)
    holding = world.perceive_state(frame.env_state, params).predicates
    return "  ".join(
        f"[{'x' if holds else ' '}] {name}" for name, holds in zip(world.predicate_names, holding, strict=True)
    )


def _doing(frame: Frame, names: Sequence[str]) -> str:
    """Returns what runs, with the actions that are to come; those that the skill holds beyond stand in brackets."""
    if frame.skill is None:
        rest = action_symbol(names[frame.action]) if frame.action >= 0 else f"({frame.end})"
        return f"{frame.doing} {rest}"
    parts = (frame.skill.ahead, frame.skill.beyond)
    ahead, beyond = (" ".join(action_symbol(names[action]) for action in part) for part in parts)
    return f"{frame.doing} (slot {frame.skill.slot}) {ahead}" + (f" [{beyond}]" if beyond else "")
