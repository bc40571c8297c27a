"""The figure of a sweep: lines, a map or points, from its summary."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from procmem_jax.figures.sweep import plot_sweep


def store(folder, columns, known=True):
    """A finished sweep with these swept columns and made-up scores; the fewest steps may be unknown."""
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
    scores = {f"{s}_{end}": values + shift for s in ("success", "steps_over_optimal", "steps")
              for end, shift in (("iqm", 0), ("low", -0.05), ("high", 0.05))}  # fmt: skip
    if not known:
        scores |= {name: np.full(count, np.nan) for name in scores if name.startswith("steps_over_optimal")}
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
    "three": product(capacity=[8, 16], novelty=[0.1, 0.2], suffixes=[True, False]),
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_is_drawn(tmp_path, case):
    store(tmp_path, CASES[case])
    path = plot_sweep(tmp_path)
    assert path == tmp_path / "sweep.png" and path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size > 10_000
    assert plot_sweep(tmp_path, tmp_path / "b.png").read_bytes() == path.read_bytes()


def test_steps_are_drawn_where_the_fewest_are_unknown(monkeypatch, tmp_path):
    from matplotlib.axes import Axes

    labels, set_ylabel = [], Axes.set_ylabel
    monkeypatch.setattr(Axes, "set_ylabel", lambda axes, text, **more: labels.append(text) or set_ylabel(axes, text))
    for known in (True, False):
        store(tmp_path, CASES["one number"], known)
        plot_sweep(tmp_path)
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
