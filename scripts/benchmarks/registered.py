"""Every environment that other packages register: does it run, how fast, and what does the memory make of it?

Each in a process of its own, so that one that fails or takes too long costs no other; what is done is kept, and the
same command goes on from there and tries once more what failed. Speeds are steps in a second of one core's time, which
other work on the machine hardly changes.
"""

import argparse
import functools
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from benchmarks.measure import peer_versions
from procmem_jax import TrainResult, make_experiment, run_key, train, use_all_cores
from procmem_jax.envs.foreign.peer_names import PACKAGES
from procmem_jax.envs.foreign.peers import MissingPackageError, describe_peer, percept_title, registered
from procmem_jax.experiments.statistics.intervals import mean_interval, paired_difference
from procmem_jax.experiments.storage.files import read_json, write_json
from procmem_jax.experiments.storage.versions import versions
from procmem_jax.experiments.text_tables import markdown_table
from procmem_jax.experiments.training.driver import Progress
from procmem_jax.experiments.training.lanes import CHUNK_TICKS

SPEED = "steps_per_core_second"
LONG_SECONDS, LEAST_SECONDS = 5.0, 0.5  # that a run takes whose own speed counts; of the repetitions of a shorter one
STEPS = 20_000  # that an agent has time for, within these numbers of episodes
FEWEST, MOST = 20, 300
SHARE = 5  # returns are those of the last fifth of the episodes
TOLERANCE = 0.02  # of the range of returns
ASKED = ("agents", "seed", "explorer", "percept")  # the same for all rows of a file
SPEEDS = ("k steps a core second without memory", "with memory")
COLUMNS = ("task", "percept", "actions", "limit", *SPEEDS, "return without", "return with", "difference")


def measure(task: str, agents: int, seed: int, episodes: int | None, explorer: str | None = None) -> dict:
    """Returns what comes of `task` with and without the default memory, or why it is refused."""
    use_all_cores()
    try:
        arms = {arm: make_experiment(task, use_skills=arm == "with", explorer=explorer) for arm in ("without", "with")}
    except (TypeError, ValueError) as error:
        return {"refused": str(error)}
    environment = arms["with"][0].environment
    limit = int(environment.time_limit(arms["with"][1].environment))
    number = episodes or int(np.clip(STEPS // limit, FEWEST, MOST))
    row = {"percept": percept_title(environment.perceive), "actions": environment.num_actions, "limit": limit}
    row |= {"agents": agents, "episodes": number, "seed": seed}
    last, bounds = {}, []
    for arm, (config, params) in arms.items():
        meter = CoreRate(functools.partial(train, run_key(seed), config, params, agents, number), agents)
        result = meter.first()
        row[f"{SPEED}_{arm}"] = meter.rate(result)
        returns = result.metrics.episode_return.astype(np.float64)
        last[arm] = returns[:, -max(1, number // SHARE) :]
        bounds += [float(returns.min()), float(returns.max())]
        row[f"return_{arm}"] = [float(bound) for bound in mean_interval(last[arm].mean(axis=1))]
    difference = paired_difference(last["with"].mean(axis=1), last["without"].mean(axis=1), seed=0)
    row |= {"difference": [difference.value, difference.low, difference.high], "best": max(bounds)}
    return row | {"trapped": count_trapped(last["with"], last["without"], min(bounds), max(bounds))}


def count_trapped(with_memory: np.ndarray, without: np.ndarray, lowest: float, best: float) -> int:
    """Returns how many agents get nowhere with the memory, and somewhere without it.

    Args:
        with_memory, without: `[A, K]`, returns of the last episodes.
        lowest: return of any episode; who has it in each of the last ones gets nowhere.
        best: the same; who is half way from the lowest to it, in the mean, gets somewhere, if there is anywhere to get.
    """
    if best <= lowest:
        return 0
    stuck = np.all(with_memory <= lowest, axis=1)
    return int(np.sum(stuck & (without.mean(axis=1) >= (lowest + best) / 2)))


class CoreRate:
    """Steps of a run in a second of one core's time, without compiling."""

    def __init__(self, run: Callable[..., TrainResult], agents: int):
        self._run, self._first_steps, self._began = run, agents * CHUNK_TICKS, None

    def first(self) -> TrainResult:
        """Returns what comes of the run, with a look at the clock after its first chunk, before which it compiles."""
        return self._run(on_progress=self._note)

    def _note(self, progress: Progress) -> None:
        if progress.phase == "running" and self._began is None:
            self._began = time.process_time()

    def rate(self, result: TrainResult) -> float:
        """Returns the rate of the chunks after the first of the run that gave `result`; runs a short one again."""
        steps, seconds = _steps(result) - self._first_steps, time.process_time() - self._began
        if seconds > LONG_SECONDS:
            return steps / seconds
        began, steps = time.process_time(), 0
        while steps == 0 or time.process_time() - began < LEAST_SECONDS:
            steps += _steps(self._run())
        return steps / (time.process_time() - began)


def _steps(result: TrainResult) -> int:
    return int(result.metrics.steps.sum(dtype=np.int64))


def measure_apart(task: str, options: argparse.Namespace) -> dict:
    """Returns the row of a task, made by a process of its own that has `options.seconds` to do it."""
    command = [sys.executable, sys.argv[0], "registered", "--task", task, "--agents", str(options.agents)]
    command += ["--seed", str(options.seed), *(["--episodes", str(options.episodes)] if options.episodes else [])]
    command += ["--explorer", options.explorer] if options.explorer else []
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.seconds)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {options.seconds} s"}
    if done.returncode != 0:
        return {"failed": done.stderr.strip().rpartition("\n")[2]}
    return {**json.loads(done.stdout.strip().rpartition("\n")[2]), "seconds": round(time.monotonic() - began)}


def table(rows: dict[str, dict]) -> str:
    """Returns the rows as a Markdown table, sorted by name; what was refused says why."""
    return markdown_table(dict.fromkeys(COLUMNS, "<"), (_cells(task, row) for task, row in sorted(rows.items())))


def _cells(task: str, row: dict) -> list[str]:
    why = row.get("refused") or row.get("failed")
    if why:
        said = "refused" if "refused" in row else "failed"
        return [f"`{task}`", f"{said}: {why.partition('; ')[0].replace('|', '/')}", *[""] * (len(COLUMNS) - 2)]
    rates = (_thousands(row.get(f"{SPEED}_{arm}")) for arm in ("without", "with"))
    returns = (_text(row[name]) for name in ("return_without", "return_with", "difference"))
    return [f"`{task}`", row["percept"], str(row["actions"]), str(row["limit"]), *rates, *returns]


def _thousands(rate: float | None) -> str:
    return "" if rate is None else f"{rate / 1e3:,.{0 if rate >= 1e4 else 1}f}"


def _text(interval: list[float]) -> str:
    return "{:.3g} [{:.3g}, {:.3g}]".format(*interval)


def main(arguments: list[str] | None = None) -> None:
    """Measures what is not in the file yet, writes it after each environment, and prints the table."""
    parser = argparse.ArgumentParser(prog="peers_study.py registered", description=__doc__)
    parser.add_argument("packages", nargs="*", help=f"{', '.join(PACKAGES)}; by default those that are installed")
    parser.add_argument("--agents", type=int, default=64, help="of each side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1000, help="settings were tuned below 1000 (default: %(default)s)")
    parser.add_argument("--episodes", type=int, help=f"by default {STEPS:,} steps' worth, {FEWEST} to {MOST}")
    parser.add_argument("--percept", choices=("grid", "projected"), help="by default each environment's own")
    parser.add_argument("--longest", type=int, metavar="STEPS", help="leave out environments of longer episodes")
    parser.add_argument("--explorer", help="of both sides, such as least-tried; by default what suits the environment")
    parser.add_argument("--seconds", type=int, default=900, help="for each environment (default: %(default)s)")
    parser.add_argument("--only", default="", help="tasks whose name contains this")
    parser.add_argument("--task", help="measure this one here, and print its row as JSON")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/registered.json"))
    options = parser.parse_args(arguments)
    if options.task:
        print(json.dumps(measure(options.task, options.agents, options.seed, options.episodes, options.explorer)))
        return
    stored = read_json(options.out) if options.out.exists() else {"rows": {}}
    for name in ASKED:
        if stored["rows"] and stored.get(name) != getattr(options, name):
            parser.error(f"{options.out} holds rows of {name}={stored.get(name)}; give another --out")
    rows = stored["rows"]
    done = {task for task, row in rows.items() if "refused" in row or f"{SPEED}_with" in row}
    wanted = [task for task in _tasks(options) if task not in done]
    wanted.sort(key=rows.__contains__)
    for task in tqdm(wanted, disable=None, file=sys.stderr):
        rows[task] = measure_apart(task, options)
        options.out.parent.mkdir(parents=True, exist_ok=True)
        made_with = versions() | peer_versions(package.module for package in PACKAGES.values())
        made = {name: getattr(options, name) for name in ASKED} | {"versions": made_with}
        write_json(options.out, {**made, "rows": rows})
    print(table(rows))
    print(verdict(rows))


def verdict(rows: dict[str, dict]) -> str:
    """Returns which environments may lose by the memory more than 2% of what there is to win, which do, which trap.

    That is from the mean return without the memory to the best episode of either side.
    """
    told = {task: row for task, row in rows.items() if "best" in row}
    lost = {task: [bound / max(_range(row), 1e-9) for bound in row["difference"]] for task, row in told.items()}
    may, do = ([task for task, bounds in lost.items() if bounds[place] < -TOLERANCE] for place in (1, 2))
    count = len(told) - len(may)
    text = f"{count} of {len(told)} lose less than {TOLERANCE:.0%} of the range for certain"
    trapped = [f"{task} ({row['trapped']})" for task, row in told.items() if row.get("trapped")]
    named = {"perhaps more": may, "more for certain": do, "trapped agents": trapped}
    return "; ".join([text, *(f"{what}: {', '.join(sorted(tasks)) or 'none'}" for what, tasks in named.items())])


def _range(row: dict) -> float:
    return row["best"] - row["return_without"][0]


def _tasks(options: argparse.Namespace) -> list[str]:
    """Returns the tasks of some packages, or of all that are installed, that `options` ask for."""
    found = []
    for package in options.packages or PACKAGES:
        try:
            found += registered(package)
        except MissingPackageError as error:
            if options.packages:
                raise
            print(f"left out: {error}", file=sys.stderr)
    found = [task for task in found if options.only in task]
    if options.longest:
        found = [task for task in found if describe_peer(task).get("limit", np.inf) <= options.longest]
    return [f"{task}@{options.percept}" if options.percept else task for task in found]
