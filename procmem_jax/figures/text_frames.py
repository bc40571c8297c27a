"""The frames of a replayed episode as text, for a terminal."""

from collections.abc import Iterator, Sequence

from procmem_jax.envs.actions import action_symbol
from procmem_jax.envs.gridworld import GridWorld
from procmem_jax.envs.render import render_text
from procmem_jax.experiments.frames import Frame
from procmem_jax.experiments.replay import Replay
from procmem_jax.figures.grid_scene import stuck_action


def text_frames(replay: Replay) -> Iterator[str]:
    """Yields every frame: a line that says what happens and what the running skill holds, and the grid below."""
    world = GridWorld(replay.config.world)
    last = len(replay.frames) - 1
    for number, frame in enumerate(replay.frames):
        stuck = stuck_action(replay.frames, number)
        parts = [f"step {number} of {last}", f"reward {frame.reward:+.1f}", f"return {frame.episode_return:+.1f}"]
        parts += [f"stuck: {world.action_names[stuck]}"] if stuck is not None else []
        parts.append(_doing(frame, world.action_names))
        grid = render_text(frame.world, replay.params.world, walls=world.has_walls)
        yield f"{'  '.join(parts)}\n{grid}"


def _doing(frame: Frame, names: Sequence[str]) -> str:
    """Returns what runs, with the actions that are to come; those that the skill holds beyond stand in brackets."""
    if frame.skill is None:
        return f"{frame.doing} {action_symbol(names[frame.action])}" if frame.action >= 0 else frame.doing
    parts = (frame.skill.ahead, frame.skill.beyond)
    ahead, beyond = (" ".join(action_symbol(names[action]) for action in part) for part in parts)
    return f"{frame.doing} (slot {frame.skill.slot}) {ahead}" + (f" [{beyond}]" if beyond else "")
