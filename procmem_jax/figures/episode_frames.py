"""The frames of a replayed episode as images: a scene of the world, above it what runs, below it the numbers."""

from collections.abc import Iterator, Sequence

import numpy as np

from procmem_jax.experiments.replays.frames import EXPLORING, Frame
from procmem_jax.experiments.replays.replay import Replay
from procmem_jax.figures import skill_colours
from procmem_jax.figures.grid_scene import GridScene, stuck_action
from procmem_jax.figures.picture_scene import PictureScene, is_foreign

_WIDTH, _HEIGHT, _DPI = 4.0, 4.75, 100  # inches, inches, pixels an inch
_MARGIN = 0.03
_HEAD_LETTERS = 54  # that fit above the scene in letters of 8.5 points
_GREY = "#555555"


def draw_frames(replay: Replay, numbers: Sequence[int] | None = None) -> Iterator[np.ndarray]:
    """Yields images `[H, W, 3]` uint8 of the frames with these numbers, one at a time; by default of all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    side = 1 - 2 * _MARGIN
    axes = figure.add_axes((_MARGIN, 0.085, side, side * _WIDTH / _HEIGHT))
    scene_of = PictureScene if is_foreign(replay.config) else GridScene
    scene, captions = scene_of(axes, replay), _Captions(figure, replay)
    for number in range(len(replay.frames)) if numbers is None else numbers:
        frame = replay.frames[number]
        scene.draw(frame)
        captions.write(frame)
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()


class _Captions:
    """The lines of text around the scene."""

    def __init__(self, figure, replay: Replay):
        from matplotlib.patches import FancyBboxPatch

        self._replay = replay
        head = f"{replay.task}, agent {replay.agent}, episode {replay.episode}"
        style = {"va": "center", "fontsize": 8.5, "color": _GREY}
        smaller = min(1, _HEAD_LETTERS / len(head + self._step_words(len(replay.frames) - 1)))
        top = {**style, "fontsize": smaller * 8.5}
        figure.text(_MARGIN, 0.966, head, **top)
        self._step = figure.text(1 - _MARGIN, 0.966, "", ha="right", **top)
        self._banner = FancyBboxPatch(
            (_MARGIN + 0.012, 0.887), 1 - 2 * _MARGIN - 0.024, 0.044, boxstyle="round,pad=0.008", linewidth=0,
            transform=figure.transFigure, mutation_aspect=_WIDTH / _HEIGHT,
        )  # fmt: skip
        figure.add_artist(self._banner)
        white = {"color": "white", "va": "center", "zorder": 5}
        self._doing = figure.text(_MARGIN + 0.022, 0.9085, "", fontsize=11, fontweight="bold", **white)
        self._detail = figure.text(1 - _MARGIN - 0.022, 0.9085, "", fontsize=9, ha="right", **white)
        self._action = figure.text(_MARGIN, 0.042, "", **style)
        self._reward = figure.text(1 - _MARGIN, 0.042, "", ha="right", **style)

    def _step_words(self, step: int) -> str:
        return f"step {step} of {len(self._replay.frames) - 1}"

    def write(self, frame: Frame) -> None:
        """Writes those of `frame`."""
        self._step.set_text(self._step_words(frame.step))
        self._banner.set_facecolor(frame_colour(frame))
        self._doing.set_text(frame.doing)
        self._detail.set_text(skill_detail(frame))
        self._action.set_text(action_words(self._replay, frame.step))
        self._reward.set_text(f"reward {frame.reward:+.1f}   return {frame.episode_return:+.1f}")


def frame_colour(frame: Frame) -> str:
    """Returns the colour of what the agent does in a frame."""
    if frame.skill is not None:
        return skill_colours.skill_colour(frame.skill.label)
    if frame.action < 0:
        return skill_colours.skill_colour(2) if frame.success else skill_colours.ENDED
    return skill_colours.EXPLORING if frame.doing == EXPLORING else skill_colours.OTHER


def action_words(replay: Replay, number: int) -> str:
    """Returns what frame `number` chooses, and what was carried out in place of the choice before."""
    names = replay.config.environment.action_names
    stuck, action = stuck_action(replay.frames, number), replay.frames[number].action
    words = [f"next: {names[action]}"] if action >= 0 else []
    return "  ".join(words + ([f"(stuck: {names[stuck]})"] if stuck is not None else []))


def skill_detail(frame: Frame) -> str:
    """Returns how far a frame's skill is, in a few words; where no skill runs, why the episode ended if it has."""
    skill = frame.skill
    if skill is None:
        return frame.end
    length = skill.done + len(skill.ahead) + len(skill.beyond)
    if skill.beyond:
        return f"slot {skill.slot}: {len(skill.ahead)} of its {length} steps"
    return f"slot {skill.slot}: step {skill.done + 1} of {length}"
