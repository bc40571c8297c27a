"""Sweeps in folders: stopped and gone on with, in shards, on two devices: always the same files."""

import json
import shutil

import jax
import pyarrow.parquet
import pytest

from experiments.sealing import reseal, unseal
from experiments.stopping import Stop, signaller, stopper
from experiments.sweeps import NUM_SEEDS, small_sweep, undisturbed
from procmem_jax.experiments import signals
from procmem_jax.experiments.signals import Interrupted
from procmem_jax.experiments.sweeps.folders import run_sweep
from procmem_jax.experiments.sweeps.merge import merge_shards
from procmem_jax.experiments.sweeps.spec import Shard
from procmem_jax.experiments.sweeps.summary import read_summary
from procmem_jax.experiments.training import driver, lanes
from quick import quick_first


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(driver, "_PART_ROWS", 13)
    monkeypatch.setattr(driver, "CHUNK_TICKS", 16)


def run(folder, stop_after=None, **changes):
    where = {"lanes": 16, "devices": jax.devices()[:1], "checkpoint_every": 0} | changes
    return run_sweep(small_sweep(), folder, on_progress=stopper(stop_after), on_warning=pytest.fail, **where)


def results(folder):
    """The bytes of all result files; of the summary in JSON, what is no time."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}
    summary = json.loads((folder / "summary.json").read_text())
    return files, {name: value for name, value in summary.items() if "second" not in name}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The results of an undisturbed sweep."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "_PART_ROWS", 13)
        folder = tmp_path_factory.mktemp("whole")
        run(folder)
    return results(folder)


def test_the_files_hold_the_tables(tmp_path):
    run(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "parts", "summary.json", "summary.parquet"}
    for kind, expected in zip(("episodes", "runs"), undisturbed(), strict=True):
        paths = sorted((tmp_path / "parts").glob(f"{kind}-*.parquet"))
        assert len(paths) == 4  # 40 rows, 13 in each
        assert pyarrow.parquet.read_table(paths).equals(expected)
    summary = read_summary(tmp_path / "summary.parquet")
    assert summary["runs"].to_pylist() == [NUM_SEEDS] * 4
    assert summary["success_mean"][0].as_py() == pytest.approx(
        sum(undisturbed()[1]["success"].to_pylist()[:NUM_SEEDS]) / NUM_SEEDS
    )


@pytest.mark.parametrize("chunks", quick_first((0, 3, 7, 12)))
def test_a_stopped_sweep_goes_on_to_the_same_files(tmp_path, chunks, whole):
    with pytest.raises(Stop):
        run(tmp_path, stop_after=chunks)
    assert not (tmp_path / "summary.json").exists()
    run(tmp_path)
    assert results(tmp_path) == whole and not (tmp_path / "checkpoints").exists()


@pytest.mark.slow
def test_stopped_again_and_again(tmp_path, whole):
    for _ in range(100):
        try:
            run(tmp_path, stop_after=2)
            break
        except Stop:
            pass
    assert results(tmp_path) == whole


@pytest.mark.slow
def test_a_signal_costs_at_most_a_chunk_wherever_it_comes(tmp_path, whole):
    """Also between two programs, where signals act at once again: all that was done is in a checkpoint before."""
    where = {"lanes": 16, "devices": jax.devices()[:1], "checkpoint_every": 3600}
    found = []

    def look(progress):
        kept = len(list(tmp_path.glob("checkpoints/*")))
        found.append((progress.phase, kept, signals.is_held(), progress.finished_episodes))

    with signals.watched():
        run_sweep(small_sweep(), tmp_path, on_progress=look, **where)
    compiling = [(kept, is_held) for phase, kept, is_held, _ in found if phase == "compiling"]
    assert compiling == [(0, False), *[(1, False)] * (len(compiling) - 1)] and len(compiling) > 1
    assert results(tmp_path) == whole
    shutil.rmtree(tmp_path)
    for chunks in range(100):
        try:
            with signals.watched():
                run_sweep(small_sweep(), tmp_path, on_progress=signaller(chunks % 3), **where)
            break
        except Interrupted as stop:
            assert str(tmp_path) in stop.left
    assert results(tmp_path) == whole


def test_it_goes_on_from_between_two_programs(tmp_path, whole):
    def stop(progress):
        if progress.phase == "compiling" and progress.finished_episodes:
            raise Stop

    where = {"lanes": 16, "devices": jax.devices()[:1], "checkpoint_every": 3600}
    with signals.watched(), pytest.raises(Stop):
        run_sweep(small_sweep(), tmp_path, on_progress=stop, **where)
    finished = []
    run_sweep(small_sweep(), tmp_path, on_progress=lambda told: finished.append(told.finished_episodes), **where)
    assert results(tmp_path) == whole and finished[0] > 0


def test_a_part_that_was_changed_meanwhile_is_made_anew(tmp_path, whole):
    while not list(tmp_path.glob("parts/*")):
        with pytest.raises(Stop):
            run(tmp_path, stop_after=3)
    part = sorted((tmp_path / "parts").iterdir())[0]
    part.write_bytes(part.read_bytes()[:-1])
    warnings = []
    where = {"lanes": 16, "devices": jax.devices()[:1], "checkpoint_every": 0, "on_warning": warnings.append}
    run_sweep(small_sweep(), tmp_path, **where)
    assert warnings == [f"{part} is not as it was written; starting anew"] and results(tmp_path) == whole


@pytest.mark.slow
def test_two_devices_and_more_lanes(tmp_path, whole, monkeypatch):
    monkeypatch.setattr(lanes, "_FEWEST_LANES", 16)
    run(tmp_path, lanes=32, devices=jax.devices()[:2])
    assert results(tmp_path) == whole


def test_a_finished_sweep_is_left_as_it_is_and_another_is_refused(tmp_path):
    run(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    run(tmp_path)
    with pytest.raises(ValueError, match=r"another config \(seeds: there 10, here 11\)"):
        run_sweep(small_sweep(num_seeds=11), tmp_path)
    with pytest.raises(ValueError, match=r"settings: there 4 others, here 1 others"):
        run_sweep(small_sweep(grid={"capacity": [8]}), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.fixture(scope="module")
def three_shards(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "_PART_ROWS", 13)
        folder = tmp_path_factory.mktemp("shards")
        for index in (3, 1, 2):
            run(folder, shard=Shard(index, 3))
    return folder


@pytest.fixture
def shards(three_shards, tmp_path):
    return shutil.copytree(three_shards, tmp_path / "shards")


@pytest.mark.slow
def test_shards_make_the_sweep(shards, whole):
    assert {path.name for path in shards.iterdir()} == {"shards"}
    merge_shards(shards)
    found, summary = results(shards)
    files = {name: content for name, content in found.items() if not name.startswith("shards")}
    assert {name: pyarrow.parquet.read_table(shards / name) for name in files} == {
        name: read_bytes(content) for name, content in whole[0].items()
    }
    assert {**summary, "parts": None} == {**whole[1], "parts": None}
    again = merge_shards(shards)
    assert results(again)[0] == found


def read_bytes(content):
    return pyarrow.parquet.read_table(pyarrow.BufferReader(content))


def lose(shards):
    shutil.rmtree(shards / "shards" / "2-of-3")


def leave_unfinished(shards):
    unseal(shards / "shards" / "2-of-3")


def damage(shards):
    part = next((shards / "shards" / "2-of-3" / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:-1] + b"\0")


def mix(shards):
    shutil.copytree(shards / "shards" / "2-of-3", shards / "shards" / "1-of-2")


def change_config(shards):
    reseal(shards / "shards" / "2-of-3", seeds=11)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lose, "lacks shard 2/3; run `procmem sweep --shard 2/3` first"),
        (leave_unfinished, "shard 2-of-3 is not finished"),
        (damage, "parquet is damaged: it does not match its sha256; run it again with --force"),
        (lambda shards: (shards / "shards" / "2-of-3" / "summary.json").unlink(), "summary.json is missing; run it"),
        (mix, "holds shards of 2 kinds, in 2, 3 pieces"),
        (change_config, "shard 2-of-3 is of another config than shard 1"),
        (lambda shards: shutil.rmtree(shards / "shards"), "holds no shards"),
    ],
)
def test_what_cannot_be_merged_is_left_as_it_is(shards, spoil, why):
    spoil(shards)
    before = sorted(shards.rglob("*"))
    with pytest.raises(ValueError, match=why):
        merge_shards(shards)
    assert sorted(shards.rglob("*")) == before


def test_a_shard_of_another_sweep_is_refused(shards):
    before = sorted(shards.rglob("*"))
    with pytest.raises(ValueError, match="another config .seeds: there 10, here 11"):
        run_sweep(small_sweep(num_seeds=11), shards, shard=Shard(2, 2))
    with pytest.raises(ValueError, match="has none of the 40 runs"):
        run_sweep(small_sweep(), shards, shard=Shard(1, 41))
    assert sorted(shards.rglob("*")) == before


def test_shards_hold_every_row_once():
    bounds = [Shard(index, 7).bounds(40) for index in range(1, 8)]
    assert [row for first, last in bounds for row in range(first, last)] == list(range(40))
