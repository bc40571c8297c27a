"""Worlds in which the default memory did harm, or helped: switches of it that are off on our own tasks."""

import argparse
import dataclasses
import sys

import numpy as np
from tqdm import tqdm

from procmem_jax import RandomPolicy, make_experiment, run_key, train, with_memory
from procmem_jax.envs.foreign.peers import MissingPackageError
from procmem_jax.experiments.statistics.intervals import mean_interval, paired_difference
from procmem_jax.experiments.text_tables import interval_text, markdown_table

LAST = 20
DEATHS, PROGRESS = ("deaths_teach",), ("progress",)
BOTH = DEATHS + PROGRESS
VALUES, RELEVANCE, UNDONE = ("values",), ("relevance",), ("undone",)
SWITCHES = BOTH + VALUES + RELEVANCE + UNDONE
FOUND = DEATHS + VALUES + RELEVANCE
GRID_ARMS = (DEATHS, DEATHS + VALUES, DEATHS + RELEVANCE, FOUND, FOUND + UNDONE)
OFF = None  # no memory at all


@dataclasses.dataclass(frozen=True)
class World:
    """A task or, in `make_world`, a class of another package; what is told is the return or the share of success."""

    name: str
    episodes: int
    arms: tuple[tuple[str, ...] | None, ...]
    tells: str = "return"


WORLDS = (
    World("FrozenLake, not slippery", 300, (OFF, (), DEATHS, PROGRESS, BOTH)),
    World("MetaMaze-misc", 300, (OFF, (), PROGRESS, BOTH)),
    World("GaussianBandit-misc", 200, (OFF, (), BOTH)),
    World("Maze-v0", 300, (OFF, (), BOTH)),
    World("random-5", 100, ((), BOTH), "steps"),
    World("doorkey-5", 100, ((), BOTH), "steps"),
    World("Catch-bsuite", 200, (OFF, (), BOTH)),
    World("FrozenLake", 300, (OFF, (), BOTH)),
    World("DeepSea-bsuite", 300, (OFF, (), BOTH)),
    World("xland:MiniGrid-UnlockPickUp@grid", 100, GRID_ARMS, "success"),
    World("xland:MiniGrid-DoorKey-5x5@grid", 60, (DEATHS, FOUND, FOUND + UNDONE), "success"),
    World("navix:Navix-KeyCorridorS3R1-v0@grid", 60, GRID_ARMS, "success"),
)


def experiment(world: World, arm: tuple[str, ...] | None):
    """Returns (config, params) of a world with the switches of `arm` on, or without memory."""
    switches = {} if arm is OFF else {switch: switch in arm for switch in SWITCHES}
    settings = {"use_skills": arm is not OFF, "overrides": switches}
    if world.tells in ("steps", "success"):
        return make_experiment(world.name, explorer="random", **settings)
    settings["exploration"] = RandomPolicy()
    if world.name.startswith("FrozenLake"):
        from gymnax.environments.misc.frozen_lake import FrozenLake

        return with_memory(FrozenLake(is_slippery=world.name == "FrozenLake"), **settings)
    if world.name == "Maze-v0":
        import jumanji

        return with_memory(jumanji.make(world.name), **settings)
    import gymnax

    return with_memory(gymnax.make(world.name)[0], **settings)


def rows_of(world: World, agents: int, episodes: int, seed: int) -> list[list[str]]:
    """Returns the rows of a world: each arm's mean over the last episodes, and its difference from the first arm's."""
    rows, first = [], None
    for arm in world.arms:
        metrics = train(run_key(seed), *experiment(world, arm), agents, episodes).metrics
        told = {"steps": metrics.steps, "success": metrics.success, "return": metrics.episode_return}[world.tells]
        values = np.asarray(told, np.float64)[:, -LAST:].mean(axis=1)
        first = values if first is None else first
        difference = paired_difference(values, first, seed=0)
        name = "no memory" if arm is OFF else ", ".join(f"`{switch}`" for switch in arm) or "neither"
        compared = "" if values is first else interval_text((difference.value, difference.low, difference.high), 2)
        rows.append(
            [f"{world.name}, {world.tells}, {episodes}", name, interval_text(mean_interval(values), 2), compared]
        )
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=128, help="of each arm (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1000, help="settings were tuned below 1000 (default: %(default)s)")
    parser.add_argument("--only", default="", help="worlds whose name contains this")
    parser.add_argument("--quick", action="store_true", help="2 episodes each, to see that everything works")
    options = parser.parse_args()
    rows = []
    for world in tqdm([world for world in WORLDS if options.only in world.name], disable=None, file=sys.stderr):
        try:
            rows += rows_of(world, options.agents, 2 if options.quick else world.episodes, options.seed)
        except (ImportError, MissingPackageError) as error:
            print(f"left out {world.name}: {error}", file=sys.stderr, flush=True)
    columns = ("world, measure, episodes", "switches", f"last {LAST} episodes", "against the first")
    print(markdown_table(dict.fromkeys(columns, "<"), rows))


if __name__ == "__main__":
    main()
