"""Tables of text, cell by cell."""

import pytest

from procmem_jax.experiments.text_tables import aligned_table, markdown_table


def test_aligned_cells_stand_below_each_other():
    rows = [["name", "count", "note"], ["a", "1,000", ""], ["longer", "2", "x"]]
    assert aligned_table(rows, "<><").splitlines() == ["name    count  note", "a       1,000", "longer      2  x"]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="shorter|longer"):
        aligned_table([["a", "b"], ["c"]], "<<")
    with pytest.raises(ValueError, match="shorter|longer"):
        aligned_table([["a", "b"]], "<")


def test_markdown_by_hand():
    text = markdown_table({"task": "<", "steps": ">"}, [("a", "1"), ("b", "20")])
    assert text.splitlines() == ["| task | steps |", "| --- | --: |", "| a | 1 |", "| b | 20 |"]
    assert markdown_table({"task": "<"}, []) == "| task |\n| --- |"
