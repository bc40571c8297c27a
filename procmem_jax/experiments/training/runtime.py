"""What a command asks of jax before it is first used: cores as devices, and compiled programs that outlive it."""

import contextlib
import os
import pathlib
import warnings
from collections.abc import Callable

import jax

from procmem_jax.experiments.storage.files import make_folder


def use_all_cores() -> None:
    """Makes every core of a CPU a device of its own, if jax has not started yet.

    Lanes split over two devices of one core each ran 1.4 times as fast as on one device of two cores (random-5, 1,024
    lanes): cores that share each small operation wait for each other all the time.
    """
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    # Raised where jax has started: then things stay as they are.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", _num_cores())


def _num_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def use_compilation_cache(folder: str | None, on_warning: Callable[[str], None] = lambda text: None) -> None:
    """Has this process keep its compiled programs in `folder`, and take from there what is the same; None: nothing.

    Programs are found again by the same version of jax on the same kind of device. A cache that cannot be read or
    written costs time only: `on_warning` is called once with a line about it.

    Raises:
        OSError: the folder cannot be made.
    """
    if folder is None:
        return
    path = pathlib.Path(folder)
    make_folder(path)
    _tell_once(folder, on_warning)
    jax.config.update("jax_compilation_cache_dir", str(path.resolve()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _tell_once(folder: str, on_warning: Callable[[str], None]) -> None:
    """Has jax's warnings about its cache, which come with every program, told once and in one line."""
    show, told = warnings.showwarning, []

    def show_others(message, *rest, **more):
        text = str(message)
        if "persistent compilation cache" not in text:
            show(message, *rest, **more)
        elif not told:
            told.append(text)
            why = text.rpartition(": ")[2]
            on_warning(f"compilation_cache={folder} cannot be used ({why}); results are as without it: make room")

    warnings.showwarning = show_others
