"""The tutorial's four panels: episode return, steps, skills in the library, cumulative uses."""

import pathlib

import numpy as np

from procmem_jax.experiments.runs.stored import CONFIG_FILE, EPISODES_FILE, FIGURE_FILE, SUMMARY_FILE, open_finished
from procmem_jax.experiments.statistics.intervals import mean_interval
from procmem_jax.experiments.storage.files import expecting_fields, read_json, write_whole
from procmem_jax.experiments.storage.parquet import open_table, read_table
from procmem_jax.figures.axes import legend_below, new_figure, tidy

_PANELS = (
    ("episode_return", "Episode return", "return (sum of rewards)"),
    ("steps", "Steps per episode", "primitive steps"),
    ("skills", "Skills in library", "skills"),
    ("skill_uses", "Cumulative skill uses", "uses"),
)
_FAINT_AGENTS = 20
_FEW_AGENTS = 4  # whose band may be far wider than all that they did: they are drawn upon it, and it is cut
_MOST_POINTS = 200  # of a curve; more lie over each other
_LINE = 0.012  # of a panel's height: the mean's line
_INTERVAL = "95% interval over agents"
_MEAN, _BAND, _FAINT = "#08519C", "#9ECAE1", "0.8"  # told apart in grey, too


def plot_run(folder: pathlib.Path, path: pathlib.Path | None = None) -> pathlib.Path:
    """Returns the path of the figure of a finished run, drawn from its files.

    Each panel shows the mean over agents with its 95% interval as a band, and the first 20 agents as faint lines. In
    runs of more than 200 episodes a point is the mean of several, of as many as leave 200 points.

    Args:
        folder: of the run.
        path: of the PNG file; by default `training.png` in the folder.

    Raises:
        ValueError: the folder holds no finished run, or one of its files cannot be read.
    """
    config = open_finished(folder, (SUMMARY_FILE, EPISODES_FILE))
    title, curves = _title_of(config, folder / CONFIG_FILE), _read_curves(folder / SUMMARY_FILE)
    num_episodes = curves[_PANELS[0][0]].shape[1]
    width = -(-num_episodes // _MOST_POINTS)
    if width == 1:
        single_agents = _read_single_agents(folder / EPISODES_FILE, num_episodes)
    else:
        curves, single_agents = _read_blocks(folder / EPISODES_FILE, num_episodes, width)
    path = folder / FIGURE_FILE if path is None else path
    write_whole(path, lambda aside: _draw(aside, title, curves, single_agents, num_episodes, width))
    return path


def _title_of(config: dict, path: pathlib.Path) -> str:
    with expecting_fields(path):
        memory = "memory on" if config["settings"]["use_skills"] else "memory off"
        what = f"{config['task']}, preset {config['preset']}, {memory}"
        return f"{what}: {config['agents']:,} agent{'s' * (config['agents'] != 1)}, seed {config['seed']}"


def _read_curves(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns `[3, E]` float64 of each panel: mean over agents, lower and upper bound (NaN where unknown)."""
    summary = read_json(path)
    with expecting_fields(path):
        rows = {name: [summary["episodes"][name][bound] for bound in ("mean", "low", "high")] for name, _, _ in _PANELS}
        return {name: np.asarray(bounds, np.float64) for name, bounds in rows.items()}


def _read_single_agents(path: pathlib.Path, num_episodes: int) -> dict[str, np.ndarray]:
    """Returns `[agents, E]` columns of the first agents in a table of episodes."""
    names = [name for name, _, _ in _PANELS]
    try:
        table = read_table(path, columns=["agent", "episode", *names], filters=[("agent", "<", _FAINT_AGENTS)])
        count = len(table["agent"].unique())
        return {name: table[name].to_numpy().reshape(count, num_episodes) for name in names}
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None


def _read_blocks(
    path: pathlib.Path, num_episodes: int, width: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns the curves `[3, B]` and the first agents `[agents, B]` of means of `width` episodes each."""
    starts = np.arange(0, num_episodes, width)
    try:
        table = open_table(path)
        num_agents, rest = divmod(table.metadata.num_rows, num_episodes)
        if rest:
            raise ValueError(f"{table.metadata.num_rows} rows are not whole agents of {num_episodes} episodes")
        means = {name: np.zeros((num_agents, len(starts))) for name, _, _ in _PANELS}
        for rows in table.iter_batches(columns=["agent", "episode", *means]):
            place = (rows["agent"].to_numpy(), rows["episode"].to_numpy() // width)
            for name, sums in means.items():
                np.add.at(sums, place, rows[name].to_numpy())
    except (OSError, ValueError, IndexError) as error:
        raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None
    means = {name: sums / np.diff(starts, append=num_episodes) for name, sums in means.items()}
    curves = {name: np.asarray(mean_interval(values)) for name, values in means.items()}
    return curves, {name: values[:_FAINT_AGENTS] for name, values in means.items()}


def _draw(
    path: pathlib.Path,
    title: str,
    curves: dict[str, np.ndarray],
    single_agents: dict[str, np.ndarray],
    num_episodes: int,
    width: int,
) -> None:
    from matplotlib.ticker import MaxNLocator

    curves, single_agents = (
        {name: np.where(np.isfinite(values), values, np.nan) for name, values in columns.items()}
        for columns in (curves, single_agents)
    )
    figure = new_figure(10, 6.5)
    first = np.arange(0, num_episodes, width)
    numbers = (first + np.minimum(first + width, num_episodes) - 1) / 2
    for axes, (name, heading, label) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        _draw_curves(axes, numbers, curves[name], single_agents[name])
        axes.set(title=heading, xlabel="episode", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(7, integer=name != "episode_return", steps=[1, 2, 5, 10]))
        if name != "episode_return":
            axes.set_ylim(bottom=-0.02 * axes.get_ylim()[1])
        tidy(axes)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    bands = [np.median(np.ptp(curves[name][1:], axis=0)) for name, _, _ in _PANELS]
    if all(band < _LINE * np.ptp(axes.get_ylim()) for axes, band in zip(figure.axes, bands, strict=True)):
        labels = [label + " (mostly within the line)" * (label == _INTERVAL) for label in labels]
    legend_below(figure, handles, labels, len(labels), f"every point: mean of {width} episodes" if width > 1 else None)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=150, format="png")


def _draw_curves(axes, numbers: np.ndarray, curves: np.ndarray, single_agents: np.ndarray) -> None:
    """Draws the mean over its band over the first agents; one agent alone is its own mean."""
    mean, low, high = curves
    marker = "o" if len(mean) == 1 else None
    alone = len(single_agents) == 1
    axes.plot(numbers, mean, color=_MEAN, linewidth=2.0, marker=marker, zorder=3,
              label="the agent" if alone else "mean over agents")  # fmt: skip
    if not np.isnan(low).any():
        axes.fill_between(numbers, low, high, facecolor=_BAND, edgecolor=_MEAN, alpha=0.7, linewidth=0.4, zorder=2.5,
                          label=_INTERVAL)  # fmt: skip
    name = "single agents" if len(single_agents) < _FAINT_AGENTS else f"the first {_FAINT_AGENTS} agents"
    few = len(single_agents) <= _FEW_AGENTS
    style = {"color": "0.4", "linewidth": 0.8, "zorder": 2.7} if few else {"color": _FAINT, "linewidth": 0.5}
    for row, values in enumerate(() if alone else single_agents):
        axes.plot(numbers, values, marker=marker, markersize=2, label=name if row == 0 else None, **style)
    lines = np.concatenate([curves[:1], single_agents])
    known = lines[np.isfinite(lines)]
    lowest, highest = (known.min(), known.max()) if known.size else (0.0, 1.0)
    span = highest - lowest or 1.0
    axes.set_ylim(lowest - 0.05 * span, max(highest, lowest + span) + 0.05 * span)
