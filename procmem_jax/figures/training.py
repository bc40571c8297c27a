"""The tutorial's four panels: episode return, steps, skills in the library, cumulative uses."""

import pathlib

import numpy as np
import pyarrow.parquet

from procmem_jax.experiments.runs.stored import CONFIG_FILE, EPISODES_FILE, FIGURE_FILE, SUMMARY_FILE, open_finished
from procmem_jax.experiments.storage.files import expecting_fields, read_json, write_whole

_PANELS = (
    ("episode_return", "Episode return", "return (sum of rewards)"),
    ("steps", "Steps per episode", "primitive steps"),
    ("skills", "Skills in library", "skills"),
    ("skill_uses", "Cumulative skill uses", "uses"),
)
_FAINT_AGENTS = 20


def plot_run(folder: pathlib.Path, path: pathlib.Path | None = None) -> pathlib.Path:
    """Returns the path of the figure of a finished run, drawn from its files.

    Each panel shows the mean over agents with its 95% interval as a band, and the first 20 agents as faint lines.

    Args:
        folder: of the run.
        path: of the PNG file; by default `training.png` in the folder.

    Raises:
        ValueError: the folder holds no finished run, or one of its files cannot be read.
    """
    config = open_finished(folder, (SUMMARY_FILE, EPISODES_FILE))
    title, curves = _title_of(config, folder / CONFIG_FILE), _read_curves(folder / SUMMARY_FILE)
    num_episodes = curves[_PANELS[0][0]].shape[1]
    single_agents = _read_single_agents(folder / EPISODES_FILE, num_episodes)
    path = folder / FIGURE_FILE if path is None else path
    write_whole(path, lambda aside: _draw(aside, title, curves, single_agents))
    return path


def _title_of(config: dict, path: pathlib.Path) -> str:
    with expecting_fields(path):
        memory = "memory on" if config["settings"]["use_skills"] else "memory off"
        what = f"{config['task']}, preset {config['preset']}, {memory}"
        return f"{what}: {config['agents']} agents, seed {config['seed']}"


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
        table = pyarrow.parquet.read_table(
            path, columns=["agent", "episode", *names], filters=[("agent", "<", _FAINT_AGENTS)]
        )
        count = len(table["agent"].unique())
        return {name: table[name].to_numpy().reshape(count, num_episodes) for name in names}
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as a table of episodes ({error})") from None


def _draw(path: pathlib.Path, title: str, curves: dict[str, np.ndarray], single_agents: dict[str, np.ndarray]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, heading, label) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
        mean, low, high = curves[name]
        numbers = np.arange(1, len(mean) + 1)
        marker = "o" if len(mean) == 1 else None
        for row, values in enumerate(single_agents[name]):
            axes.plot(numbers, values, color="0.75", linewidth=0.5, marker=marker, markersize=2,
                      label="single agents" if row == 0 else None)  # fmt: skip
        axes.fill_between(numbers, low, high, color="C0", alpha=0.3, linewidth=0, label="95% interval of the mean")
        axes.plot(numbers, mean, color="C0", linewidth=1.6, marker=marker, label="mean over agents")
        axes.set(title=heading, xlabel="episode", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=150, format="png")
