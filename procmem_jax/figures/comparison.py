"""Arms side by side: steps per episode with the memory on and off."""

import pathlib
from collections.abc import Mapping

import numpy as np

from procmem_jax.experiments.statistics.intervals import mean_interval
from procmem_jax.experiments.storage.files import write_whole

_STYLES = {"memory on": ("C0", "-"), "memory off": ("C1", "--")}


def plot_arms(path: pathlib.Path, arms: Mapping[str, Mapping[str, np.ndarray]], heading: str) -> pathlib.Path:
    """Returns `path`, a PNG with one panel per arm: mean steps per episode with a 95% band, memory on and off.

    Args:
        path: of the file to write.
        arms: for each arm's title, `[A, E]` steps under the keys "memory on" and "memory off".
        heading: of the figure.
    """
    write_whole(path, lambda aside: _draw(aside, arms, heading))
    return path


def _draw(path: pathlib.Path, arms: Mapping[str, Mapping[str, np.ndarray]], heading: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(2.7 * len(arms), 3.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(arms), squeeze=False)[0]
    for axes, (title, curves) in zip(panels, arms.items(), strict=True):
        for name, steps in curves.items():
            mean, low, high = mean_interval(steps)
            episodes = np.arange(1, len(mean) + 1)
            colour, dashes = _STYLES[name]
            axes.fill_between(episodes, low, high, color=colour, alpha=0.3, linewidth=0)
            axes.plot(episodes, mean, dashes, color=colour, linewidth=1.6, label=name)
        axes.set(title=title, xlabel="episode")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("steps per episode")
    panels[0].legend(frameon=False, fontsize=8)
    figure.suptitle(heading, fontsize=11)
    figure.savefig(path, dpi=150, format="png")
