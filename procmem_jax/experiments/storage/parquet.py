"""Tables in Parquet files: the one place where Arrow is given a path.

Arrow takes a relative path with a colon, as `run:1/episodes.parquet`, for an address, but never an absolute one.
"""

import os
import pathlib
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def read_table(path: str | pathlib.Path, **options: Any) -> pa.Table:
    """Returns the table in a file; options and errors are those of `pyarrow.parquet.read_table`."""
    return pq.read_table(os.path.abspath(path), **options)


def write_table(table: pa.Table, path: str | pathlib.Path) -> None:
    """Writes a table as a file."""
    pq.write_table(table, os.path.abspath(path))


def open_table(path: str | pathlib.Path) -> pq.ParquetFile:
    """Returns a file whose table can be read in pieces."""
    return pq.ParquetFile(os.path.abspath(path))


def table_writer(path: str | pathlib.Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Returns what writes a table in pieces."""
    return pq.ParquetWriter(os.path.abspath(path), schema)
