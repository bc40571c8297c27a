"""What a run tells its user: a line per reported episode, and a closing report; and the report of an evaluation."""

import pathlib

import jax
import numpy as np

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.cli.reports.progress import ProgressBar
from procmem_jax.envs.grid.actions import action_symbol
from procmem_jax.envs.protocol import Environment
from procmem_jax.experiments.libraries.skills import read_skills
from procmem_jax.experiments.runs.evaluate import Evaluation
from procmem_jax.experiments.runs.folders import LIBRARIES_FILE, SUMMARY_FILE, RunSpec
from procmem_jax.experiments.runs.results import read_libraries
from procmem_jax.experiments.statistics.intervals import mean_interval, proportion_interval
from procmem_jax.experiments.storage.files import expecting_fields

_REPORTED_EPISODES = 20


class Reporter(ProgressBar):
    """A progress bar, and a line per reported episode on stdout."""

    def __init__(self, spec: RunSpec, *, show_progress: bool):
        count = spec.num_episodes
        super().__init__(spec.num_agents * count, show=show_progress)
        reported = np.unique(np.linspace(0, count - 1, min(count, _REPORTED_EPISODES)).round().astype(int))
        self._reported = set(reported.tolist())

    def on_episode(self, episode: int, metrics: EpisodeMetrics) -> None:
        """Prints the episode's line if it is among the reported ones."""
        if episode in self._reported:
            self.print(episode_line(episode, metrics))


def episode_line(episode: int, metrics: EpisodeMetrics) -> str:
    """Returns a line with the means over agents (and 95% intervals) of one episode's metrics `[A]`."""
    shown = (
        ("return", metrics.episode_return, 2),
        ("steps", metrics.steps, 1),
        ("skills", metrics.skills, 2),
    )
    parts = [f"{name} {_with_interval(mean_interval(values), digits)}" for name, values, digits in shown]
    success = _percent(proportion_interval(metrics.success))
    return f"Episode {episode + 1:>5}: {'  '.join(parts)}  success {success}"


def _with_interval(interval, digits: int) -> str:
    mean, low, high = (None if bound is None or np.isnan(bound) else float(bound) for bound in interval)
    if low is None or high is None:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _percent(interval) -> str:
    share, low, high = (100 * float(bound) for bound in interval)
    return f"{share:.1f}% [{low:.1f}, {high:.1f}]"


def evaluation_report(evaluation: Evaluation, num_agents: int, num_episodes: int) -> str:
    """Returns the lines that tell how frozen libraries did."""
    lines = [
        f"{num_agents} agents, {num_episodes} fresh episodes each, libraries frozen; mean over agents [95% interval]",
        f"Success: {_percent(evaluation.success)}",
        f"Steps: {_with_interval(evaluation.steps, 1)}",
    ]
    if evaluation.steps_over_optimal is not None:
        lines.append(f"Steps over the fewest possible: {_with_interval(evaluation.steps_over_optimal, 3)}")
    return "\n".join(lines)


def closing_report(spec: RunSpec, summary: dict, folder: pathlib.Path) -> str:
    """Returns the skills of agent 0 and the library statistics over agents, as the tutorial prints them for one.

    Args:
        spec: the run.
        summary: of the run.
        folder: of the run.

    Raises:
        ValueError: the files in the folder are damaged.
    """
    lines = ["", "=== Skills of agent 0 ===", *_skill_lines(folder / LIBRARIES_FILE, spec.config.environment)]
    with expecting_fields(folder / SUMMARY_FILE):
        lines += _statistics_lines(spec, summary)
    return "\n".join(lines)


def _statistics_lines(spec: RunSpec, summary: dict) -> list[str]:
    statistics = summary["library"]
    lines = ["", f"=== Library statistics, mean over {summary['num_agents']} agents [95% interval] ==="]
    names = (
        ("total_skills", "Skills", 2),
        ("total_uses", "Skill uses", 1),
        ("mean_success_rate", "Success rate", 3),
    )
    for key, title, digits in names:
        bounds = [statistics[key][name] for name in ("mean", "low", "high")]
        lines.append(f"{title}: {_with_interval(bounds, digits)}")
    if spec.config.library.counting == "tutorial":
        lines.append("(a rate above 1 is a quirk of the tutorial: a merge counts as a success)")
    if statistics["num_evictions"]:
        capacity = spec.config.library.capacity
        lines.append(f"Skills given up because a library of {capacity} slots was full: {statistics['num_evictions']}")
    last = {key: [values[name][-1] for name in ("mean", "low", "high")] for key, values in summary["episodes"].items()}
    lines += ["", f"Last episode: return {_with_interval(last['episode_return'], 2)}, "
              f"steps {_with_interval(last['steps'], 1)}, success {_percent(last['success'])}"]  # fmt: skip
    lines.append(
        f"{summary['agent_steps_per_second']:,.0f} agent steps/s "
        f"({summary['run_seconds']:.1f} s running, {summary['compile_seconds']:.1f} s compiling)"
    )
    return lines


def _skill_lines(path: pathlib.Path, environment: Environment) -> list[str]:
    library = jax.tree.map(lambda column: column[0], read_libraries(path))
    lines = []
    for skill in sorted(read_skills(library, environment.predicate_names), key=lambda skill: skill.skill_id):
        arrows = " ".join(action_symbol(environment.action_names[action]) for action in skill.actions)
        lines.append(
            f"{skill.name}: {len(skill.actions)} actions ({arrows}), used {skill.uses} times, "
            f"{skill.successes} successes"
        )
    return lines or ["none"]
