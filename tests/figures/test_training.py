"""The four panels: drawn from files, legible, and clear about damaged ones."""

import json

import jax
import matplotlib.image
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from experiments.sealing import reseal
from figures.ticks import colliding_ticks
from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs import folders as runs
from procmem_jax.experiments.runs.folders import RunSpec, run_training
from procmem_jax.experiments.statistics.intervals import mean_interval
from procmem_jax.experiments.training.train import TrainResult
from procmem_jax.figures import training
from procmem_jax.figures.training import plot_run
from procmem_jax.memory import library as skill_library

NUM_AGENTS, EPISODES = 60, 8
NAMES = ["mean over agents", "95% interval over agents", "single agents"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run, not to be changed."""
    folder = tmp_path_factory.mktemp("run")
    config, params = make_experiment("tutorial-6", "tutorial", explorer="epsilon:0.3")
    spec = RunSpec("tutorial-6", "tutorial", config, params, NUM_AGENTS, EPISODES, 3)
    run_training(spec, folder, draw_figure=plot_run)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of it."""
    for path in finished.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.slow
def test_the_picture_is_large_and_not_blank(finished):
    picture = matplotlib.image.imread(finished / "training.png", format="png")
    height, width, _ = picture.shape
    assert (height, width) == (975, 1500)  # 10 x 6.5 inches at 150 dots
    ink = (picture[..., :3] < 0.9).any(axis=-1)
    assert 0.01 < ink.mean() < 0.5
    for rows in (slice(0, height // 2), slice(height // 2, height)):
        for columns in (slice(0, width // 2), slice(width // 2, width)):
            assert ink[rows, columns].mean() > 0.01  # every panel has its share


def test_four_panels_with_labels_bands_and_single_agents(folder, figures):
    assert plot_run(folder) == folder / "training.png"
    [figure] = figures
    labels = [(axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    assert labels == [
        ("Episode return", "episode", "return (sum of rewards)"),
        ("Steps per episode", "episode", "primitive steps"),
        ("Skills in library", "episode", "skills"),
        ("Cumulative skill uses", "episode", "uses"),
    ]
    assert "tutorial-6, preset tutorial, memory on: 60 agents, seed 3" in figure.get_suptitle()
    [legend] = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["mean over agents", "95% interval over agents", "the first 20 agents"]
    assert legend.get_texts()[0].get_fontsize() >= 8
    for axes in figure.axes:
        assert axes.get_legend() is None  # below the panels, where no data are
        assert len(axes.lines) == 20 + 1  # faint agents and the mean
        assert len(axes.collections) == 1  # the band


def test_the_lines_are_what_the_files_say(folder, figures):
    plot_run(folder)
    summary = json.loads((folder / "summary.json").read_text())["episodes"]
    for axes, name in zip(figures[0].axes, ("episode_return", "steps", "skills", "skill_uses"), strict=True):
        mean = axes.lines[0]
        assert mean.get_xdata().tolist() == list(range(EPISODES))
        np.testing.assert_array_equal(mean.get_ydata(), summary[name]["mean"])
        band = axes.collections[0].get_paths()[0].get_extents()
        assert band.y0 == pytest.approx(min(summary[name]["low"]))
        assert band.y1 == pytest.approx(max(summary[name]["high"]))
    table = pq.read_table(folder / "episodes.parquet").to_pydict()
    steps = [table["steps"][agent * EPISODES : (agent + 1) * EPISODES] for agent in range(20)]
    assert [line.get_ydata().tolist() for line in figures[0].axes[1].lines[1:]] == steps


def made_up(key, config, params, num_agents, num_episodes, **kwargs):
    """Stands in for `train`: no compilation for a picture of few numbers."""
    steps = np.arange(1, num_agents * num_episodes + 1, dtype=np.int32).reshape(num_agents, num_episodes)
    metrics = EpisodeMetrics(steps.astype(np.float32), steps, steps > 1, steps, steps, steps)
    blank = jax.device_get(skill_library.empty(config.library))
    libraries = jax.tree.map(lambda leaf: np.stack([leaf] * num_agents), blank)
    return TrainResult(metrics, libraries, compile_seconds=1.0, run_seconds=1.0)


@pytest.mark.parametrize(("num_agents", "num_episodes"), [(1, 1), (1, 3), (3, 1)])
def test_few_agents_and_episodes_can_be_drawn(tmp_path, figures, monkeypatch, num_agents, num_episodes):
    monkeypatch.setattr(runs, "train", made_up)
    config, params = make_experiment("random-3", "tutorial")
    spec = RunSpec("random-3", "tutorial", config, params, num_agents, num_episodes, 0)
    run_training(spec, tmp_path, draw_figure=plot_run)
    mean, *single = figures[0].axes[0].lines
    assert len(single) == (0 if num_agents == 1 else num_agents)  # one agent is its own mean
    assert (mean.get_marker() == "o") == (num_episodes == 1)  # a line through one point would not be seen
    names = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert names == (["the agent"] if num_agents == 1 else NAMES[:3])
    [low, high] = figures[0].axes[2].get_ylim()
    assert low <= 0 and high >= 1  # whole skills, however few


def store_long(folder, num_agents, num_episodes):
    """A finished run written down without training; returns its columns `[A, E]`."""
    rng, shape = np.random.default_rng(0), (num_agents, num_episodes)
    columns = {name: rng.integers(0, 300, shape) for name in ("episode_return", "steps", "skills", "skill_uses")}
    agent, episode = np.indices(shape).reshape(2, -1).astype(np.int32)
    table = {"agent": agent, "episode": episode, **{name: values.reshape(-1) for name, values in columns.items()}}
    pq.write_table(pa.table(table), folder / "episodes.parquet")
    bounds = {name: dict.fromkeys(("mean", "low", "high"), [0.0] * num_episodes) for name in columns}
    (folder / "summary.json").write_text(json.dumps({"episodes": bounds}))
    config = {"task": "random-5", "preset": "default", "agents": num_agents, "seed": 0}
    (folder / "config.json").write_text(json.dumps(config | {"format": 2, "settings": {"use_skills": True}}))
    return columns


def test_many_episodes_are_means_of_several(tmp_path, figures):
    columns = store_long(tmp_path, 3, 450)
    plot_run(tmp_path)
    [figure] = figures
    assert figure.legends[0].get_title().get_text() == "every point: mean of 3 episodes"
    for axes, values in zip(figure.axes, columns.values(), strict=True):
        means = values.reshape(3, 150, 3).mean(axis=2)
        mean, *single = axes.lines
        assert (len(mean.get_xdata()), mean.get_xdata()[0], mean.get_xdata()[-1]) == (150, 1, 448)
        np.testing.assert_allclose([line.get_ydata() for line in single], means)
        wanted, low, high = mean_interval(means)
        np.testing.assert_allclose(mean.get_ydata(), wanted)
        band = axes.collections[0].get_paths()[0].get_extents()
        np.testing.assert_allclose([band.y0, band.y1], [low.min(), high.max()])


def test_a_band_that_the_line_hides_is_said_to_be(tmp_path, figures):
    store_long(tmp_path, 3, 5)
    plot_run(tmp_path)  # whose intervals are of no width
    names = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert names == ["mean over agents", "95% interval over agents (mostly within the line)", "single agents"]


def test_a_cut_table_of_many_episodes_is_named(tmp_path):
    store_long(tmp_path, 2, 300)
    table = pq.read_table(tmp_path / "episodes.parquet")
    pq.write_table(table.slice(0, 599), tmp_path / "episodes.parquet")
    with pytest.raises(ValueError, match=r"episodes\.parquet: cannot be read as a table of episodes"):
        plot_run(tmp_path)
    agents = pa.array(np.full(600, 7, np.int32))
    pq.write_table(table.set_column(0, "agent", agents), tmp_path / "episodes.parquet")
    with pytest.raises(ValueError, match=r"episodes\.parquet: cannot be read as a table of episodes"):
        plot_run(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("num_agents", "num_episodes"), [(1, 1), (1, 2), (2, 2000), (16, 2), (1024, 450)])
def test_runs_of_every_size_can_be_read(tmp_path, figures, num_agents, num_episodes):
    store_long(tmp_path, num_agents, num_episodes)
    plot_run(tmp_path)
    assert colliding_ticks(figures[0]) == []


def test_another_path(folder, tmp_path):
    before = (folder / "training.png").read_bytes()
    path = tmp_path / "other.png"
    assert plot_run(folder, path) == path
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (folder / "training.png").read_bytes() == before


@pytest.mark.parametrize("name", ["config.json", "summary.json", "episodes.parquet"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"{name} is missing\\); give the folder|{name} is missing; run it again with"):
        plot_run(folder)


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"{", b"PAR1PAR1"])
@pytest.mark.parametrize("name", ["config.json", "summary.json", "episodes.parquet"])
def test_a_damaged_file_is_named(folder, name, damage):
    (folder / name).write_bytes(damage)
    with pytest.raises(ValueError, match=f"{name}: cannot be read as|{name} is damaged: it does not match its sha256"):
        plot_run(folder)
    if name != "config.json":
        reseal(folder)
        with pytest.raises(ValueError, match=f"{name}: cannot be read as"):
            plot_run(folder)


def without(*path):
    """A damage: the JSON file without one of its fields."""

    def remove(content):
        inner = content
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        return content

    return remove


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("config.json", lambda content: {}),
        ("config.json", without("settings", "use_skills")),
        ("summary.json", lambda content: {}),
        ("summary.json", without("episodes", "steps")),
        ("summary.json", without("episodes", "steps", "low")),
        ("summary.json", lambda content: content | {"episodes": 3}),
        ("summary.json", lambda content: content | {"episodes": {"steps": None}}),
    ],
)
def test_a_file_of_another_form_is_named(folder, name, damage):
    path = folder / name
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    if name != "config.json":
        reseal(folder)
    with pytest.raises(ValueError, match=name):
        plot_run(folder)


def test_a_table_of_another_form_is_named(folder):
    path = folder / "episodes.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["steps"]), path)
    reseal(folder)
    with pytest.raises(ValueError, match=r"episodes\.parquet: cannot be read as a table of episodes"):
        plot_run(folder)
    pq.write_table(table.slice(0, 7), path)  # an agent and a bit
    reseal(folder)
    with pytest.raises(ValueError, match=r"episodes\.parquet"):
        plot_run(folder)


def test_a_failure_leaves_the_old_figure(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def fail(path, *args):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_draw", fail)
    with pytest.raises(KeyboardInterrupt):
        plot_run(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
