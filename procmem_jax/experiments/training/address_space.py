"""The address space that `ulimit -v` leaves, of which jax and its threads reserve far more than they use."""

from procmem_jax.experiments.training.control_group import allowed_cores

# Of a small run with its figure, measured on two cores: 3.0 GiB, of which each core's threads have a share.
_GIB = 2**30
_SHARED_BYTES, _CORE_BYTES = 2.6 * _GIB, 0.3 * _GIB


def check_address_space() -> None:
    """Raises a ValueError if there is less address space than a run takes.

    Where a thread or a page cannot be had, LLVM aborts the process, and Arrow waits for ever: no error can be caught.
    """
    limit, cores = _limit(), allowed_cores()
    needed = _SHARED_BYTES + cores * _CORE_BYTES
    if limit is not None and limit < needed:
        raise ValueError(
            f"ulimit -v {limit // 1024} allows {limit / _GIB:.1f} GiB of address space, jax and its threads reserve "
            f"about {needed / _GIB:.1f} GiB on {cores} cores; use `ulimit -v unlimited`, or bind it to fewer cores "
            "(taskset)"
        )


def _limit() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit
