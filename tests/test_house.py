"""How large the rooms are, and their files."""

import pathlib

import pytest

import procmem_jax

PACKAGE = pathlib.Path(procmem_jax.__file__).parent
MOST_LINES, MOST_FILES = 400, 15


@pytest.mark.parametrize("folder", [PACKAGE, *(path.parent for path in PACKAGE.rglob("*/__init__.py"))], ids=str)
def test_folders_and_files_are_small(folder):
    files = sorted(folder.glob("*.py"))
    assert 0 < len(files) <= MOST_FILES, f"{folder} holds {len(files)} files"
    lines = {path.name: path.read_text(encoding="utf-8").count("\n") for path in files}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_every_folder_says_what_it_holds():
    for folder in {path.parent for path in PACKAGE.rglob("*.py")}:
        assert (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""'), folder
