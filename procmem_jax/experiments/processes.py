"""Several processes, on one machine or many, that run one global program.

All of them run the same Python on the same values. What the outside world decides (files, clocks, free memory) only
the first process asks, and tells the others: `from_first`.
"""

import contextlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from procmem_jax.experiments import signals
from procmem_jax.experiments.signals import Interrupted

Result = TypeVar("Result")

_OPTIONS = "--coordinator, --num-processes and --process-id"
_BLOCK_BYTES = 1 << 26  # sent at once


def join_processes(
    distributed: bool, coordinator: str | None, num_processes: int | None, process_id: int | None
) -> None:
    """Joins the processes of one global program, if `distributed`; without an address the cluster's variables tell.

    Must come before jax is first used.

    Args:
        distributed: whether there are others at all.
        coordinator: HOST:PORT of the first process.
        num_processes: of them all.
        process_id: of this one, from 0.

    Raises:
        ValueError: something is missing, or the others cannot be reached.
    """
    given = (coordinator, num_processes, process_id)
    if not distributed:
        if any(value is not None for value in given):
            raise ValueError(f"{_OPTIONS} mean nothing without --distributed; add it")
        return
    if any(value is None for value in given) and any(value is not None for value in given):
        raise ValueError(f"{_OPTIONS} belong together; give all three, or none")
    if coordinator is not None:
        host, _, port = coordinator.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ValueError(f"coordinator={coordinator!r} is no address; give HOST:PORT")
        if num_processes < 1 or not 0 <= process_id < num_processes:
            raise ValueError(f"process_id={process_id} is not one of 0 to num_processes - 1 = {num_processes - 1}")
    try:
        jax.distributed.initialize(coordinator, num_processes, process_id)
    except (RuntimeError, ValueError) as error:
        what = str(error).splitlines()[0]
        raise ValueError(f"distributed: the processes did not find each other ({what})") from None


def is_first() -> bool:
    """Whether this process is the one that writes and speaks; starts jax."""
    return jax.process_index() == 0


def spans_processes(devices: Sequence[jax.Device]) -> bool:
    """Whether some of `devices` belong to another process than others."""
    return len({device.process_index for device in devices}) > 1


def from_first(ask: Callable[[], Result]) -> Result:
    """Returns in every process what `ask` returns in the first one, the only one to call it; raises what it raises.

    All processes must come here, in the same order. The result is pickled on its way to the others.
    """
    if jax.process_count() == 1:
        return ask()
    result, error = None, None
    if is_first():
        try:
            result = ask()
        except (Exception, Interrupted) as raised:
            error = raised
    result, error = pickle.loads(_broadcast(pickle.dumps((result, error)) if is_first() else b""))
    if error is not None:
        raise error
    return result


def asked_anywhere() -> int | None:
    """Returns the signal that asked one of the processes to end, None if there was none; all must come here."""
    if jax.process_count() == 1:
        return signals.asked()
    return int(multihost_utils.process_allgather(np.int32(signals.asked() or 0)).max()) or None


def end_if_asked(left: str) -> None:
    """Ends the work if one of the processes was asked to; otherwise signals act at once again. All must come here.

    Args:
        left: what there is, for the line that the command ends with.

    Raises:
        Interrupted: there was a signal.
    """
    number = asked_anywhere()
    if number is not None:
        raise Interrupted(number, left if is_first() else "")
    signals.release()


def _broadcast(data: bytes) -> bytes:
    size = int(multihost_utils.broadcast_one_to_all(np.int32(-(-len(data) // _BLOCK_BYTES))))
    length = int(multihost_utils.broadcast_one_to_all(np.int32(len(data) % _BLOCK_BYTES)))
    parts = []
    for start in range(size):
        is_last = start == size - 1
        count = length if is_last and length else _BLOCK_BYTES
        here = np.frombuffer(data, np.uint8, count, start * _BLOCK_BYTES) if data else np.zeros(count, np.uint8)
        parts.append(np.asarray(multihost_utils.broadcast_one_to_all(here)).tobytes())
    return b"".join(parts)


def to_host(array: jax.Array) -> np.ndarray:
    """Returns the whole of an array that is split over devices, in every process that shares it."""
    if isinstance(array, jax.Array) and not array.is_fully_addressable:
        return multihost_utils.process_allgather(array, tiled=True)
    return np.asarray(array)


def rows_to_host(array: jax.Array, places: np.ndarray) -> np.ndarray:
    """Returns the rows at `places` (`[F]` integers, ascending) of an array, in every process that shares it.

    Of one that is split over devices, only these are put together.
    """
    if not isinstance(array, jax.Array) or not array.is_fully_addressable or len(array.sharding.device_set) == 1:
        return to_host(array)[places]
    shards = [(shard.index[0].start or 0, shard.data) for shard in array.addressable_shards]
    shards.sort(key=lambda shard: shard[0])
    ends = np.searchsorted(places, [first + len(rows) for first, rows in shards])
    parts = np.split(places, ends[:-1])
    return np.concatenate([np.asarray(rows)[part - first] for (first, rows), part in zip(shards, parts, strict=True)])


@contextlib.contextmanager
def entered_by_first(context: contextlib.AbstractContextManager[None]) -> Iterator[None]:
    """Has the first process, and no other, hold `context` while the body runs; raises what entering it raises."""
    with contextlib.ExitStack() as stack:
        from_first(lambda: stack.enter_context(context))
        yield
