"""Times the environment, training, retrieval, scaling, compilation and foreign worlds, beside the installed peers.

Every suite prints a table and writes OUT/SUITE.json: machine, versions, sizes, compile and run time apart, median and
spread of the repeats, which are taken in turns so that noise falls on all alike. `bash scripts/setup.sh bench` installs
the peers.
"""

import argparse
import importlib
import pathlib
import subprocess
import sys

from procmem_jax.experiments.storage.files import read_json, write_json

SUITES = {
    "env": "environments",
    "train": "training",
    "retrieval": "retrieval",
    "scaling": "scaling",
    "compile": "compiling",
    "foreign": "foreign",
}


def run_suite(name: str, options, path: pathlib.Path) -> None:
    """Runs one suite in this process, prints its tables and writes its file."""
    from benchmarks.measure import Options, machine, peer_versions, ratio_lines, table

    suite = importlib.import_module(f"benchmarks.{SUITES[name]}")
    rows, ratios = suite.run(Options(quick=options.quick, repeats=options.repeats))
    if options.quick:  # the targets are for the full sizes
        ratios = [one | {"target": None, "met": None} for one in ratios]
    about = {"suite": name, "unit": suite.UNIT, "quick": options.quick, "repeats": options.repeats}
    about |= {"machine": machine(), "peers": peer_versions()}
    write_json(path, about | {"rows": rows, "ratios": ratios})
    print(f"\n{name}: {suite.UNIT}, {options.repeats} repeats\n")
    print(table(rows, suite.COLUMNS))
    if ratios:
        print(f"\n{ratio_lines(ratios)}")


def run_all(names: list[str], options) -> None:
    """Runs every suite in a process of its own, then draws the rates.

    Raises:
        RuntimeError: a suite failed.
    """
    from benchmarks.figure import draw_rates

    for name in names:
        words = [sys.executable, __file__, name, "--out", str(options.out), "--repeats", str(options.repeats)]
        words += ["--alone", *(["--quick"] if options.quick else []), *(["--force"] if options.force else [])]
        if subprocess.run(words, check=False).returncode:
            raise RuntimeError(f"the suite {name} failed")
    reports = [read_json(options.out / f"{name}.json") for name in names]
    if draw_rates(options.out / "rates.png", reports):
        print(f"\nfigure: {options.out / 'rates.png'}")


def main(arguments: list[str] | None = None) -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: parser.exit(2, f"benchmark: error: {' '.join(str(message).split())}\n")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"any of {', '.join(SUITES)}; by default all")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, to see that everything works")
    parser.add_argument("--repeats", type=int, help="of every timing; by default 7, with --quick 2")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/benchmark"), help="folder of the files")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    names = options.suites or list(SUITES)
    options.repeats = options.repeats if options.repeats is not None else (2 if options.quick else 7)
    if not 1 <= options.repeats <= 1000:
        parser.error(f"repeats={options.repeats} is outside 1 to 1000")
    for name in names:
        if name not in SUITES:
            parser.error(f"suite={name!r} is unknown; choose from {', '.join(SUITES)}")
        if (options.out / f"{name}.json").exists() and not options.force:
            parser.error(f"{options.out / name}.json exists; give another --out, or --force")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        if options.alone:
            run_suite(names[0], options, options.out / f"{names[0]}.json")
        else:
            run_all(names, options)
    except OSError as error:
        parser.error(error)
    except RuntimeError as error:
        parser.exit(1, f"benchmark: error: {error}\n")


if __name__ == "__main__":
    main()
