"""Suite `profile`: which of our functions a compiled tick of the default memory spends its time in, on one CPU core.

A trace of XLA's CPU backend gives the time of each kernel. The instructions of a kernel know from which line they come;
its time is shared among these lines' functions by the elements that their instructions make. So a sum over kernels is
measured, and its parts within one kernel are an estimate: a division counts like an addition. The row "untraced" is
processor time of all, calls of kernels and loops around them included; every kernel's trace takes some time of its own.
"""

import collections
import dataclasses
import math
import os
import re
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp

from benchmarks.measure import Built, Contender, Options, compiled, row_of, traced
from benchmarks.training import SEED, Case
from procmem_jax import run_key
from procmem_jax.agents import rollout
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.training.memory_need import suiting_lanes
from procmem_jax.records import as_arrays
from procmem_jax.streams import open_streams

COLUMNS = ("name", "capacity", "agents", "share", "kernels")
UNIT = "agent steps, of agents that are all in the middle of their lives"
RECORDED = 16  # episodes
WARM_TICKS, TRACED_TICKS = 1024, 256
SMALLEST_SHARE = 0.01  # functions with less are added up
CASES = (Case("random-5", "default", 0, 0, capacity=64), Case("doorkey-8", "default", 0, 0, capacity=128))
_MOVES_NOTHING = {"parameter", "constant", "bitcast", "broadcast", "iota", "tuple", "get-tuple-element"}
_NESTED = ("while", "call", "cond")


@dataclasses.dataclass(frozen=True)
class Program:
    """What the text of a compiled program says of it.

    Attributes:
        functions: of each stack frame the innermost function of this package, "FILE FUNCTION".
        kernels: of each kernel the elements that each function makes in it.
    """

    functions: dict[int, str]
    kernels: dict[str, collections.Counter]


def read_program(text: str) -> Program:
    """Returns what the optimized HLO of a program tells.

    Raises:
        ValueError: the text tells nothing of stack frames.
    """
    functions = _functions_of_frames(text)
    if not functions:
        raise ValueError("the compiled program tells no stack frames; take a version of jax that writes them")
    made, calls, name = collections.defaultdict(collections.Counter), {}, None
    for line in text.splitlines():
        if opened := re.match(r"(?:ENTRY )?%([\w.\-]+) \(.*\{$", line):
            name = opened[1]
        found = re.match(r"\s+(?:ROOT )?%([\w.\-]+) = (.*?) ([\w\-]+)\(", line)
        if found is None or found[3] in _MOVES_NOTHING:
            continue
        frame = re.search(r"stack_frame_id=(\d+)", line)
        function = functions.get(int(frame[1]), "other") if frame else "other"
        called = re.search(r"calls=%([\w.\-]+)", line)
        if called and found[3] == "fusion":
            calls[found[1]] = called[1]
        else:
            calls[found[1]] = None
            made[name, found[1]][function] += _elements(found[2])
    inside = collections.defaultdict(collections.Counter)
    alone = {}
    for (computation, instruction), counts in made.items():
        inside[computation] += counts
        alone[instruction] = counts
    return Program(functions, {kernel: inside[to] if to else alone[kernel] for kernel, to in calls.items()})


def _functions_of_frames(text: str) -> dict[int, str]:
    tables, table = collections.defaultdict(dict), None
    for line in text.splitlines():
        if line in ("FileNames", "FunctionNames", "FileLocations", "StackFrames"):
            table = tables[line]
        elif entry := re.match(r"(\d+) (.*)", line):
            if table is not None:
                quoted = entry[2].startswith('"')
                facts = entry[2].strip('"') if quoted else {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", entry[2])}
                table[int(entry[1])] = facts
        elif line.strip():
            table = None

    def name(frame: int) -> str:
        while True:
            facts = tables["StackFrames"][frame]
            place = tables["FileLocations"][facts["file_location_id"]]
            file = tables["FileNames"][place["file_name_id"]].replace(os.sep, "/")
            if "procmem_jax/" in file:
                function = tables["FunctionNames"][place["function_name_id"]].split(".<locals>")[0]
                return f"{file.rsplit('procmem_jax/', 1)[1].removesuffix('.py')} {function}"
            if facts.get("parent_frame_id", frame) in (0, frame):
                return "other"
            frame = facts["parent_frame_id"]

    return {frame: name(frame) for frame in tables["StackFrames"]}


def _elements(shape: str) -> int:
    return sum(math.prod(int(n) for n in dims.split(",") if n) for dims in re.findall(r"\w+\[([\d,]*)\]", shape))


def kernel_times(run: Callable[[], object]) -> dict[str, list[float]]:
    """Returns the nanoseconds of every run of each kernel while `run` runs; the clock's own time is off."""
    times = collections.defaultdict(list)
    for name, _, duration in traced(run, lambda plane, line: "XLA" in line):
        if not name.startswith(("end: ", *_NESTED)) and "::" not in name:
            times[name].append(duration)
    clock = min(min(several) for several in times.values())
    return {name: [one - clock for one in several] for name, several in times.items()}


def _running(case: Case) -> tuple:
    """Returns (run: number of ticks -> None, the program's text, seconds that it took to compile)."""
    config, params = case.experiment()
    agent, params = ProceduralAgent(config), jax.tree.map(jnp.asarray, as_arrays(params))
    streams = open_streams(run_key(SEED))
    lives = jnp.full((case.agents,), 2**30, jnp.int32)
    inputs = jax.vmap(agent.make_inputs)(jnp.arange(case.agents, dtype=jnp.uint32), lives)
    state = rollout.begin_agents(agent, params, streams, inputs, num_recorded=RECORDED)

    def ticks(params, streams, inputs, state, count):
        return rollout.run_ticks(agent, params, streams, inputs, state, count)

    program, seconds = compiled(ticks, params, streams, inputs, state, jnp.int32(1), donate=(3,))

    def run(count: int) -> None:
        nonlocal state
        state = program(params, streams, inputs, state, jnp.int32(count // agent.block_ticks))
        jax.block_until_ready(state)

    return run, program.as_text(), seconds


def _lanes(case: Case) -> int:
    """Returns how many agents `procmem train` gives to one core."""
    return suiting_lanes(*case.experiment(), RECORDED, jax.local_devices()[:1])


def profile(case: Case, options: Options) -> list[dict]:
    """Returns a row for each function of ours, dearest first, and one for what a step takes untraced."""
    run, text, seconds = _running(case)
    run(WARM_TICKS)
    program, steps = read_program(text), TRACED_TICKS * case.agents
    spent, launched, whole = collections.defaultdict(list), collections.Counter(), []
    for _ in range(options.repeats):
        started = time.process_time()
        run(TRACED_TICKS)
        whole.append((time.process_time() - started) / steps)
        shares = _by_function(program, kernel_times(lambda: run(TRACED_TICKS)), steps)
        launched = collections.Counter({name: count for name, (_, count) in shares.items()})
        for name, (took, _) in shares.items():
            spent[name].append(took)
    sizes = {"capacity": case.experiment()[0].library.capacity, "agents": case.agents}
    total = sum(sorted(several)[len(several) // 2] for several in spent.values())
    rows = [_row(name, several, sizes, total, launched[name]) for name, several in spent.items()]
    rows.sort(key=lambda row: -row["median"])
    label = f"untraced, {case.preset} on {case.task}"
    return [_row(label, whole, sizes, None, sum(launched.values()), seconds), *rows]


def _by_function(program: Program, times: dict[str, list[float]], steps: int) -> dict[str, tuple[float, float]]:
    """Returns by function (seconds a step, kernels a tick that are mostly its own); small ones under one name."""
    took, mostly = collections.Counter(), collections.Counter()
    for kernel, several in times.items():
        counts = program.kernels.get(kernel) or collections.Counter({"other": 1})
        # The median keeps out what other programs of the machine took.
        seconds = sorted(several)[len(several) // 2] * len(several) * 1e-9 / steps
        for function, elements in counts.items():
            took[function] += seconds * elements / counts.total()
        mostly[counts.most_common(1)[0][0]] += len(several) / TRACED_TICKS
    small = [name for name, seconds in took.items() if seconds < SMALLEST_SHARE * took.total()]
    rest = sum(took.pop(name) for name in small), sum(mostly.pop(name, 0) for name in small)
    return {name: (seconds, mostly[name]) for name, seconds in took.items()} | {"all others": rest}


def _row(name: str, several: list[float], sizes: dict, total: float | None, kernels: float, seconds=None) -> dict:
    built = Built(lambda: (0, 0), seconds)
    row = row_of(Contender(name, sizes, lambda: built), built, several)
    return row | {"share": "" if total is None else f"{row['median'] / total:.1%}", "kernels": round(kernels, 1)}


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, no ratios)."""
    cases = [CASES[0].resized(16, 0)] if options.quick else [case.resized(_lanes(case), 0) for case in CASES]
    return [row for case in cases for row in profile(case, options)], []
