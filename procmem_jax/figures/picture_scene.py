"""Another package's world as a scene of an episode: that package's own pictures."""

import collections
from collections.abc import Sequence

import numpy as np

from procmem_jax.agents.settings import Config
from procmem_jax.envs.grid.world import GridWorld
from procmem_jax.experiments.replays.frames import Frame
from procmem_jax.experiments.replays.replay import Replay
from procmem_jax.figures.gif import pack_colours, unpack_colours


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
    return not isinstance(config.environment, GridWorld)


def check_drawable(config: Config) -> None:
    """Raises a ValueError unless the run's world is one that can be drawn."""
    if is_foreign(config) and not config.environment.has_picture:
        raise ValueError("this world has no picture(state, params) of its own; read its episodes with --text")


def picture_colours(replay: Replay, numbers: Sequence[int]) -> np.ndarray:
    """Returns the colours of the pictures of some frames, the most frequent first, `[K, 3]` uint8."""
    counts: collections.Counter[int] = collections.Counter()
    for number in numbers:
        found, times = np.unique(pack_colours(_picture(replay, replay.frames[number])), return_counts=True)
        counts.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
    ordered = sorted(counts, key=lambda colour: (-counts[colour], colour))
    return unpack_colours(np.asarray(ordered, np.uint32))


def _picture(replay: Replay, frame: Frame) -> np.ndarray:
    return replay.config.environment.picture(frame.env_state, replay.params.environment)
