"""Pictures of an episode, as arrays and as a GIF that other programs read."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from figures.handmade_replay import handmade_replay
from procmem_jax import Percept
from procmem_jax.envs.foreign.adapted import AdaptedEnvironment, AdaptedState, PerceivedState
from procmem_jax.experiments.replays.frames import Frame
from procmem_jax.figures import skill_colours
from procmem_jax.figures.episode_frames import action_words, draw_frames, frame_colour, skill_detail
from procmem_jax.figures.gif import write_gif
from procmem_jax.figures.grid_scene import AGENT, DOOR, GOAL, KEY, OPEN, WALL
from procmem_jax.figures.picture_scene import check_drawable, picture_colours
from procmem_jax.figures.replay import frames_to_draw, plot_replay
from procmem_jax.figures.text_frames import text_frames


def colour(text):
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


def num_pixels(image, text):
    return int(np.sum(np.all(image == colour(text), axis=-1)))


@pytest.fixture(scope="module")
def replay():
    return handmade_replay()


@pytest.fixture(scope="module")
def images(replay):
    return list(draw_frames(replay))


def test_what_is_in_the_pictures(images):
    assert all(image.shape == (475, 400, 3) and image.dtype == np.uint8 for image in images)
    for image in images:
        for thing in (AGENT, DOOR, GOAL, WALL):
            assert num_pixels(image, thing) > 100, thing
        assert num_pixels(image, OPEN) == 0
    keys = [num_pixels(image, KEY) for image in images]
    assert min(keys[0], keys[2]) > 50 and keys[0] > 1.5 * max(keys[2:])  # on the floor, then small, carried
    fetch, opens = skill_colours.skill_colour(0), skill_colours.skill_colour(1)
    assert [num_pixels(image, fetch) > 1000 for image in images] == [True, True, False, False, False]
    assert [num_pixels(image, opens) > 1000 for image in images] == [False, False, True, False, False]
    banner = [num_pixels(image, skill_colours.EXPLORING) > 1000 for image in images]
    assert banner == [False, False, False, True, False]


def test_the_plan_of_a_skill_is_drawn(replay, images):
    """Below the banner the colour of the skill appears: in its path, and around an agent that acts where it stands."""
    fetch = skill_colours.skill_colour(0)
    plans = [num_pixels(image[60:], fetch) for image in images]
    assert min(plans[:2]) > 50 and plans[2:] == [0, 0, 0]
    beyond = dataclasses.replace(replay.frames[2], skill=dataclasses.replace(replay.frames[2].skill, beyond=()))
    frames = [*replay.frames[:2], beyond, *replay.frames[3:]]
    [shorter] = draw_frames(dataclasses.replace(replay, frames=frames), [2])
    opens = skill_colours.skill_colour(1)
    assert 50 < num_pixels(shorter[60:], opens) < num_pixels(images[2][60:], opens)


def test_a_frame_does_not_depend_on_those_before(replay, images):
    for number in (4, 2):
        [alone] = draw_frames(replay, [number])
        np.testing.assert_array_equal(alone, images[number])


def test_an_open_door_looks_otherwise(replay):
    world = dataclasses.replace(replay.frames[4].env_state, door_open=np.bool_(True))
    frames = [*replay.frames[:4], dataclasses.replace(replay.frames[4], env_state=world)]
    [image] = draw_frames(dataclasses.replace(replay, frames=frames), [4])
    assert num_pixels(image, OPEN) > 100


def test_words(replay):
    frames = replay.frames
    assert [skill_detail(frame) for frame in frames] == [
        "slot 7: step 1 of 2", "slot 7: step 2 of 2", "slot 9: 1 of its 3 steps", "", "max_steps",
    ]  # fmt: skip
    assert action_words(replay, 0) == "next: move_up"
    assert action_words(replay, 4) == "(stuck: move_right)"
    ended = dataclasses.replace(frames[4], success=True)
    other = Frame(0, None, "Q-learning", None, 1, 0.0, 0.0)
    colours = [frame_colour(frame) for frame in (frames[0], frames[3], frames[4], ended, other)]
    assert len(set(colours)) == 5


def test_the_gif_holds_every_frame(replay, images, tmp_path):
    path = tmp_path / "a.gif"
    assert plot_replay(replay, path, fps=5) == 5
    with Image.open(path) as gif:
        assert (gif.format, gif.n_frames, gif.size, gif.info["loop"]) == ("GIF", 5, (400, 475), 0)
        shown, durations = [], []
        for number in range(gif.n_frames):
            gif.seek(number)
            durations.append(gif.info["duration"])
            shown.append(np.asarray(gif.convert("RGB")).astype(int))
    assert durations == [200] * 4 + [1700]
    for image, seen in zip(images, shown, strict=True):
        assert np.abs(image - seen).max() < 60 and np.abs(image - seen).mean() < 1  # a palette of 256
        white = np.all(image == 255, axis=-1)
        assert (seen[white] == 255).all()
    assert all((one != other).any() for one, other in zip(shown, shown[1:], strict=False))
    assert [found.name for found in tmp_path.iterdir()] == ["a.gif"]


def test_a_failure_while_drawing_leaves_the_file_as_it_was(tmp_path, images):
    (tmp_path / "a.gif").write_bytes(b"mine")

    def fail():
        yield images[0]
        raise OSError("in the middle")

    with pytest.raises(OSError, match="in the middle"):
        write_gif(tmp_path / "a.gif", fail(), ["#123456"], fps=4, pause=0)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.gif", b"mine")]


def test_colours_of_the_palette_come_back_as_they_are(tmp_path):
    names = ["#D55E00", "#009E73", "#FFFFFF", "#000000"]
    image = np.asarray([[colour(name) for name in names]], np.uint8)
    write_gif(tmp_path / "a.gif", [image, image[:, ::-1]], names[:2], fps=10, pause=0)
    with Image.open(tmp_path / "a.gif") as gif:
        np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), image)
        gif.seek(1)
        np.testing.assert_array_equal(np.asarray(gif.convert("RGB")), image[:, ::-1])


@pytest.mark.parametrize(
    ("num_frames", "every", "numbers"),
    [
        (4, None, [0, 1, 2, 3]),
        (1, None, [0]),
        (4, 2, [0, 2, 3]),
        (5, 2, [0, 2, 4]),
        (5, 9, [0, 4]),
        (600, None, list(range(600))),
        (601, None, list(range(0, 601, 2))),
    ],
)
def test_which_frames_are_drawn(num_frames, every, numbers):
    assert frames_to_draw(num_frames, every) == numbers


def foreign_replay(replay, env):
    """The same frames in another package's world, whose state is the number of the frame."""
    world = AdaptedEnvironment(env, None, ("up", "down", "left", "right", "jump", "sit"), ("fed", "home"), 2, ())
    no = np.bool_(False)
    frames = []
    for frame in replay.frames:
        predicates = np.asarray([frame.step > 1, False])
        percept = Percept(predicates, np.zeros(2, np.float32), np.uint32(frame.step))
        state = PerceivedState(AdaptedState(np.int32(frame.step), no, no, np.int32(frame.step)), percept)
        frames.append(dataclasses.replace(frame, env_state=state))
    return dataclasses.replace(replay, config=dataclasses.replace(replay.config, environment=world), frames=frames)


class Painted:
    """Its picture is two squares: one of a colour of its own, and one that tells the state."""

    def picture(self, state, params):
        cells = np.asarray([[[1, 2, 3], [200, 10 * int(state), 7]]], np.uint8)
        return cells.repeat(10, axis=0).repeat(5, axis=1)


def test_the_picture_of_a_foreign_world_is_drawn(replay, tmp_path):
    foreign = foreign_replay(replay, Painted())
    check_drawable(foreign.config)
    path = tmp_path / "a.gif"
    assert plot_replay(foreign, path, fps=5) == 5
    with Image.open(path) as gif:
        for number in range(5):
            gif.seek(number)
            image = np.asarray(gif.convert("RGB"))
            for exact in ("#010203", f"#C8{10 * number:02X}07"):
                assert num_pixels(image, exact) > 10_000
            assert (num_pixels(image[:60], skill_colours.skill_colour(0)) > 1000) == (number < 2)  # the banner


def test_colours_of_pictures_come_by_their_frequency(replay):
    foreign = foreign_replay(replay, Painted())
    assert picture_colours(foreign, [4, 2]).tolist() == [[1, 2, 3], [200, 20, 7], [200, 40, 7]]


def test_a_world_without_a_picture_is_refused(replay):
    check_drawable(replay.config)
    with pytest.raises(ValueError, match="^this world has no picture.* --text$"):
        check_drawable(foreign_replay(replay, object()).config)


def test_a_long_name_leaves_room_for_the_steps(replay):
    [image] = draw_frames(dataclasses.replace(replay, task="navix:Navix-DoorKey-Random-16x16-v0", episode=19999), [0])
    line = np.any(image[8:24] < 200, axis=(0, 2))
    gaps = np.diff(np.flatnonzero(line))
    assert gaps.max() > 8 and line.nonzero()[0].max() < 395


def test_what_holds_in_a_foreign_world_is_told_in_text(replay):
    told = list(text_frames(foreign_replay(replay, object())))
    assert [text.splitlines()[1] for text in told[1:3]] == ["[ ] fed  [ ] home", "[x] fed  [ ] home"]
    assert told[0].splitlines()[0].endswith("acquire_key (slot 7) ↑ jump")
    assert "stuck" not in "".join(told)
