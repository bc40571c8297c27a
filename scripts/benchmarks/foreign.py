"""Suite `foreign`: the default memory in other packages' worlds, beside these worlds alone under random actions."""

from benchmarks import peers
from benchmarks.measure import Options, measure, ratio
from benchmarks.training import Case
from procmem_jax.experiments.runtime import use_all_cores

COLUMNS = ("name", "capacity", "agents", "episodes", "environments")
UNIT = "agent or environment steps"
TARGET = 0.5
AGENTS = 1024

# (start of the peer's name, training runs there; the first is held against the target)
CASES = (
    ("XLand", (Case("xland:MiniGrid-DoorKey-5x5", "default", AGENTS, 100),)),
    ("NAVIX", (Case("navix:Navix-DoorKey-5x5-v0", "default", AGENTS, 100),)),
    (
        "gymnax",
        (
            Case("gymnax:FourRooms-misc", "default", AGENTS, 50, capacity=64),
            Case("gymnax:FourRooms-misc", "default", AGENTS, 50),
            Case("gymnax:FourRooms-misc", "default", AGENTS, 50, capacity=256),
        ),
    ),
)


def run(options: Options) -> tuple[list[dict], list[dict]]:
    """Returns (rows, ratios), of the peers that are installed."""
    use_all_cores()
    rows, ratios = [], []
    agents = 64 if options.quick else AGENTS
    for label, cases in CASES:
        alone = [one for one in peers.environment_contenders(agents) if one.name.startswith(label)]
        if not alone:
            continue
        sized = [case.resized(agents, 5 if options.quick else case.episodes) for case in cases]
        timed = measure([*(case.contender() for case in sized), *alone], options)
        rows += timed
        for row, target in zip(timed[:-1], (TARGET, None, None), strict=False):
            label = f"{row['name']}, capacity {row['capacity']}, over {timed[-1]['name']} alone"
            ratios.append(ratio(label, row, timed[-1], target))
    return rows, ratios
