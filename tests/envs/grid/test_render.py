"""Pictures of a grid, as text drawn here and as pixels."""

import numpy as np
import pytest

from envs.worlds import make_layout, make_state
from procmem_jax.envs.grid.render import render_rgb, render_text
from procmem_jax.envs.grid.world import GridWorldParams

PARAMS = GridWorldParams(size=4)
# Start (0, 0), key (2, 0), door (3, 1), goal (3, 3), box (1, 3).
LAYOUT = [0, 0, 2, 0, 3, 1, 3, 3, 1, 3]
COLOURS = {
    "agent": [31, 119, 180],
    "key": [230, 171, 2],
    "door closed": [140, 86, 75],
    "door open": [199, 169, 150],
    "goal": [44, 160, 44],
    "box": [127, 127, 127],
    "empty": [255, 255, 255],
}


def state(x, y, has_key=False, door_open=False):
    return make_state(x, y, has_key, door_open, make_layout(LAYOUT))


def test_text_at_the_start():
    assert render_text(state(0, 0), PARAMS) == "\n".join([
        ". b . G",
        ". . . .",
        ". . . D",
        "A . k .",
    ])  # fmt: skip


def test_text_with_key_taken_and_door_open():
    assert render_text(state(1, 2, True, True), PARAMS) == "\n".join([
        ". b . G",
        ". A . .",
        ". . . d",
        ". . . .",
    ])  # fmt: skip


def test_text_shows_the_agent_on_top():
    assert render_text(state(3, 3), PARAMS).splitlines()[0] == ". b . A"
    assert render_text(state(2, 0), PARAMS).splitlines()[-1] == ". . A ."


def pixel(picture, x, y, cell_pixels, offset):
    """The colour at `offset` from the upper left corner of cell (x, y), y upwards."""
    return picture[(PARAMS.size - 1 - y) * cell_pixels + offset, x * cell_pixels + offset].tolist()


@pytest.mark.parametrize("cell_pixels", (6, 7, 8, 32))
def test_pixels_of_every_thing(cell_pixels):
    picture = render_rgb(state(0, 2), PARAMS, cell_pixels=cell_pixels)
    assert picture.shape == (4 * cell_pixels, 4 * cell_pixels, 3) and picture.dtype == np.uint8
    middle = cell_pixels // 2
    for what, cell in (("agent", (0, 2)), ("key", (2, 0)), ("door closed", (3, 1)), ("goal", (3, 3)), ("box", (1, 3)),
                       ("empty", (1, 1)), ("empty", (0, 0)), ("empty", (2, 2))):  # fmt: skip
        assert pixel(picture, *cell, cell_pixels, middle) == COLOURS[what], what


def test_the_key_goes_and_the_door_opens():
    picture = render_rgb(state(0, 2, True, True), PARAMS)
    assert pixel(picture, 2, 0, 32, 16) == COLOURS["empty"]
    assert pixel(picture, 3, 1, 32, 16) == COLOURS["door open"]


@pytest.mark.parametrize("cell_pixels", (6, 7, 8, 32))
def test_what_the_agent_stands_on_stays_visible(cell_pixels):
    picture = render_rgb(state(2, 0), PARAMS, cell_pixels=cell_pixels)
    assert pixel(picture, 2, 0, cell_pixels, cell_pixels // 2) == COLOURS["agent"]
    assert pixel(picture, 2, 0, cell_pixels, cell_pixels - 2) == COLOURS["key"]


def test_the_smallest_picture_and_the_error_below_it():
    assert render_rgb(state(0, 0), PARAMS, cell_pixels=4).shape == (16, 16, 3)
    with pytest.raises(ValueError, match="^cell_pixels=3 is below 4; give at least 4$"):
        render_rgb(state(0, 0), PARAMS, cell_pixels=3)
