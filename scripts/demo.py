"""A thousand agents run the tutorial, then memory on against off where it does nothing, harms and helps."""

import argparse
import pathlib
import sys

import numpy as np
from tqdm import tqdm

from procmem_jax import cli, make_experiment, run_key, train
from procmem_jax.experiments.files import write_json
from procmem_jax.experiments.statistics import mean_interval, proportion_interval
from procmem_jax.figures.comparison import plot_arms

# One static size for all arms, so that they share their compiled programs.
MAX_SIZE = 8
EPISODES = 40
LAST = 20
ARMS = (
    ("tutorial-4", "scripted"),
    ("tutorial-5", "scripted"),
    ("tutorial-6", "scripted"),
    ("tutorial-8", "scripted"),
    ("tutorial-6", "epsilon:0.3"),
)


def run_arm(task: str, explorer: str, use_skills: bool, agents: int, seed: int):
    """Returns the metrics `[agents, EPISODES]` of one arm."""
    config, params = make_experiment(
        task, "tutorial", explorer=explorer, use_skills=use_skills, overrides={"max_size": MAX_SIZE}
    )
    return train(run_key(seed), config, params, agents, EPISODES).metrics


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
    return f"{name:<24} {memory:<4} {steps:<20} {shares[0]:<22} {shares[1]}"


def compare(agents: int, seed: int, out: pathlib.Path) -> None:
    """Runs all arms, prints the table, and leaves `comparison.json` and `comparison.png` in `out`."""
    print(f"\nThe tutorial's agent, {agents} agents, {EPISODES} episodes; last {LAST} episodes, mean [95% interval]")
    print("trapped: has learned a skill, and none of its last 20 episodes succeeds\n")
    print(f"{'task, explorer':<24} {'mem.':<4} {'steps':<20} {'success':<22} trapped")
    rows, curves = [], {}
    with tqdm(total=2 * len(ARMS), unit=" arms", disable=None, leave=False, file=sys.stderr) as bar:
        for task, explorer in ARMS:
            name, panel = f"{task}, {explorer}", {}
            for memory in ("on", "off"):
                bar.set_description(f"{name}, memory {memory}")
                metrics = run_arm(task, explorer, memory == "on", agents, seed)
                rows.append({"task": task, "explorer": explorer, "memory": memory, **row_of(metrics)})
                panel[f"memory {memory}"] = metrics.steps
                bar.update()
                bar.clear()
                print(table_line(name, memory, rows[-1]), flush=True)
            curves[name.replace(", ", "\n")] = panel
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "comparison.json", {"agents": agents, "episodes": EPISODES, "seed": seed, "rows": rows})
    figure = plot_arms(out / "comparison.png", curves, f"The tutorial's agent, {agents} agents, mean and 95% interval")
    print(f"\nTable {out / 'comparison.json'}, figure {figure}")


def main() -> None:
    """Runs the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=256, help="agents of an arm of the comparison")
    parser.add_argument("--seed", type=int, default=0, help="0 to 4294967295")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/demo"), help="folder of the results")
    options = parser.parse_args()
    if options.agents < 1:
        parser.error(f"--agents {options.agents} is below 1; give at least 1")
    run = options.out / "tutorial-5"
    arguments = f"train --preset tutorial --task tutorial-5 --agents 1024 --episodes 15 --seed {options.seed} --force"
    print(f"$ procmem {arguments} --out {run}\n", flush=True)
    cli.main([*arguments.split(), "--out", str(run)])
    compare(options.agents, options.seed, options.out)


if __name__ == "__main__":
    main()
