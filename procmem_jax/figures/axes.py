"""What the charts share: a figure without a window, an open frame, axes with plain numbers, legends beside the data."""

from collections.abc import Sequence

import numpy as np

_FACTOR = 4.0  # values spread less than this look alike on both kinds of axis


def new_figure(width: float, height: float):
    """Returns a matplotlib figure of this size in inches, which needs no screen and no `MPLBACKEND`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes) -> None:
    """Opens the frame of a panel and sets its small print."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_size(9)
    axes.yaxis.label.set_size(9)


def legend_below(figure, handles: Sequence, labels: Sequence[str], columns: int, title: str | None = None) -> None:
    """Names what is drawn, below all panels: there it cannot lie on data."""
    figure.legend(
        handles, labels, loc="outside lower center", frameon=False, fontsize=9, handlelength=2.8, ncols=columns,
        title=title, title_fontsize=9,
    )  # fmt: skip


def plain_ticks(axis, digits: tuple[float, ...] = (1.0, 2.0, 5.0)) -> None:
    """Labels a logarithmic axis with plain numbers that start with one of `digits`: 1, 2, 5, 10, 20, ..."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(base=10, subs=digits))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def are_factors_apart(values: Sequence[float]) -> bool:
    """Returns whether numbers lie more evenly on a logarithmic axis, as powers and log-uniform draws do."""
    places = np.unique(np.asarray(values, np.float64))
    if len(places) < 3 or places[0] <= 0 or places[-1] < _FACTOR * places[0]:
        return False
    return _unevenness(np.log(places)) < _unevenness(places)


def _unevenness(places: np.ndarray) -> float:
    """Returns how far `places` (ascending) are at most from even steps, in parts of their span."""
    return float(np.abs((places - places[0]) / np.ptp(places) - np.linspace(0, 1, len(places))).max())
