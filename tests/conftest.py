"""What holds for the whole suite: strict promotion, two CPU devices, CPU only, and programs that do not pile up.

Compiled programs are kept in a folder that git ignores, for all workers: compiling is more than half of the work. A
worker may meet an entry that another is writing, or that a killed one left behind; jax then warns and compiles.
"""

import gc
import itertools
import os
import pathlib
import shutil

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2".strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax
import pytest

from procmem_jax.experiments import presets, tasks
from procmem_jax.experiments.preset_names import PRESETS
from procmem_jax.experiments.task_registry import TASKS
from procmem_jax.experiments.training.lane_programs import build_programs

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

_FOLDER = pathlib.Path(__file__).parent
_PROGRAMS = _FOLDER.parent / ".jax_cache"
_MOST_BYTES = 2**30
if _PROGRAMS.exists() and sum(path.stat().st_size for path in _PROGRAMS.iterdir()) > _MOST_BYTES:
    shutil.rmtree(_PROGRAMS, ignore_errors=True)
jax.config.update("jax_compilation_cache_dir", str(_PROGRAMS))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.hookimpl(tryfirst=True)  # before pytest's own, which leaves out by marks
def pytest_collection_modifyitems(items):
    """What is for the optimized programs, or for an exhaustive run, is slow; long files go first, none alone last."""
    items.sort(key=lambda item: item.path.parent != _FOLDER)
    for item in items:
        if item.get_closest_marker("optimized") or item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.slow)


_MAPS = pathlib.Path("/proc/self/maps")
_MOST_MAPS = 45_000
_TESTS = itertools.count(1)


@pytest.hookimpl(tryfirst=True)  # before any fixture of the test has changed anything
def pytest_runtest_setup(item):
    """Forgets compiled programs once there are many: Linux gives a process 65,530 memory maps, and each takes some.

    Without this the whole suite in one process died of it after some 1,600 tests.
    """
    if next(_TESTS) % 5 == 0 and _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MOST_MAPS:
        build_programs.cache_clear()
        jax.clear_caches()
        gc.collect()


@pytest.fixture(autouse=True)
def registries(monkeypatch):
    """What a test registers, by itself or by code of the README, no other test sees."""
    monkeypatch.setattr(tasks, "_made", [])
    monkeypatch.setattr(presets, "_presets", dict(presets._presets))
    before = dict(TASKS), dict(PRESETS)
    yield
    for known, old in zip((TASKS, PRESETS), before, strict=True):
        known.clear()
        known.update(old)
