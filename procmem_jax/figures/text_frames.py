"""The frames of a replayed episode as text, for a terminal."""

from collections.abc import Iterator

from procmem_jax.envs.actions import ACTION_NAMES, ACTION_SYMBOLS
from procmem_jax.envs.gridworld import GridWorld
from procmem_jax.envs.render import render_text
from procmem_jax.experiments.frames import Frame
from procmem_jax.experiments.replay import Replay
from procmem_jax.figures.grid_scene import stuck_action


def text_frames(replay: Replay) -> Iterator[str]:
    """Yields every frame: a line of what happens, what the running skill holds, and the grid below."""
    walls = GridWorld(replay.config.world).has_walls
    last = len(replay.frames) - 1
    for number, frame in enumerate(replay.frames):
        stuck = stuck_action(replay.frames, number)
        parts = [f"step {number} of {last}", f"reward {frame.reward:+.1f}", f"return {frame.episode_return:+.1f}"]
        parts += [f"stuck: {ACTION_NAMES[stuck]}"] if stuck is not None else []
        yield "\n".join(
            ["  ".join([*parts, _doing(frame)]), render_text(frame.world, replay.params.world, walls=walls)]
        )


def _doing(frame: Frame) -> str:
    """Returns what runs, with the actions that are to come; those that the skill holds beyond stand in brackets."""
    if frame.skill is None:
        return f"{frame.doing} {ACTION_SYMBOLS[frame.action]}" if frame.action >= 0 else frame.doing
    ahead, beyond = (" ".join(ACTION_SYMBOLS[action] for action in part)
                     for part in (frame.skill.ahead, frame.skill.beyond))  # fmt: skip
    return f"{frame.doing} (slot {frame.skill.slot}) {ahead}" + (f" [{beyond}]" if beyond else "")
