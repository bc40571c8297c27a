"""Times the environment, training, retrieval, scaling, compilation and foreign worlds, beside the installed peers.

Every suite prints a table and writes OUT/SUITE.json: machine, versions, sizes, compile and run time apart, median and
spread of the repeats, which are taken in turns so that noise falls on all alike. `bash scripts/setup.sh bench` installs
the peers.

`--device gpu` measures another list, made for a GPU: what the card can do, whether results are the same bits, worlds,
training at ever more lanes, retrieval, the kernels of a tick, and a million runs; each part writes OUT/PART.json.
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
    "profile": "profile",
}
GPU_PARTS = {"card": 60, "same": 150, "env": 120, "train": 300, "retrieval": 60, "kernels": 60, "sweep": 120}  # seconds


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


def run_gpu(names: list[str], options) -> None:
    """Runs the parts for a GPU, each in a process of its own.

    Raises:
        ValueError: there is no GPU.
        RuntimeError: a part failed; what the others found is printed and kept.
    """
    from benchmarks.gpu.parts import run_apart

    probe = "import jax; print(jax.default_backend())"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    if found.stdout.strip() != "gpu":
        raise ValueError("--device gpu: jax finds no GPU here; install procmem-jax[cuda13] where there is one")
    words = [sys.executable, __file__, "--device", "gpu", "--out", str(options.out), "--repeats", str(options.repeats)]
    words += ["--alone", "--force", *(["--quick"] if options.quick else [])]
    failed = run_apart({name: GPU_PARTS[name] for name in names}, words, options.out)
    if failed:
        raise RuntimeError("; ".join(failed))


def main(arguments: list[str] | None = None) -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: parser.exit(2, f"benchmark: error: {' '.join(str(message).split())}\n")
    known = f"any of {', '.join(SUITES)}, with --device gpu of {', '.join(GPU_PARTS)}; by default all"
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=known)
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="which list of suites; by default cpu")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, to see that everything works")
    parser.add_argument("--repeats", type=int, help="of every timing; by default 7, on a GPU 5, with --quick 2")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/benchmark"), help="folder of the files")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    _check(parser, options)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        run(options)
    except (OSError, ValueError) as error:
        parser.error(error)
    except RuntimeError as error:
        parser.exit(1, f"benchmark: error: {error}\n")


def _check(parser: argparse.ArgumentParser, options) -> None:
    """Fills in what follows from the options, and refuses what is off."""
    suites = list(GPU_PARTS if options.device == "gpu" else SUITES)
    options.suites = options.suites or suites
    if options.repeats is None:
        options.repeats = 2 if options.quick else 5 if options.device == "gpu" else 7
    if not 1 <= options.repeats <= 1000:
        parser.error(f"repeats={options.repeats} is outside 1 to 1000")
    for name in options.suites:
        if name not in suites:
            parser.error(f"suite={name!r} is unknown; choose from {', '.join(suites)}")
        if (options.out / f"{name}.json").exists() and not options.force:
            parser.error(f"{options.out / name}.json exists; give another --out, or --force")


def run(options) -> None:
    """Runs the suites, or one of them in this process."""
    if options.alone and options.device == "gpu":
        from benchmarks.gpu.parts import run_part
        from benchmarks.measure import Options

        name = options.suites[0]
        run_part(name, Options(options.quick, options.repeats), options.out / f"{name}.json")
    elif options.alone:
        run_suite(options.suites[0], options, options.out / f"{options.suites[0]}.json")
    elif options.device == "gpu":
        run_gpu(options.suites, options)
    else:
        run_all(options.suites, options)


if __name__ == "__main__":
    main()
