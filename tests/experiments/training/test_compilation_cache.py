"""A cache of compiled programs that is full costs a line, not a line for every program."""

import warnings

import jax
import pytest

from procmem_jax.experiments.training.runtime import use_compilation_cache


@pytest.fixture
def restored(monkeypatch):
    """Puts everything back that the cache changes."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_jaxs_warnings_become_one_line(tmp_path, restored, monkeypatch):
    told, others = [], []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *rest: others.append(str(message)))
    use_compilation_cache(str(tmp_path / "cache"), told.append)
    for name in ("jit_one", "jit_two"):
        text = f"Error writing persistent compilation cache entry for '{name}': OSError: No space left on device"
        warnings.showwarning(UserWarning(text), UserWarning, "compiler.py", 1)
    warnings.showwarning(UserWarning("something else"), UserWarning, "compiler.py", 1)
    why = "cannot be used (No space left on device); results are as without it: make room"
    assert told == [f"compilation_cache={tmp_path / 'cache'} {why}"] and others == ["something else"]


def test_a_place_where_no_folder_can_be(tmp_path, restored):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file/cache: the folder cannot be made .Not a directory.; choose another"):
        use_compilation_cache(str(tmp_path / "file" / "cache"))
