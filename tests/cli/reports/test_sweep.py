"""What is told of a sweep: which setting is best, and what it would cost."""

import numpy as np
import pyarrow as pa
import pytest

from procmem_jax.cli.reports.sweep import best_settings, plan_lines, read_with_warning
from procmem_jax.experiments.storage.parquet import write_table
from procmem_jax.experiments.sweeps.plan import SweepPlan
from procmem_jax.experiments.sweeps.summary import summarize_sweep
from procmem_jax.experiments.sweeps.tables import SCORES


def runs_of(scores):
    """A table of runs, with the same numbers for every score."""
    count = [len(row) for row in scores]
    flat = np.concatenate([np.asarray(row, float) for row in scores])
    setting = np.repeat(np.arange(len(scores), dtype=np.int32), count)
    columns = {"knob": setting * 0.5, "setting": setting, "seed": setting * 0, "agent": setting * 0}
    return pa.table({**columns, **dict.fromkeys(SCORES, flat)})


@pytest.mark.parametrize(("second", "word"), [([3.0, 3.1, 3.2, 3.3], "is not"), ([4.0, 4.2, 4.1, 4.3], "is")])
def test_the_best_settings_come_first(second, word):
    runs = runs_of([[9.0, 9.1, 9.2, 9.3], second, [3.1, 3.0, 3.3, 3.2]])
    lines = best_settings(summarize_sweep(runs), runs).splitlines()
    assert lines[0].startswith("Best 3 of 3 settings by steps_over_optimal")
    assert float(lines[-2].split()[0]) == 0.0  # the worst knob last
    assert lines[-1].startswith(f"The best {word} distinguishable from the second: mean difference")


def test_returns_without_a_mean_are_told(capsys, tmp_path):
    runs = runs_of([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    returns = pa.array([1.0, np.nan, np.inf, -np.inf, 2.0, 3.0])
    runs = runs.set_column(runs.column_names.index("episode_return"), "episode_return", returns)
    write_table(summarize_sweep(runs), tmp_path / "summary.parquet")
    summary = read_with_warning(tmp_path / "summary.parquet")
    assert "episode_return is infinite or NaN in runs of 2 of 3 settings" in capsys.readouterr().err
    assert best_settings(summary, runs).count("unknown") == 2


def test_a_plan_in_lines():
    plan = SweepPlan(
        runs=1200,
        settings=12,
        programs=3,
        lanes=512,
        device_bytes=2**29,
        host_bytes=2**28,
        steps_per_second=123456.7,
        compile_seconds=9.6,
        fewest_seconds=119.0,
        most_seconds=7200.0,
    )
    assert plan_lines(plan) == [
        "1,200 runs: 12 settings x 100 seeds",
        "3 compiled programs, about 10 s each",
        "512 runs at once, 123,457 agent steps/s in a trial of the first setting",
        "0.50 GiB for them, 0.25 GiB for results on their way",
        "Expected time: 119 s if every episode took its shortest path, 2.0 h if none ended before its limit; "
        "compilation apart",
    ]
