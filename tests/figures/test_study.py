"""The figures of a study, drawn from its files alone."""

import json

import matplotlib.image
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from procmem_jax.experiments.study.report import Episodes, study_row
from procmem_jax.experiments.study.study import STUDY_SCHEMA
from procmem_jax.figures.study import plot_study

AGENTS, EPISODES, OPTIMAL = 5, 40, 4
# Episodes until the agents of an arm succeed; None: they never do.
LEARNED_AFTER = {"no memory": None, "default": 4, "oracle": 0, "no retreat": 8, "no suffixes": None}


def make_arm(learned_after):
    after = EPISODES + 1 if learned_after is None else learned_after
    begins = after + np.arange(AGENTS)[:, None] % (3 if after else 1)
    success = np.arange(EPISODES)[None] >= begins
    steps = np.where(success, OPTIMAL + (np.arange(EPISODES)[None] < 2 * begins), 40).astype(np.int32)
    return Episodes(steps, success, np.full_like(steps, OPTIMAL), np.zeros_like(steps))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished study of two tasks, on one of which mechanisms are switched off; not to be changed."""
    folder = tmp_path_factory.mktemp("study")
    tasks = {"random-5": list(LEARNED_AFTER), "random-8, sticky 0.1": ["no memory", "default"]}
    rows, tables = [], []
    for task, names in tasks.items():
        arms = {name: make_arm(LEARNED_AFTER[name]) for name in names}
        for name, own in arms.items():
            rows.append({"task": task, **study_row(name, arms)})
            values = {"steps": own.steps, "success": own.success, "optimal_steps": own.optimal}
            values["env_steps"] = np.cumsum(own.steps, axis=1)
            count = AGENTS * EPISODES
            known = {column: pa.array(value.reshape(-1)) for column, value in values.items()}
            blank = pa.nulls(count)
            tables.append(
                pa.table(
                    [
                        pa.array([{"task": task, "arm": name}[field.name]] * count)
                        if field.name in ("task", "arm")
                        else known.get(field.name, blank).cast(field.type)
                        for field in STUDY_SCHEMA
                    ],
                    names=STUDY_SCHEMA.names,
                )
            )
    pyarrow.parquet.write_table(pa.concat_tables(tables), folder / "study.parquet")
    (folder / "study.json").write_text(json.dumps({"agents": AGENTS, "seed": 1000, "rows": rows}))
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of it."""
    for path in finished.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.slow
def test_the_figures(folder):
    paths = plot_study(folder)
    assert [path.name for path in paths] == ["learning_curves.png", "profile.png", "ablation-random-5.png"]
    assert {path.name for path in folder.iterdir()} == {"study.json", "study.parquet", *(path.name for path in paths)}
    for path in paths:
        picture = matplotlib.image.imread(path, format="png")
        assert picture.shape[1] >= 900
        ink = (picture[..., :3] < 0.9).any(axis=-1)
        assert 0.005 < ink.mean() < 0.5


def test_the_curves(folder, figures):
    plot_study(folder)
    axes = figures[0].axes
    assert [panel.get_title(loc="left") for panel in axes] == ["random-5", "", "random-8, sticky 0.1", ""]
    lines = {line.get_label(): line for line in axes[0].lines}
    assert list(lines) == ["no memory", "default", "oracle"]  # the ablation has its own figure
    places, success = lines["default"].get_data()
    own = make_arm(LEARNED_AFTER["default"])
    assert places[0] == own.steps[:, 0].mean() and success[0] == 0.0  # the first bin is the first episode
    assert success[-1] == 100.0 and (np.diff(success) >= 0).all() and (np.diff(places) > 0).all()
    assert places[-1] <= own.steps.sum(axis=1).mean()
    ratio = {line.get_label(): line.get_ydata() for line in axes[1].lines}
    assert ratio["no memory"] == pytest.approx(10.0) and ratio["oracle"] == pytest.approx(1.0)
    assert all(axis.get_xscale() == "log" for axis in axes)
    (legend,) = figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["no memory", "default", "oracle"]


def test_the_profile(folder, figures):
    plot_study(folder)
    lines = {line.get_label(): line.get_data() for line in figures[1].axes[0].lines}
    thresholds, share = lines["oracle"]
    assert thresholds[0] == 1.0 and (share == 100.0).all()
    thresholds, share = lines["no memory"]
    assert ((share == 100.0) == (thresholds >= 10.0)).all() and share[-1] == 100.0


def test_the_ablation(folder, figures):
    plot_study(folder)
    panels = figures[2].axes
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["no suffixes", "no retreat"]
    stored = {row["arm"]: row for row in json.loads((folder / "study.json").read_text())["rows"][:5]}
    for panel, key, factor in ((0, "success", 100), (1, "steps_over_optimal", 1)):
        marks = [line.get_xdata()[0] for line in panels[panel].lines if list(line.get_ydata()) == [1]]
        assert marks == [factor * stored["no retreat"][f"{key}_less_default"]["value"]]
    # What fails altogether is written beside, not drawn to scale.
    assert [line for panel in panels for line in panel.lines if list(line.get_ydata()) == [0]] == []
    assert [[text.get_text() for text in panel.texts] for panel in panels] == [["\N{MINUS SIGN}100"], ["+9"], ["never"]]
    low, high = panels[2].get_xlim()
    assert low <= stored["default"]["env_steps_to_90"]["low"] <= stored["no retreat"]["env_steps_to_90"]["high"] <= high


def test_no_finished_study(folder):
    (folder / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no finished study"):
        plot_study(folder / "empty")
    (folder / "study.json").write_text('{"agents": 5, "seed": 1000}')
    with pytest.raises(ValueError, match=r"study\.json: is not as a finished run leaves it"):
        plot_study(folder)


def test_a_damaged_table(folder):
    (folder / "study.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(ValueError, match=r"study\.parquet: cannot be read"):
        plot_study(folder)
