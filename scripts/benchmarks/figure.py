"""A figure of rates against how many run at once."""

import pathlib
from collections.abc import Iterable

from procmem_jax.experiments.storage.files import write_whole

PANELS = {"env": ("environments", "environment steps/s"), "scaling": ("agents", "agent steps/s, training")}


def draw_rates(path: pathlib.Path, reports: Iterable[dict]) -> bool:
    """Writes a PNG with a panel for each report of the suites `env` and `scaling`; returns False if there is none."""
    drawn = [report for report in reports if report["suite"] in PANELS]
    if drawn:
        write_whole(path, lambda aside: _draw(aside, drawn))
    return bool(drawn)


def _draw(path: pathlib.Path, reports: list[dict]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(reports), 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, report in zip(figure.subplots(1, len(reports), squeeze=False)[0], reports, strict=True):
        across, up = PANELS[report["suite"]]
        for number, (name, rows) in enumerate(_lines(report, across).items()):
            x = [row[across] for row in rows]
            y, low, high = ([1 / row[key] for row in rows] for key in ("median", "max", "min"))
            is_ours = name.startswith(("procmem", "default"))
            axes.plot(x, y, "-o" if is_ours else "--s", color=f"C{number}", markersize=4, linewidth=1.6, label=name)
            axes.fill_between(x, low, high, color=f"C{number}", alpha=0.25, linewidth=0)
        axes.set(xscale="log", yscale="log", xlabel=f"{across} at once", ylabel=up)
        if report["suite"] == "scaling":
            axes.set_xlabel("agents in a run")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3, linewidth=0.5)
        axes.legend(frameon=False, fontsize=8)
    machine = reports[0]["machine"]
    figure.suptitle(f"{machine['processor']}, {machine['cores']} cores; median and range", fontsize=9)
    figure.savefig(path, dpi=150, format="png")


def _lines(report: dict, across: str) -> dict[str, list[dict]]:
    lines: dict[str, list[dict]] = {}
    for row in report["rows"]:
        if report["suite"] == "env" or row["episodes"] == report["rows"][0]["episodes"]:
            lines.setdefault(row["name"], []).append(row)
    return {name: sorted(rows, key=lambda row: row[across]) for name, rows in lines.items()}
