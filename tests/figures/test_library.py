"""The figure of a library, small and full."""

import dataclasses

import jax
import numpy as np
import pytest
from PIL import Image

from experiments.handmade_libraries import CONFIG, EMBEDDING, handmade_libraries
from procmem_jax.envs.grid.actions import ACTION_NAMES
from procmem_jax.envs.grid.world import PREDICATE_NAMES
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.figures import library as figure
from procmem_jax.figures.library import plot_library
from procmem_jax.memory.library import empty
from procmem_jax.memory.settings import LibraryConfig


def saved(libraries=None, config=CONFIG, **changes):
    libraries = handmade_libraries() if libraries is None else libraries
    agents = tuple(range(len(libraries.clock)))
    made = SavedLibraries(libraries, config, EMBEDDING, PREDICATE_NAMES, ACTION_NAMES, agents, {})
    return dataclasses.replace(made, **changes)


def full_library(capacity=128):
    """One agent whose every slot holds a skill, in three groups."""
    config = LibraryConfig(capacity=capacity, embedding_size=4, max_skill_length=8)
    blank = jax.tree.map(lambda array: np.array(array)[None], jax.device_get(empty(config)))
    rng, slots = np.random.default_rng(0), np.arange(capacity)
    labels = (slots % 3).astype(np.int8)[None]
    reached = np.arange(3)[None, None] < labels[..., None]
    uses = rng.geometric(0.02, capacity).astype(np.int32)[None]
    counts = {"use_counts": uses, "success_counts": uses // 2, "failure_counts": uses - uses // 2}
    conditions = {"pre_mask": np.ones_like(reached), "pre_value": reached}
    actions = rng.integers(0, 6, (1, capacity, 8)).astype(np.int8)
    lengths = rng.integers(1, 9, (1, capacity)).astype(np.int8)
    names = {"skill_ids": slots.astype(np.int32)[None], "next_id": np.asarray([capacity], np.int32)}
    changes = {"labels": labels, "actions": actions, "lengths": lengths, **counts, **conditions, **names}
    return saved(dataclasses.replace(blank, **changes), config)


@pytest.mark.slow
def test_a_full_library_fits_on_a_page(tmp_path, monkeypatch):
    drawn = []
    draw = figure.draw_path
    monkeypatch.setattr(
        figure, "draw_path", lambda axes, *rest, **style: (drawn.append(axes), draw(axes, *rest, **style))
    )
    assert plot_library(full_library(), 0, tmp_path / "a.png", "many") == tmp_path / "a.png"
    assert len(drawn) == 128 + 3 * 16  # all in the overviews, the most used by themselves
    assert len(set(drawn)) == 3 + 3 * 16
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG" and image.size[0] == 1480 and 1200 < image.size[1] < 1700
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("name", "start"), [("b.png", b"\x89PNG"), ("b.pdf", b"%PDF"), ("b.svg", b"<?xml")])
def test_every_kind_of_file_twice_the_same(tmp_path, monkeypatch, name, start):
    path = plot_library(saved(), 0, tmp_path / name)
    first = path.read_bytes()
    assert first.startswith(start)
    assert plot_library(saved(), 0, path).read_bytes() == first or name == "b.svg"  # whose ids are random


def test_the_title_says_what_and_when(tmp_path):
    text = plot_library(saved(), 0, tmp_path / "a.svg", "run: agent 0").read_text(encoding="utf-8")
    for words in (
        "run: agent 0",
        "acquire_key",
        "when not has_key, door_open",
        "navigate",
        "when always",
        "1 skill, 5 us",
    ):
        assert f"<!-- {words}" in text


def test_colour_and_width_say_how_well_and_how_often():
    often = dataclasses.replace(figure.group_skills(saved(), 0)[0].skills[0], uses=100, rate=1.0)
    page = figure._Page(None, 1.0, [often])
    bad = dataclasses.replace(often, rate=0.1)
    rare = dataclasses.replace(often, uses=1)
    never = dataclasses.replace(often, uses=0, rate=None)
    looks = [page._look(skill) for skill in (often, bad, rare, never)]
    (good, wide, line), (pale, _, _), (_, thin, _), (grey, thinnest, dotted) = looks
    assert line == "-" != dotted  # in grey print a bad skill is as pale as one that was never used
    assert wide > thin > thinnest > 0.5
    assert sum(good[:3]) < sum(pale[:3])  # darker is better
    assert grey == "#AAAAAA"


def test_the_legend_names_all_that_is_drawn_and_nothing_else(tmp_path, figures):
    marks = {"start", "end", "pickup_key", "open_door"}
    cases = {
        "few": (saved(), {"start", "pickup_key", "open_door", "5 uses", "12 uses"}),
        "full": (full_library(12), {*marks, "1 use", "300 uses"}),
        "unused": (without_uses(full_library(12)), {*marks, "never used"}),
    }
    for name, (libraries, wanted) in cases.items():
        plot_library(libraries, 0, tmp_path / "a.png")
        [legend] = figures[-1].legends
        assert {text.get_text() for text in legend.get_texts()} == wanted, name
        title = legend.get_title().get_text()
        assert "left: all skills of a kind" in title and ("aslant" in title) == (name != "few")
        bars = [axes.get_xlabel() for axes in figures[-1].axes if axes.get_xlabel()]
        assert len(bars) == (name != "unused")  # success rates: only where there are some


def without_uses(libraries):
    counts = ("use_counts", "success_counts", "failure_counts")
    zeros = {name: np.zeros_like(getattr(libraries.libraries, name)) for name in counts}
    return dataclasses.replace(libraries, libraries=dataclasses.replace(libraries.libraries, **zeros))


def test_what_cannot_be_drawn(tmp_path):
    for agent, changes, name, text in (
        (0, {}, "a.txt", "a.txt: suffix '.txt' is unknown; choose from .png, .pdf, .svg"),
        (1, {}, "a.png", "agent=1 has no skills to draw"),
        (5, {}, "a.png", "agent=5 has no library here"),
        (0, {"action_names": tuple("abcdef")}, "a.png", "action_names=a, b, c, d, e, f: paths are known for the grid"),
    ):
        with pytest.raises(ValueError, match=text):
            plot_library(saved(**changes), agent, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
