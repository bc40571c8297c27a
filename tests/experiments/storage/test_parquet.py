"""Parquet files in folders of any name."""

import pathlib

import pyarrow as pa
import pytest

import procmem_jax
from procmem_jax.experiments.storage.files import write_whole
from procmem_jax.experiments.storage.parquet import open_table, read_table, table_writer, write_table

TABLE = pa.table({"agent": [0, 0, 1], "steps": [3, 4, 5]})


@pytest.mark.parametrize("name", ["run:1", "s3:", "a=b", "100%", "ü #?"])
def test_a_relative_folder_of_any_name(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    folder = pathlib.Path(name)
    folder.mkdir()
    write_whole(folder / "whole.parquet", lambda aside: write_table(TABLE, aside))
    with table_writer(folder / "pieces.parquet", TABLE.schema) as writer:
        writer.write_table(TABLE)
    for path in sorted(folder.iterdir()):
        assert read_table(path) == TABLE
        assert read_table(path, columns=["steps"], filters=[("agent", "==", 1)])["steps"].to_pylist() == [5]
        assert open_table(path).metadata.num_rows == 3
    with pytest.raises(FileNotFoundError):
        read_table(folder / "none.parquet")


def test_arrow_is_given_paths_nowhere_else():
    package = pathlib.Path(procmem_jax.__file__).parent
    own = [path for path in package.rglob("*.py") if "pyarrow.parquet" in path.read_text(encoding="utf-8")]
    assert [path.name for path in own] == ["parquet.py"]
