"""What a page tells of a sweep: what was swept, which settings were best, and its figure."""

import pathlib
import tempfile

import numpy as np

from procmem_jax.experiments.runs.stored import CONFIG_FILE, SWEEP, TABLE_FILE, open_finished
from procmem_jax.experiments.statistics.headline import bounds_words
from procmem_jax.experiments.storage.files import expecting_fields
from procmem_jax.experiments.sweeps.summary import best_first, read_summary
from procmem_jax.experiments.sweeps.tables import LAST_EPISODES
from procmem_jax.figures.sweep import plot_sweep
from procmem_jax.reports.html import Html, Part, Section, element, joined, table
from procmem_jax.reports.player import picture_address
from procmem_jax.reports.words import value_words

_MOST_ROWS = 50
_SCORES = (
    ("success", "success", 100.0, 1, "%"),
    ("steps", "steps", 1.0, 1, ""),
    ("steps_over_optimal", "steps over the fewest possible", 1.0, 2, ""),
    ("episode_return", "return", 1.0, 2, ""),
)


def sweep_part(folder: pathlib.Path, name: str) -> Part:
    """Returns the section about the finished sweep in `folder`; `name` is what links lead to.

    Raises:
        ValueError: the folder holds no finished sweep, or one of its files cannot be read.
    """
    config = open_finished(folder, [TABLE_FILE], SWEEP)
    with expecting_fields(folder / CONFIG_FILE):
        what = f"{config['task']}, preset {config['preset']}: {len(config['settings']):,} settings x "
        what += f"{config['seeds']:,} seeds x {config['episodes']:,} episodes, seed {config['seed']}"
        swept = list(config["swept"])
        made = ", ".join(f"{key} {value}" for key, value in config.get("versions", {}).items())
    body = joined(element("p", f"{what}. Made with {made}."), _figure(folder, what, swept), _best(folder))
    return Part([Section(name, f"Sweep {folder.resolve().name}", body)])


def _figure(folder: pathlib.Path, what: str, swept: list[str]) -> Html:
    with tempfile.TemporaryDirectory() as aside:
        png = plot_sweep(folder, pathlib.Path(aside) / "sweep.png").read_bytes()
    aims = "Success (returns where there is none) and steps"
    told = f"{aims} over {', '.join(swept)}, with 95% intervals; the numbers are in the table below."
    picture = element("img", src=picture_address(png), alt=f"{what}. {told}")
    return element("figure", picture, element("figcaption", told), class_="picture")


def _best(folder: pathlib.Path) -> Html:
    summary = read_summary(folder / TABLE_FILE)
    names = summary.column_names[: summary.column_names.index("setting")]
    rows = best_first(summary)
    shown = [key for key in _SCORES if not np.isnan(rows[0][f"{key[0]}_iqm"])]
    lines = [
        (row["setting"], *(value_words(row[name]) for name in names),
         *(bounds_words([row[f"{key}_{end}"] for end in ("iqm", "low", "high")], *form) for key, _, *form in shown))
        for row in rows[:_MOST_ROWS]
    ]  # fmt: skip
    rest = f"the best {_MOST_ROWS} of {len(rows):,} settings" if len(rows) > _MOST_ROWS else "all settings"
    caption = (
        f"{rest}, best first: interquartile mean over runs of the last {LAST_EPISODES} episodes, with 95% intervals"
    )
    return table(caption, ("setting", *names, *(f"{words} [95%]" for _, words, *_ in shown)), lines)
