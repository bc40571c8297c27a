"""Suite `scaling`: time a step against the number of agents and the capacity, and the bytes of the compiled program."""

import jax

from benchmarks.measure import Options, measure, ratio
from benchmarks.training import Case
from procmem_jax.experiments.training.lane_programs import build_programs, room_for
from procmem_jax.experiments.training.memory_need import tree_bytes
from procmem_jax.experiments.training.runtime import use_all_cores
from procmem_jax.records import as_arrays, shapes_of

COLUMNS = ("name", "capacity", "agents", "episodes", "bytes_over_state")
UNIT = "agent steps"
EPISODES = 15
CAPACITY = 64
AGENTS = (1, 16, 128, 1024, 8192, 65536)
CAPACITIES = (8, 16, 32, 64, 128, 256, 512)
CAPACITY_AGENTS = 1024
CAPACITY_EPISODES = 60
SMALLEST_RATE = 0.8  # of 65,536 agents over 8,192: a step takes at most 1.25 times as long
SMALLEST_SHARE = 1 / 1.5  # of the state in all bytes of the program


def program_bytes(case: Case, lanes: int) -> tuple[int, int]:
    """Returns (bytes of everything that the compiled ticks hold, bytes of the agents' state alone), on one device."""
    config, params = case.experiment()
    room = room_for(case.episodes)
    programs = build_programs(config, shapes_of(as_arrays(params)), lanes, room, False, tuple(jax.local_devices()[:1]))
    need = programs.run.memory_analysis()
    held = need.argument_size_in_bytes + need.output_size_in_bytes - need.alias_size_in_bytes
    return held + need.temp_size_in_bytes, tree_bytes(programs.agents)


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios)."""
    use_all_cores()
    agents, capacities = (AGENTS[:2], CAPACITIES[:2]) if options.quick else (AGENTS, CAPACITIES)
    by_agents = measure(
        [Case("random-5", "default", count, EPISODES, CAPACITY).contender() for count in agents], options
    )
    cases = [Case("random-5", "default", CAPACITY_AGENTS, CAPACITY_EPISODES, capacity) for capacity in capacities]
    bare = Case("random-5", "default", CAPACITY_AGENTS, CAPACITY_EPISODES, use_skills=False)
    *by_capacity, without = measure([case.contender() for case in (*cases, bare)], options)
    ratios = [
        ratio(f"{agents[-1]:,} agents over {agents[-2]:,}", by_agents[-1], by_agents[-2], SMALLEST_RATE),
        ratio(f"capacity {capacities[-1]} over {capacities[-2]}", by_capacity[-1], by_capacity[-2], 0.5),
    ]
    for row, case in zip(by_capacity, cases, strict=True):
        held, state = program_bytes(case, CAPACITY_AGENTS)
        row |= {"program_bytes": held, "state_bytes": state, "bytes_over_state": round(held / state, 2)}
    share = min(row["state_bytes"] / row["program_bytes"] for row in by_capacity)
    label = "state bytes over program bytes, least"
    ratios.append(
        {"label": label, "median": share, "min": share, "max": share, "target": SMALLEST_SHARE}
        | {"met": share >= SMALLEST_SHARE}
    )
    return [*by_agents, *by_capacity, without], ratios
