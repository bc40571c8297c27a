"""What Linux lets this process have: the cores and the memory of its control group, which are often not the host's.

Containers and batch systems (Docker, Kubernetes, SLURM) set the limits of a group; a group within others has what the
tightest of them leaves. Both versions of control groups are read, and a mixture of the two.
"""

import math
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

Found = TypeVar("Found", int, float)

_CACHE = {"inactive_file", "total_inactive_file"}  # of memory.stat: what the kernel gives back when it is needed


def allowed_cores(root: pathlib.Path = pathlib.Path("/")) -> int:
    """Returns how many cores may be used, at least 1: those of the process, or as many as its quota keeps busy.

    Args:
        root: of the file system.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        cores = os.cpu_count() or 1
    quota = _least(root, "cpu", _quota)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def free_memory(root: pathlib.Path = pathlib.Path("/")) -> int | None:
    """Returns the bytes that are left of the group's limit, None if it has none.

    Args:
        root: of the file system.
    """
    free = _least(root, "memory", _memory_left)
    return None if free is None else max(free, 0)


def _least(root: pathlib.Path, controller: str, ask: Callable[[pathlib.Path], Found | None]) -> Found | None:
    """Returns the least that `ask` finds in the folders of the group and of all groups around it."""
    found = []
    for folder in _folders(root, controller):
        try:
            found.append(ask(folder))
        except (OSError, ValueError, IndexError):  # not this version's folder, or not ours to read
            continue
    return min((limit for limit in found if limit is not None), default=None)


def _quota(folder: pathlib.Path) -> float | None:
    if (folder / "cpu.max").exists():
        quota, period = (folder / "cpu.max").read_text().split()
    else:
        quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    return None if quota in ("max", "-1") else int(quota) / int(period)


def _memory_left(folder: pathlib.Path) -> int | None:
    limit, used = ("memory.max", "memory.current")
    if not (folder / limit).exists():
        limit, used = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    most = (folder / limit).read_text().strip()
    if most == "max" or int(most) >= 2**60:  # version 1 says "none" by the largest number of pages
        return None
    rows = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
    cached = max((int(row[1]) for row in rows if row[0] in _CACHE), default=0)
    return int(most) - int((folder / used).read_text()) + cached


def _folders(root: pathlib.Path, controller: str) -> Iterator[pathlib.Path]:
    """Yields the folders that may limit `controller` for this process, from its own group up to the top."""
    try:
        groups = _groups((root / "proc/self/cgroup").read_text())
        mounts = (root / "proc/self/mountinfo").read_text().splitlines()
    except OSError:  # no Linux
        return
    for mount in mounts:
        fields, _, kind = mount.partition(" - ")
        version, _, options = (*kind.split(), "", "", "")[:3]
        name = {"cgroup": controller if controller in options.split(",") else None, "cgroup2": ""}.get(version)
        if name not in groups:
            continue
        top, point = (re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), part) for part in fields.split()[3:5])
        # A container that sees its host's paths has its own group mounted at the top.
        inside = pathlib.PurePosixPath(groups[name])
        below = inside.relative_to(top) if inside.is_relative_to(top) and ".." not in inside.parts else ""
        here = pathlib.PurePosixPath(below)
        yield from (root / point.lstrip("/") / group for group in (here, *here.parents))


def _groups(text: str) -> dict[str, str]:
    """Returns the path of this process's group by controller of version 1; that of version 2 has none, ""."""
    lines = (line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2)
    return {name: path for _, names, path in lines for name in names.split(",")}
