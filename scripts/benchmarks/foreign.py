"""Suite `foreign`: the default memory in other packages' worlds, beside these worlds alone under random actions.

"At work" is the compiled program of a training run while all its agents are in the middle of their lives; a whole run
also pays for agents that are done and wait for the last one.
"""

import dataclasses

import jax
import numpy as np

from benchmarks import peers
from benchmarks.measure import Built, Contender, Options, measure, ratio, repeated
from benchmarks.training import SEED, Case
from procmem_jax import run_key
from procmem_jax.agents.procedural import ProceduralAgent
from procmem_jax.experiments.training.lanes import Lanes, Rows, lane_width, usable_devices
from procmem_jax.experiments.training.runtime import use_all_cores

COLUMNS = ("name", "capacity", "agents", "episodes", "skills", "environments")
UNIT = "agent or environment steps"
TARGET = 0.5
AGENTS = 1024
WARM_UP_TICKS = 4000
MOST_EPISODES = 4000  # more than any agent gets through while it is timed


def at_work(case: Case, ticks: int) -> Contender:
    """Returns the agents of a run that have learned for `ticks` ticks and go on, to be timed."""
    sizes = {"capacity": case.experiment()[0].library.capacity, "agents": case.agents}
    return Contender(f"at work on {case.task}", sizes, lambda: _agents_at_work(case, ticks))


def _agents_at_work(case: Case, ticks: int) -> Built:
    """Returns agents ready to go on from wherever they are, after `ticks` of learning.

    Raises:
        RuntimeError: an agent has come to the end of its life.
    """
    config, params = case.experiment()
    width = lane_width(case.agents, case.agents)
    rows = Rows(np.arange(case.agents, dtype=np.int64), params)
    devices = usable_devices(jax.local_devices(), width)
    lanes = Lanes(run_key(SEED), config, rows, case.episodes, width, devices)
    state = lanes.advance(lanes.begin(), ticks)
    skills = float(np.mean(state.agents.memory.num_skills))
    block = ProceduralAgent(config).block_ticks

    def go_on(count: int) -> None:
        nonlocal state
        state = lanes.advance(state, count * block)
        jax.block_until_ready(state.agents)
        if lanes.finished_episodes(state).max() >= case.episodes:
            raise RuntimeError(f"an agent has had {case.episodes} episodes; raise MOST_EPISODES")

    return repeated(go_on, case.agents * block, lanes.compile_seconds, skills=round(skills, 1))


@dataclasses.dataclass(frozen=True)
class World:
    """What is timed in the worlds of one peer: agents at work, and a whole training run."""

    peer: str
    at_work: tuple[Case, ...]
    training: Case


def _endless(task: str, capacity: int | None = None, target: float | None = None) -> Case:
    return Case(task, "default", AGENTS, MOST_EPISODES, capacity, target)


WORLDS = (
    World(
        "XLand",
        (_endless("xland:MiniGrid-DoorKey-5x5", target=TARGET),),
        Case("xland:MiniGrid-DoorKey-5x5", "default", AGENTS, 40),
    ),
    World(
        "NAVIX",
        (_endless("navix:Navix-DoorKey-5x5-v0", target=TARGET),),
        Case("navix:Navix-DoorKey-5x5-v0", "default", AGENTS, 40),
    ),
    World(
        "gymnax",
        (
            _endless("gymnax:FourRooms-misc", 64, TARGET),
            _endless("gymnax:FourRooms-misc", 128),
            _endless("gymnax:FourRooms-misc", 256),
        ),
        Case("gymnax:FourRooms-misc", "default", AGENTS, 40, capacity=64),
    ),
)


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios), of the peers that are installed."""
    use_all_cores()
    rows, ratios = [], []
    agents, ticks, episodes = (64, 64, 5) if options.quick else (AGENTS, WARM_UP_TICKS, None)
    for world in WORLDS:
        alone = [one for one in peers.environment_contenders(agents) if one.name.startswith(world.peer)]
        if not alone:
            continue
        whole = world.training.resized(agents, episodes or world.training.episodes)
        working = [at_work(case.resized(agents, case.episodes), ticks) for case in world.at_work]
        timed = measure([*working, whole.contender(), *alone], options)
        rows += timed
        for row, target in zip(timed[:-1], [*(case.target for case in world.at_work), None], strict=True):
            label = f"{row['name']}, capacity {row['capacity']}, over {timed[-1]['name']} alone"
            ratios.append(ratio(label, row, timed[-1], target))
    return rows, ratios
