"""Runs the parts one after the other, each in a process of its own; one that fails or is too slow costs no other."""

import importlib
import pathlib
import subprocess
import sys
import time

from benchmarks.measure import Options, machine, peer_versions
from procmem_jax.experiments.storage.files import read_json, write_json
from procmem_jax.experiments.text_tables import aligned_table


def run_part(name: str, options: Options, path: pathlib.Path) -> None:
    """Runs one part in this process, and writes what it has after every row, so that nothing is lost."""
    part = importlib.import_module(f"benchmarks.gpu.{name}")
    about = {"part": name, "quick": options.quick, "repeats": options.repeats}
    about |= {"machine": machine(), "peers": peer_versions()}
    rows: list[dict] = []
    for row in part.run(options):
        rows.append(row)
        write_json(path, about | {"rows": rows})


def run_apart(limits: dict[str, float], words: list[str], folder: pathlib.Path) -> list[str]:
    """Runs the parts, prints their tables at the end, and returns a line for each that failed.

    Args:
        limits: seconds after which each part is stopped; what it has found by then is kept.
        words: the command that runs one part, but for its name.
        folder: of their files, PART.json.
    """
    failed = []
    for name, seconds in limits.items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            done = subprocess.run([*words, name], timeout=seconds, check=False).returncode
            why = f"exit status {done}" if done else ""
        except subprocess.TimeoutExpired:
            why = f"stopped after {seconds} s"
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        if why:
            failed.append(f"{name}: {why}")
    for name in limits:
        path = folder / f"{name}.json"
        if path.exists():
            print(f"\n{name}, {part_title(read_json(path))}\n\n{part_table(name, read_json(path)['rows'])}")
    return failed


def part_title(report: dict) -> str:
    """Returns what the part ran on."""
    about = report["machine"]
    return f"{about['device']}, jax {about['versions']['jax']}, {report['repeats']} repeats"


def part_table(name: str, rows: list[dict]) -> str:
    """Returns a part's rows as aligned text."""
    columns = importlib.import_module(f"benchmarks.gpu.{name}").COLUMNS
    lines = [columns, *([_cell(row.get(column, "")) for column in columns] for row in rows)]
    return aligned_table(lines, "<" + ">" * (len(columns) - 1))


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
