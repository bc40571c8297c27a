"""A replayed episode as an animated GIF."""

import pathlib

from procmem_jax.experiments.replays.replay import Replay
from procmem_jax.figures.episode_frames import draw_frames
from procmem_jax.figures.gif import write_gif
from procmem_jax.figures.grid_scene import SCENE_COLOURS
from procmem_jax.figures.picture_scene import is_foreign, picture_colours
from procmem_jax.figures.skill_colours import all_colours

_MOST_FRAMES = 600  # drawn takes 40 seconds, a few MB, and 110 MB of memory
_PAUSE = 1.5  # seconds


def frames_to_draw(num_frames: int, every: int | None) -> list[int]:
    """Returns the numbers of the frames to draw: each `every`-th, and the last.

    Args:
        num_frames: of the episode.
        every: None for every frame, or for as many as make no more than 600.
    """
    every = -(-num_frames // _MOST_FRAMES) if every is None else every
    numbers = list(range(0, num_frames, every))
    return numbers if numbers[-1] == num_frames - 1 else [*numbers, num_frames - 1]


def plot_replay(replay: Replay, path: pathlib.Path, *, fps: float, every: int | None = None) -> int:
    """Writes the GIF and returns how many frames it has.

    Args:
        replay: the episode.
        path: of the file.
        fps: frames a second.
        every: steps from one frame to the next; by default one, in long episodes more.
    """
    numbers = frames_to_draw(len(replay.frames), every)
    images, timing = draw_frames(replay, numbers), {"fps": fps, "pause": _PAUSE}
    if is_foreign(replay.config):
        write_gif(path, images, all_colours(), exact=picture_colours(replay, numbers), **timing)
    else:
        write_gif(path, images, [*SCENE_COLOURS, *all_colours()], **timing)
    return len(numbers)
