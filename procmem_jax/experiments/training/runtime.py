"""What a command asks of jax before it is first used: cores as devices, and compiled programs that outlive it."""

import contextlib
import os
import pathlib
import warnings
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np

from procmem_jax.experiments.storage.files import make_folder
from procmem_jax.experiments.training.control_group import allowed_cores

_NOT_TRACEABLE = (
    "training cannot be traced: it compiles its own programs and gathers results in Python; call it outside of jit, "
    "vmap and grad, with num_agents for many agents and make_sweep for many settings, or put its parts (memory, "
    "environment, agents.rollout.run_ticks) into a loop of your own"
)

_ADVISED_LANES, _ADVISED_EPISODES = 256, 20_000
_has_advised = False


def use_all_cores() -> None:
    """Makes every core of a CPU a device of its own; must come before jax is first used, else there is a warning.

    What says itself how many devices there are (`XLA_FLAGS`, `jax_num_cpu_devices`) is left as it is.

    Lanes split over two devices of one core each ran 1.4 times as fast as on one device of two cores (random-5, 1,024
    lanes): cores that share each small operation wait for each other all the time.
    """
    if _is_number_chosen():
        return
    try:
        jax.config.update("jax_num_cpu_devices", allowed_cores())
    except RuntimeError:
        if _leaves_cores_idle(jax.local_devices()):
            text = "use_all_cores() comes too late: jax has started with one device; call it before anything of jax"
            warnings.warn(text, stacklevel=2)


def advise_all_cores(devices: Sequence[jax.Device], lanes: int, num_episodes: int) -> None:
    """Warns, once in a process, that a run of so many lanes, and episodes of them together, leaves cores idle.

    Args:
        devices: that it runs on.
        lanes: as many devices as there are must have enough of them.
        num_episodes: fewer than 20,000 are not worth a thought.
    """
    global _has_advised
    if _has_advised or _is_number_chosen() or lanes < _ADVISED_LANES or num_episodes < _ADVISED_EPISODES:
        return
    if _leaves_cores_idle(devices):
        _has_advised = True
        text = (
            f"this run uses one of {allowed_cores()} cores well; call procmem_jax.use_all_cores() first in the program"
        )
        warnings.warn(text, stacklevel=4)  # behind `train` and what wraps it


def _leaves_cores_idle(devices: Sequence[jax.Device]) -> bool:
    return len(devices) == 1 and devices[0].platform == "cpu" and allowed_cores() > 1


def _is_number_chosen() -> bool:
    """Whether somebody has said how many devices a CPU is to be."""
    flags = os.environ.get("XLA_FLAGS", "")
    return "xla_force_host_platform_device_count" in flags or jax.config.jax_num_cpu_devices > 0


@contextlib.contextmanager
def own_programs() -> Iterator[None]:
    """Keeps a mesh that the caller has set (`jax.set_mesh`) out of the body, whose programs choose their devices.

    Raises:
        TypeError: this is inside of a function that jax traces.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(jax.set_mesh(jax.sharding.Mesh(np.empty((), dtype=object), ())))
        except ValueError:
            raise TypeError(_NOT_TRACEABLE) from None
        yield


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
