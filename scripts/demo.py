"""The tutorial's memory on against off, where it does nothing, harms and helps; then a memory that learns."""

import argparse
import dataclasses
import pathlib
import sys

import numpy as np
from tqdm import tqdm

from procmem_jax import cli, make_experiment, run_key, train, use_all_cores
from procmem_jax.experiments.statistics.intervals import mean_interval, proportion_interval
from procmem_jax.experiments.storage.files import write_json
from procmem_jax.figures.comparison import plot_arms

MAX_SIZE = 8  # one size of the tutorial's code tables for all arms, so that they share their compiled programs
LAST = 20


@dataclasses.dataclass(frozen=True)
class Arm:
    """A task that is run with memory on and off."""

    task: str
    preset: str
    explorer: str
    episodes: int


TUTORIAL_ARMS = (
    Arm("tutorial-4", "tutorial", "scripted", 40),
    Arm("tutorial-5", "tutorial", "scripted", 40),
    Arm("tutorial-6", "tutorial", "scripted", 40),
    Arm("tutorial-8", "tutorial", "scripted", 40),
    Arm("tutorial-6", "tutorial", "epsilon:0.3", 40),
)
DEFAULT_ARMS = (Arm("random-5", "tutorial", "random", 150), Arm("random-5", "default", "random", 150))


def run_arm(arm: Arm, use_skills: bool, agents: int, seed: int):
    """Returns the metrics `[agents, episodes]` of one arm."""
    overrides = {"max_size": MAX_SIZE} if use_skills and arm.preset == "tutorial" else {}
    config, params = make_experiment(
        arm.task, arm.preset, explorer=arm.explorer, use_skills=use_skills, overrides=overrides
    )
    return train(run_key(seed), config, params, agents, arm.episodes).metrics


def trapped(metrics) -> np.ndarray:
    """Returns `[agents]` bool: a skill was learned, and none of the last 20 episodes succeeded."""
    return (metrics.skills[:, -1] > 0) & ~metrics.success[:, -LAST:].any(axis=1)


def row_of(metrics) -> dict:
    """Returns steps, success (last 20 episodes) and the share of trapped agents, each as (mean, low, high)."""
    steps = mean_interval(metrics.steps[:, -LAST:].mean(axis=1))
    success = mean_interval(metrics.success[:, -LAST:].mean(axis=1))
    values = {"steps": steps, "success": success, "trapped": proportion_interval(trapped(metrics))}
    return {name: [round(float(bound), 6) for bound in bounds] for name, bounds in values.items()}


def table_line(name: str, memory: str, row: dict) -> str:
    """Returns a line of the table: means with their 95% intervals."""
    steps = "{:5.1f} [{:4.1f}, {:4.1f}]".format(*row["steps"])
    shares = [
        "{:5.1f}% [{:4.1f}, {:5.1f}]".format(*(100 * bound for bound in row[key])) for key in ("success", "trapped")
    ]
    return f"{name:<32} {memory:<4} {steps:<22} {shares[0]:<22} {shares[1]}"


def compare(arms: tuple[Arm, ...], name: str, agents: int, seed: int, out: pathlib.Path) -> None:
    """Runs all arms with memory on and off, prints their table, and leaves NAME.json and NAME.png in `out`."""
    print(f"{'task, explorer, preset':<32} {'mem.':<4} {'steps':<22} {'success':<22} trapped")
    rows, curves = [], {}
    with tqdm(total=2 * len(arms), unit=" runs", disable=None, leave=False, file=sys.stderr) as bar:
        for arm in arms:
            panel, title = {}, f"{arm.task}, {arm.explorer}, {arm.preset}"
            for memory in ("on", "off"):
                bar.set_description(f"{title}, memory {memory}")
                metrics = run_arm(arm, memory == "on", agents, seed)
                rows.append({**dataclasses.asdict(arm), "memory": memory, **row_of(metrics)})
                panel[f"memory {memory}"] = metrics.steps
                bar.update()
                bar.clear()
                print(table_line(title, memory, rows[-1]), flush=True)
            curves[f"{arm.task}, {arm.explorer}\npreset {arm.preset}"] = panel
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / f"{name}.json", {"agents": agents, "seed": seed, "rows": rows})
    figure = plot_arms(out / f"{name}.png", curves, f"mean over {agents:,} agents" if agents > 1 else "one agent")
    print(f"\nTable {out / f'{name}.json'}, figure {figure}")


def main() -> None:
    """Runs the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=256, help="agents of an arm of the comparison")
    parser.add_argument("--seed", type=int, default=0, help="0 to 4294967295")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/demo"), help="folder of the results")
    options = parser.parse_args()
    use_all_cores()
    if options.agents < 1:
        parser.error(f"--agents {options.agents} is below 1; give at least 1")
    arms = (options.agents, options.seed, options.out)
    print(f"Last {LAST} episodes, mean over {options.agents} agents [95% interval].")
    print(f"Trapped: has learned a skill, and none of its last {LAST} episodes succeeds.")
    print("\n=== The tutorial's agent, 40 episodes ===\n")
    compare(TUTORIAL_ARMS, "tutorial", *arms)
    run = options.out / "random-5"
    arguments = f"train --task random-5 --agents 1024 --episodes 100 --seed {options.seed} --force"
    print(f"\n=== A memory that learns ===\n\n$ procmem {arguments} --out {run}\n", flush=True)
    cli.main([*arguments.split(), "--out", str(run)])
    print("\n=== A fresh layout every episode, uniformly random explorer, 150 episodes ===\n")
    compare(DEFAULT_ARMS, "random-5", *arms)


if __name__ == "__main__":
    main()
