"""Arms side by side: steps per episode with the memory on and off."""

import pathlib
from collections.abc import Mapping

import numpy as np

from procmem_jax.experiments.statistics.intervals import mean_interval
from procmem_jax.experiments.storage.files import write_whole
from procmem_jax.figures.axes import legend_below, new_figure, tidy

_STYLES = {"memory on": ("#0072B2", "-"), "memory off": ("#D55E00", "--")}


def plot_arms(path: pathlib.Path, arms: Mapping[str, Mapping[str, np.ndarray]], heading: str) -> pathlib.Path:
    """Returns `path`, a PNG with one panel per arm: mean steps per episode with a 95% band.

    Args:
        path: of the file to write.
        arms: for each arm's title, `[A, E]` steps under the keys "memory on" and "memory off".
        heading: of the figure.
    """
    write_whole(path, lambda aside: _draw(aside, arms, heading))
    return path


def _draw(path: pathlib.Path, arms: Mapping[str, Mapping[str, np.ndarray]], heading: str) -> None:
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(2.7 * len(arms), 3.3)
    panels = figure.subplots(1, len(arms), squeeze=False)[0]
    drawn = {}
    for axes, (title, curves) in zip(panels, arms.items(), strict=True):
        for name, steps in curves.items():
            mean, low, high = mean_interval(steps)
            episodes = np.arange(len(mean))
            colour, dashes = _STYLES[name]
            if len(steps) > 1:
                axes.fill_between(episodes, low, high, color=colour, alpha=0.3, linewidth=0)
                drawn["95% interval over agents"] = Patch(color="0.8")
            [drawn[name]] = axes.plot(episodes, mean, dashes, color=colour, linewidth=1.6)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("episode")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 5, 10]))
        tidy(axes)
    panels[0].set_ylabel("steps per episode", fontsize=9)
    names = sorted(drawn, reverse=True)
    legend_below(figure, [drawn[name] for name in names], names, len(names))
    figure.suptitle(heading, fontsize=11)
    figure.savefig(path, dpi=150, format="png")
