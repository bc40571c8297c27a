"""Compiled programs that outlive the process."""

import pathlib

import jax


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
