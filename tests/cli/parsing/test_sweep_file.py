"""A sweep written down in TOML."""

import pytest

from procmem_jax.cli.parsing.sweep_file import read_sweep_file

GOOD = """
task = "random-4"
seeds = 5
summary_only = true
[set]
sticky = 0.1
[grid]
capacity = [4, 8]
[random]
count = 3
novelty = "0:1"
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "sweep.toml"
        path.write_text(text)
        return read_sweep_file(path)

    return read


def test_what_a_file_says(read):
    assert read(GOOD) == {
        "task": "random-4",
        "seeds": 5,
        "summary_only": True,
        "set": {"sticky": 0.1},
        "grid": {"capacity": [4, 8]},
        "random": (3, ["novelty=0:1"]),
    }
    assert read("") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("task = ", "cannot be read as TOML"),
        ("tusk = 1", "'tusk' is unknown; did you mean task"),
        ("task = 1", "task=1 is not text"),
        ('seeds = "5"', "seeds='5' is not a whole number"),
        ("seeds = true", "seeds=True is not a whole number"),
        ("seeds = 5.0", "seeds=5.0 is not a whole number"),
        ("grid = 3", "grid=3 is not a table"),
        ("[grid]\ncapacity = 4", "grid.capacity=4 is not a list"),
        ("[grid]\ncapacity = []", r"grid.capacity=\[\] is not a list of values"),
        ('[random]\nnovelty = "0:1"', "random.count=None is not a number of points"),
        ("[random]\ncount = 0", "random.count=0 is not a number of points"),
        ("[random]\ncount = 2\nnovelty = 3", "random.novelty=3 is not text"),
    ],
)
def test_bad_files(read, text, why):
    with pytest.raises(ValueError, match=why):
        read(text)


def test_a_mark_at_the_beginning_does_not_matter(tmp_path):
    (tmp_path / "sweep.toml").write_text(GOOD, encoding="utf-8-sig")
    assert read_sweep_file(tmp_path / "sweep.toml")["task"] == "random-4"


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "x = " + "{a = " * 100_000])
def test_what_is_nested_too_deep_is_one_line(read, text):
    with pytest.raises(ValueError, match=r"cannot be read as TOML .nested too deep"):
        read(text)


def test_no_file(tmp_path):
    with pytest.raises(ValueError, match="cannot be read as TOML"):
        read_sweep_file(tmp_path / "none.toml")
