"""Timing contenders in turns, so that what disturbs a machine disturbs all of them; rates and ratios with spread."""

import contextlib
import dataclasses
import importlib.metadata
import os
import pathlib
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence

import jax
from tqdm import tqdm

from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.text_tables import aligned_table

RUN_SECONDS = 0.3
LONGEST_RUN = 2**20


@dataclasses.dataclass(frozen=True)
class Built:
    """Something that is ready to run.

    Attributes:
        run: runs once to the end; returns (units of work done, seconds that they took).
        compile_seconds: of what `run` runs, None where nothing is compiled.
        facts: what else the report should tell, JSON values.
    """

    run: Callable[[], tuple[float, float]]
    compile_seconds: float | None = None
    facts: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Contender:
    """One thing to be timed.

    Attributes:
        name: of the program.
        sizes: of the work, such as `{"agents": 1024}`.
        build: makes it ready; returns a `Built`.
    """

    name: str
    sizes: dict[str, int | str]
    build: Callable[[], Built]


@dataclasses.dataclass(frozen=True)
class Options:
    """How a suite is run.

    Attributes:
        quick: the smallest sizes only, to see that everything works.
        repeats: of every timing.
    """

    quick: bool
    repeats: int


def measure(contenders: Sequence[Contender], options: Options) -> list[dict]:
    """Returns a row for each contender, all timed in turns after a run each that does not count.

    Every row has the name, the sizes, `unit_seconds` (one per repeat), its median and spread, `units_per_second` (of
    the median), `compile_seconds` and the facts.
    """
    built = [contender.build() for contender in contenders]
    for one in built:
        one.run()
    seconds: list[list[float]] = [[] for _ in built]
    rounds = tqdm(range(options.repeats), desc=contenders[0].name, leave=False, disable=None, file=sys.stderr)
    for _ in rounds:
        for one, taken in zip(built, seconds, strict=True):
            units, elapsed = one.run()
            taken.append(elapsed / units)
    return [row_of(*parts) for parts in zip(contenders, built, seconds, strict=True)]


def row_of(contender: Contender, built: Built, unit_seconds: list[float]) -> dict:
    """Returns a contender's row."""
    median = statistics.median(unit_seconds)
    return {
        "name": contender.name,
        **contender.sizes,
        "compile_seconds": built.compile_seconds,
        "unit_seconds": unit_seconds,
        "median": median,
        "min": min(unit_seconds),
        "max": max(unit_seconds),
        "units_per_second": 1 / median,
        **built.facts,
    }


def ratio(label: str, fast: dict, slow: dict, target: float | None = None) -> dict:
    """Returns how many times as fast `fast` is as `slow`, repeat by repeat (rows timed in turns)."""
    times = [b / a for a, b in zip(fast["unit_seconds"], slow["unit_seconds"], strict=True)]
    median = statistics.median(times)
    met = None if target is None else median >= target
    return {"label": label, "median": median, "min": min(times), "max": max(times), "target": target, "met": met}


def until_long_enough(run: Callable[[int], object], *, shortest: float = RUN_SECONDS) -> int:
    """Returns a count at which `run(count)` takes about `shortest` seconds, at most `LONGEST_RUN`."""
    count = 8
    while True:
        started = time.perf_counter()
        run(count)
        elapsed = time.perf_counter() - started
        if elapsed >= shortest / 2 or count >= LONGEST_RUN:
            return max(1, min(LONGEST_RUN, round(count * shortest / max(elapsed, 1e-9))))
        count *= 4


def repeated(run: Callable[[int], object], units: float, compile_seconds: float | None = None, **facts) -> Built:
    """Returns `run(count)` built with a count that takes long enough; each of the count is `units` of work."""
    count = until_long_enough(run)

    def timed() -> tuple[float, float]:
        started = time.perf_counter()
        run(count)
        return count * units, time.perf_counter() - started

    return Built(timed, compile_seconds, facts)


def compiled(function: Callable, *arguments, donate: Sequence[int] = ()) -> tuple[Callable, float]:
    """Returns (`function` compiled for these arguments, the seconds that it took)."""
    started = time.perf_counter()
    program = jax.jit(function, donate_argnums=donate).lower(*arguments).compile()
    return program, time.perf_counter() - started


def traced(run: Callable[[], object], is_wanted: Callable[[str, str], bool]) -> list[tuple[str, float, float]]:
    """Returns (name, start, duration), in nanoseconds, of what the profiler saw while `run` ran.

    Args:
        run: must end when its work is done.
        is_wanted: (name of a plane, name of a line of it) -> whether its events are told.
    """
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            run()
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        planes = jax.profiler.ProfileData.from_file(str(path)).planes
        lines = (line for plane in planes for line in plane.lines if is_wanted(plane.name, line.name))
        return [(event.name, event.start_ns, event.duration_ns) for line in lines for event in line.events]


def machine() -> dict:
    """Returns what the timings were taken on."""
    device = jax.local_devices()[0]
    return {
        "system": platform.system(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "device": device.device_kind,
        "platform": device.platform,
        "local_devices": jax.local_device_count(),
        "versions": versions(),
    }


_PEERS = ("gymnax", "navix", "xminigrid", "gymnasium", "minigrid", "faiss-cpu")


def peer_versions(names: Iterable[str] = _PEERS) -> dict[str, str]:
    """Returns the versions of those packages that are installed."""
    found = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def table(rows: Iterable[dict], columns: Sequence[str]) -> str:
    """Returns rows as aligned text: the named columns, then rate, time a unit with its spread, and compile time."""
    lines = [[*columns, "units/s", "time a unit", "min to max", "compile"]]
    for row in rows:
        spread = f"{_seconds(row['min'])} to {_seconds(row['max'])}"
        compile_time = "-" if row["compile_seconds"] is None else f"{row['compile_seconds']:.1f} s"
        cells = [_cell(row.get(column, "")) for column in columns]
        lines.append([*cells, _count(row["units_per_second"]), _seconds(row["median"]), spread, compile_time])
    return _aligned(lines)


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    return aligned_table(lines, "<" + ">" * (len(lines[0]) - 1))


def _cell(value) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _count(number: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def _seconds(number: float) -> str:
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number * 1e9:.3g} ns"


def ratio_lines(ratios: Iterable[dict]) -> str:
    """Returns ratios as text, with their targets."""
    lines = [["ratio", "median", "min to max", "target"]]
    for one in ratios:
        target = "-" if one["target"] is None else f"{one['target']:.3g} {'met' if one['met'] else 'NOT met'}"
        lines.append([one["label"], f"{one['median']:.3g}", f"{one['min']:.3g} to {one['max']:.3g}", target])
    return _aligned(lines)
