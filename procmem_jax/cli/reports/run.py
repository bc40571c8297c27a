"""What a run tells its user: a line per reported episode, and a closing report; and the report of an evaluation."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from procmem_jax.agents.states import EpisodeMetrics
from procmem_jax.cli.reports.colour import BOLD, GREEN, coloured
from procmem_jax.cli.reports.library import skills_by_use, skills_table
from procmem_jax.cli.reports.progress import ProgressBar
from procmem_jax.experiments.libraries.files import read_saved
from procmem_jax.experiments.runs.evaluate import Evaluation
from procmem_jax.experiments.runs.folders import LIBRARIES_FILE, SUMMARY_FILE, RunSpec
from procmem_jax.experiments.statistics.headline import SCORES, bounds_words, headline_json
from procmem_jax.experiments.statistics.intervals import mean_interval, proportion_interval
from procmem_jax.experiments.storage.files import expecting_fields
from procmem_jax.reports.runs import RunFiles

_REPORTED_EPISODES = 20
_SHOWN_SKILLS = 5
_WORDS = {
    "success": "success of episodes",
    "episode_return": "return of an episode",
    "steps": "steps",
    "steps_over_optimal": "steps over optimal",
}


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
    if metrics.success is not None:
        parts.append(f"success {_percent(proportion_interval(metrics.success))}")
    return f"Episode {episode:>5}: {'  '.join(parts)}"


def _with_interval(interval, digits: int) -> str:
    mean, low, high = map(float, interval)
    if not np.isfinite([low, high]).all():
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _percent(interval) -> str:
    share, low, high = (100 * float(bound) for bound in interval)
    return f"{share:.1f}% [{low:.1f}, {high:.1f}]"


def evaluation_report(evaluation: Evaluation, num_agents: int, num_episodes: int) -> str:
    """Returns the lines that tell how frozen libraries did."""
    aim = f"Return of an episode: {_with_interval(evaluation.episode_return, 2)}"
    if evaluation.success is not None:
        aim = f"Success of episodes: {_percent(evaluation.success)}"
    lines = [
        f"{num_agents} agents, {num_episodes} fresh episodes each, libraries frozen; mean over agents [95% interval]",
        aim,
        f"Steps: {_with_interval(evaluation.steps, 1)}",
    ]
    if evaluation.steps_over_optimal is not None:
        lines.append(f"Steps over the fewest possible: {_with_interval(evaluation.steps_over_optimal, 3)}")
    return "\n".join(lines)


def closing_report(spec: RunSpec, summary: dict, folder: pathlib.Path) -> str:
    """Returns how a run went, against how it began, what agent 0 uses most, and where there is more to see.

    Args:
        spec: the run.
        summary: of the run.
        folder: of the run.

    Raises:
        ValueError: the files in the folder are damaged.
    """
    has_skills = spec.config.use_skills and spec.config.memory.has_skills
    with expecting_fields(folder / SUMMARY_FILE):
        found = summary["headline"] if "headline" in summary else headline_json(RunFiles.at(folder).headline)
        lines = _headline(summary, found) + (_library_lines(spec, summary) if has_skills else [])
        speed = f"{summary['agent_steps_per_second']:,.0f} agent steps/s"
        lines.append(
            f"  {speed} ({summary['run_seconds']:.1f} s running, {summary['compile_seconds']:.1f} s compiling)"
        )
    library = f"procmem library show {folder}, " if has_skills else ""
    more = f"More: {library}procmem replay {folder}, procmem eval {folder}"
    return "\n".join(["", *lines, *(_most_used(folder) if has_skills else []), "", more])


def _headline(summary: dict, found: Mapping[str, Any]) -> list[str]:
    """Returns what the last episodes were like and, in parentheses, the first; `found` is the headline."""
    count, shown = summary["num_episodes"], found["episodes"]
    head = f"Last {shown} of {count} episodes" if count > shown else "The only episode"
    lines = [coloured(f"{head}, mean over {summary['num_agents']:,} agents [95% interval]", BOLD)]
    for key, _, *form in SCORES:
        if key in found:
            first = f" (first {shown}: {_words(found[f'first_{key}'], form)})" if count > shown else ""
            lines.append(f"  {_WORDS[key]:<20}  {coloured(_words(found[key], form), GREEN)}{first}")
    return [*lines, *_ends_line(summary.get("ends", {}), shown)]


def _words(bounds: Mapping[str, float | None], form: Sequence[Any]) -> str:
    return bounds_words([np.nan if bound is None else bound for bound in bounds.values()], *form)


def _ends_line(ends: dict[str, list[int]], shown: int) -> list[str]:
    """Returns a line that tells why the last episodes ended; none where the summary does not know."""
    counts = {word: sum(each[-shown:]) for word, each in ends.items()}
    told = [f"{word} {count / sum(counts.values()):.1%}" for word, count in counts.items() if count]
    return [f"  ended by              {', '.join(told)}"] if told else []


def _library_lines(spec: RunSpec, summary: dict) -> list[str]:
    means = {name: summary["library"][name]["mean"] for name in ("total_skills", "total_uses", "mean_success_rate")}
    line = f"  skills of an agent    {means['total_skills']:.1f}, run {means['total_uses']:.1f} times; "
    lines = [f"{line}a skill works out in {means['mean_success_rate']:.0%} of its runs, by the memory's own count"]
    if spec.config.library.counting == "tutorial":
        lines.append("  (above 100% is a quirk of the tutorial: a merge counts as a success)")
    if summary["library"]["num_evictions"]:
        count, capacity = summary["library"]["num_evictions"], spec.config.library.capacity
        lines.append(f"  skills given up       {count:,} in all, where a library of {capacity} slots was full")
    return lines


def _most_used(folder: pathlib.Path) -> list[str]:
    saved = read_saved(folder / LIBRARIES_FILE)
    skills = skills_by_use(saved, saved.agents[0])
    if not skills:
        return ["", f"Agent {saved.agents[0]} has learned no skill."]
    head = f"Agent {saved.agents[0]}, the most used of its {len(skills)} skills:"
    return ["", head, skills_table(skills[:_SHOWN_SKILLS], saved)]
