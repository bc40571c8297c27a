"""What a command asks of jax before it is first used: cores as devices, and compiled programs that outlive it."""

import contextlib
import os
import pathlib

import jax

from procmem_jax.experiments.training.control_group import allowed_cores


def use_all_cores() -> None:
    """Makes every core of a CPU a device of its own, if jax has not started yet.

    Lanes split over two devices of one core each ran 1.4 times as fast as on one device of two cores (random-5, 1,024
    lanes): cores that share each small operation wait for each other all the time.
    """
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    # Raised where jax has started: then things stay as they are.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", allowed_cores())


def use_compilation_cache(folder: str | None) -> None:
    """Has this process keep its compiled programs in `folder`, and take from there what is the same; None: nothing.

    Programs are found again by the same version of jax on the same kind of device.

    Raises:
        OSError: the folder cannot be made.
    """
    if folder is None:
        return
    path = pathlib.Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(path.resolve()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
