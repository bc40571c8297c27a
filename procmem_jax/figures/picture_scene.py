"""Another package's world as a scene of an episode: that package's own pictures."""

from collections.abc import Sequence

import numpy as np

from procmem_jax.agents.settings import Config
from procmem_jax.envs.gridworld import GridWorldConfig
from procmem_jax.experiments.frames import Frame
from procmem_jax.experiments.replay import Replay


class PictureScene:
    """Draws the frames of one replay into one matplotlib axes."""

    def __init__(self, axes, replay: Replay):
        self._replay = replay
        axes.set_axis_off()
        self._image = axes.imshow(_picture(replay, replay.frames[0]), interpolation="nearest")

    def draw(self, frame: Frame) -> None:
        """Draws `frame` in the place of the one before."""
        self._image.set_data(_picture(self._replay, frame))


def is_foreign(config: Config) -> bool:
    """Whether the run's world is another package's."""
    return not isinstance(config.world, GridWorldConfig)


def check_drawable(config: Config) -> None:
    """Raises a ValueError unless the run's world is one that can be drawn."""
    if is_foreign(config) and not config.world.has_picture:
        raise ValueError("this world has no picture(state, params) of its own; read its episodes with --text")


def picture_colours(replay: Replay, numbers: Sequence[int]) -> np.ndarray:
    """Returns the colours of the pictures of some frames, the most frequent first, `[K, 3]` uint8."""
    counts: dict[bytes, int] = {}
    for number in numbers:
        pixels = _picture(replay, replay.frames[number]).reshape(-1, 3)
        for colour, count in zip(*np.unique(pixels, axis=0, return_counts=True), strict=True):
            counts[colour.tobytes()] = counts.get(colour.tobytes(), 0) + int(count)
    ordered = sorted(counts, key=lambda colour: (-counts[colour], colour))
    return np.frombuffer(b"".join(ordered), np.uint8).reshape(-1, 3)


def _picture(replay: Replay, frame: Frame) -> np.ndarray:
    return replay.config.world.picture(frame.world, replay.params.world)
