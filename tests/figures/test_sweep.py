"""The figure of a sweep: lines, a map or points, from its summary."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from figures.ticks import colliding_ticks
from procmem_jax.figures.sweep import plot_sweep


def store(folder, columns, known=True, has_success=True):
    """A finished sweep with these swept columns and made-up scores; the fewest steps and success may be unknown."""
    count = len(next(iter(columns.values()))) if columns else 1
    config = {
        "format": 2,
        "kind": "sweep",
        "task": "random-5",
        "preset": "default",
        "seed": 0,
        "seeds": 8,
        "episodes": 20,
    }
    config |= {"seed": 0, "seeds": 8, "episodes": 20, "swept": list(columns), "settings": [{}] * count}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "summary.json").write_text("{}")
    values = np.linspace(0.2, 0.9, count)
    scores = {f"{s}_{end}": values + shift for s in ("success", "steps_over_optimal", "steps", "episode_return")
              for end, shift in (("iqm", 0), ("low", -0.05), ("high", 0.05))}  # fmt: skip
    if not known:
        scores |= {name: np.full(count, np.nan) for name in scores if name.startswith("steps_over_optimal")}
    if not has_success:
        scores |= {name: np.full(count, np.nan) for name in scores if name.startswith("success")}
    table = pa.table({**columns, "setting": np.arange(count), **scores})
    pyarrow.parquet.write_table(table, folder / "summary.parquet")


def product(**values):
    grid = np.meshgrid(*(np.arange(len(v)) for v in values.values()), indexing="ij")
    return {name: [v[i] for i in index.ravel()] for (name, v), index in zip(values.items(), grid, strict=True)}


CASES = {
    "none": {},
    "one number": product(capacity=[8, 16, 64]),
    "one name": product(choice=["cost", "rate"]),
    "two": product(capacity=[8, 1024], choice=["cost", "rate"]),
    "map": product(capacity=list(range(1, 9)), novelty=[0.1 * i for i in range(1, 8)]),
    "three": product(capacity=[8, 16], novelty=[0.1, 0.2, 0.3], suffixes=[True, False]),
    "many": product(capacity=[8, 16], novelty=[0.1, 0.2], suffixes=[True, False], choice=["a", "b"], x=[1, 2]),
}


def draws(*names):
    """50 points of a random search, the first name log-uniform."""
    rng = np.random.default_rng(0)
    values = [0.02 * 25 ** rng.random(50), *(0.5 * rng.random((len(names) - 1, 50)))]
    return dict(zip(names, (column.tolist() for column in values), strict=True))


RANDOM = {
    "one range": draws("distance_cost"),
    "two ranges": draws("distance_cost", "novelty"),
    "five ranges": draws("distance_cost", "novelty", "a", "b", "c"),
    "ranges and choices": {
        name: (["cost"] * 50 + ["rate"] * 50 if name == "choice" else 2 * draws("distance_cost", "novelty")[name])
        for name in ("choice", "distance_cost", "novelty")
    },
}


def panels(figure):
    """(title, label along, label up) of every panel."""
    return [(axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]


def test_random_search_is_points_on_numeric_axes(tmp_path, figures):
    for case, columns in RANDOM.items():
        store(tmp_path, columns)
        plot_sweep(tmp_path)
        assert not any(axes.images for axes in figures[-1].axes), case
        assert all("log" == axes.get_xscale() for axes in figures[-1].axes if axes.get_xlabel() == "distance_cost"), (
            case
        )
        assert all("linear" == axes.get_xscale() for axes in figures[-1].axes if axes.get_xlabel() != "distance_cost")
    points = figures[1].axes[0].collections[0]
    np.testing.assert_array_equal(
        points.get_offsets().T, [RANDOM["two ranges"]["distance_cost"], RANDOM["two ranges"]["novelty"]]
    )
    np.testing.assert_array_equal(points.get_array(), np.linspace(0.2, 0.9, 50))


def test_at_most_two_swept_settings_share_a_panel(tmp_path, figures):
    for case in ("three", "five ranges", "ranges and choices"):
        store(tmp_path, (CASES | RANDOM)[case])
        plot_sweep(tmp_path)
    few, many, chosen = ([found for found in panels(figure) if found[1]] for figure in figures)
    scores = ("success, last episodes", "steps / fewest possible")
    assert few == [
        (f"suffixes = {value}", "novelty", "" if value else score) for score in scores for value in (False, True)
    ]
    assert sorted(along for _, along, _ in many) == sorted(2 * list(RANDOM["five ranges"]))  # each, by itself
    assert [title for title, _, _ in chosen] == 2 * ["choice = cost", "choice = rate"]


def test_returns_are_drawn_where_there_is_no_success(tmp_path, figures):
    for columns in CASES.values():
        store(tmp_path, columns, known=False, has_success=False)
        plot_sweep(tmp_path)
        told = {axes.get_ylabel() for axes in figures[-1].axes}
        assert {"return, last episodes", "steps, last episodes"} <= told and "success, last episodes" not in told


def test_rates_end_at_a_hundred_percent_and_legends_are_beside_the_panels(tmp_path, figures):
    for case, columns in (CASES | RANDOM).items():
        store(tmp_path, columns)
        plot_sweep(tmp_path)
        for axes in figures[-1].axes:
            assert axes.get_legend() is None, case
            if axes.get_ylabel() == "success, last episodes":
                assert axes.get_ylim()[1] <= 1.02, case
                assert axes.yaxis.get_major_formatter()(1.0, 0) == "100%", case
        for drawn in figures[-1].axes[0].images + figures[-1].axes[0].collections:
            assert drawn.get_array() is None or drawn.norm.vmax == 1.0, case
        assert ("95% intervals" in figures[-1].get_suptitle()) == (case not in ("two ranges", "ranges and choices"))
        legends = [[text.get_text() for text in legend.get_texts()] for legend in figures[-1].legends]
        assert case != "two" or legends == [["choice = cost", "choice = rate"]]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES | RANDOM)
def test_ticks_do_not_collide(tmp_path, figures, case):
    store(tmp_path, (CASES | RANDOM)[case])
    plot_sweep(tmp_path)
    assert colliding_ticks(figures[0]) == []


@pytest.mark.parametrize(
    "case", [case if case == "two" else pytest.param(case, marks=pytest.mark.slow) for case in CASES]
)
def test_every_kind_is_drawn(tmp_path, case):
    store(tmp_path, CASES[case])
    path = plot_sweep(tmp_path)
    assert path == tmp_path / "sweep.png" and path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 10_000
    assert plot_sweep(tmp_path, tmp_path / "b.png").read_bytes() == path.read_bytes()


def test_steps_are_drawn_where_the_fewest_are_unknown(tmp_path, figures):
    for known in (True, False):
        store(tmp_path, CASES["one number"], known)
        plot_sweep(tmp_path)
    labels = [label for figure in figures for _, _, label in panels(figure)]
    assert labels == [
        "success, last episodes",
        "steps / fewest possible",
        "success, last episodes",
        "steps, last episodes",
    ]


@pytest.mark.parametrize("name", ["config.json", "summary.parquet"])
def test_lacking_or_damaged_files(tmp_path, name):
    store(tmp_path, CASES["two"])
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"{name}: cannot be read"):
        plot_sweep(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=rf"holds no finished sweep \({name} is missing\)"):
        plot_sweep(tmp_path)
    assert not (tmp_path / "sweep.png").exists()
