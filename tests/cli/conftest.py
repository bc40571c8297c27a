"""Where the commands of these tests work."""

import pytest


@pytest.fixture
def in_an_empty_folder(monkeypatch, tmp_path):
    """The current folder, empty; errors are told as users see them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROCMEM_TRACEBACK", raising=False)
