"""What is told of stored results: that newer versions made them, or that nothing is known about their bits."""

import json

import pytest

from procmem_jax.cli.reports.origin import tell_origin
from procmem_jax.experiments.storage.checksums import write_vouching
from procmem_jax.experiments.storage.versions import newer_versions, versions


@pytest.mark.parametrize(
    ("made_with", "told"),
    [
        ({}, ""),
        ({"jax": "0.4.0", "procmem_jax": "0.0.9"}, ""),
        (versions(), ""),
        ({"jax": "99.1.0"}, f"jax 99.1.0 (here {versions()['jax']})"),
        ({"procmem_jax": "99.0.0.dev3"}, f"procmem_jax 99.0.0.dev3 (here {versions()['procmem_jax']})"),
        ({"jax": None, "python": "99"}, ""),
    ],
)
def test_newer_versions(made_with, told):
    assert newer_versions(made_with) == told


def test_a_folder_of_this_version_needs_no_word(tmp_path, capsys):
    write_vouching(tmp_path / "config.json", {"format": 2, "versions": versions()}, {})
    tell_origin(tmp_path)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("made_with", [None, [], "jax", {"jax": "99.0"}])
def test_what_is_unknown_or_newer_is_told(tmp_path, capsys, made_with):
    (tmp_path / "config.json").write_text(json.dumps({"format": 2, "versions": made_with}))
    tell_origin(tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].endswith("is of an earlier version, which kept no sha256: nothing is known about its bits")
    assert len(lines) == (2 if isinstance(made_with, dict) else 1)
