"""What holds for the whole suite: strict promotion, two CPU devices, CPU only, and programs that do not pile up.

Compiled programs are kept in a folder that git ignores, for all workers and the processes that tests start. Compiling
is more than half of the work: a second run takes a fraction of the first.
"""

import gc
import itertools
import os
import pathlib

os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2".strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(pathlib.Path(__file__).parents[1] / ".jax_cache"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(2**30))  # with a bound, writers lock each other out

import jax
import pytest

from procmem_jax.experiments.training.lane_programs import build_programs

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

_MAPS = pathlib.Path("/proc/self/maps")
_MOST_MAPS = 25_000
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
