"""What a page tells of runs: what they were, what came of them, how they compare, what the agents learned."""

from collections.abc import Mapping
from typing import Any

from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.overrides import list_settings
from procmem_jax.experiments.preset_names import PRESETS
from procmem_jax.experiments.presets import make_experiment
from procmem_jax.experiments.runs.libraries import NoLibrariesError
from procmem_jax.experiments.statistics.headline import SCORES, bounds_words
from procmem_jax.reports.comparison import Comparison, compare_runs
from procmem_jax.reports.curves import learning_curves
from procmem_jax.reports.html import Html, Part, Section, element, joined, table
from procmem_jax.reports.player import own_code_in, replay_player
from procmem_jax.reports.runs import RunFiles
from procmem_jax.reports.skills import library_of_agent
from procmem_jax.reports.words import interval_words, run_words, value_words

_MOST_RUNS_DRAWN = 12


def run_part(runs: Mapping[str, RunFiles], agent: int, episode: int | None, on_progress=None) -> Part:
    """Returns the sections about runs.

    Args:
        runs: by the names that they are shown under; at least one.
        agent: of the first run with libraries, whose library is shown, and of the first run, of which an episode is
            replayed.
        episode: that is replayed, from 0; negative numbers count from the end; None for none.
        on_progress: as for `replay_episode`.

    Raises:
        ValueError: a file cannot be read, or there is no such agent.
    """
    first = next(iter(runs.values()))
    charts, known = learning_curves(dict(list(runs.items())[:_MOST_RUNS_DRAWN]), "runs")
    sections = [
        Section("headline", "What came of it", _headline(runs)),
        Section("curves", "Learning curves", charts),
        *([Section("comparison", "Paired comparison", _comparisons(runs))] if len(runs) > 1 else []),
        Section("what", "What was run", _what(runs)),
        Section("settings", "Settings that differ from the preset", _settings(runs)),
        Section("library", "The library of an agent", _library(runs, agent)),
    ]
    if episode is None:
        return Part(sections, known)
    player, replay = replay_player(first, agent, episode, on_progress)
    return Part([*sections, Section("replay", "An episode, replayed", player)], known, replay)


def _what(runs: Mapping[str, RunFiles]) -> Html:
    names = ("task", "preset", "memory", "explorer", "agents", "episodes", "seed", "warm_start")
    rows: list[tuple] = [("folder", *(str(run.folder) for run in runs.values()))]
    for name in names:
        values = [_stored_words(run.stored, name) for run in runs.values()]
        if any(value != value_words(None) for value in values):
            rows.append((name.replace("_", " "), *values))
    made_with = [_versions(run.stored) for run in runs.values()]
    for name in dict.fromkeys(name for found in made_with for name in found):
        rows.append((name, *(value_words(found.get(name)) for found in made_with)))
    speeds = (run.summary.get("agent_steps_per_second") for run in runs.values())
    rows.append(("agent steps/s", *(f"{speed:,.0f}" if isinstance(speed, float) else "–" for speed in speeds)))
    return table("Runs, and the versions they were made with", ("", *runs), rows, numbers_from=len(runs) + 1)


def _stored_words(stored: Mapping[str, Any], name: str) -> str:
    off = ", switched off" if name == "memory" and not stored["settings"]["use_skills"] else ""
    value = stored.get(name)
    return f"{value:,}" if name in ("agents", "episodes") else value_words(value) + off


def _versions(stored: Mapping[str, Any]) -> dict[str, str]:
    found = stored.get("versions")
    return found if isinstance(found, dict) else {}


def _headline(runs: Mapping[str, RunFiles]) -> Html:
    found = [run.headline for run in runs.values()]
    rows: list[tuple] = [("last episodes", *(str(line["episodes"]) for line in found))]
    for key, words, *form in SCORES:
        if any(key in line for line in found):
            rows.append((words, *(bounds_words(line[key], *form) if key in line else "–" for line in found)))
            first = f"first_{key}"
            rows.append(
                (f"{words}, at first", *(bounds_words(line[first], *form) if first in line else "–" for line in found))
            )
    rows.append(("skills in the library", *(bounds_words(line["skills"]) for line in found)))
    caption = "Means over agents [95% interval], in the last episodes and in as many at the beginning"
    who = (element("li", element("b", name), f": {run_words(run.stored)}") for name, run in runs.items())
    return joined(element("ul", *who), table(caption, ("", *runs), rows))


def _comparisons(runs: Mapping[str, RunFiles]) -> Html:
    (base_name, base), *others = runs.items()
    parts = [element("p", f"Agent by agent against {base_name}: equal agents met equal layouts and draws. P(better): "
                          "of an agent of the run against one of the other, ties half.", class_="note")]  # fmt: skip
    for name, run in others:
        try:
            parts.append(_comparison(name, base_name, compare_runs(run, base)))
        except ValueError as error:
            parts.append(element("p", f"{name}: {error}"))
    return joined(*parts)


def _comparison(name: str, base_name: str, found: Comparison) -> Html:
    words = {key: (text, factor, digits, unit) for key, text, factor, digits, unit in SCORES}
    rows = []
    for key, (ours, theirs, difference, better) in found.scores.items():
        text, *form = words[key]
        bounds = interval_words(difference, *form)
        rows.append((text, bounds_words(ours, *form), bounds_words(theirs, *form), bounds,
                     interval_words(better, 1.0, 2)))  # fmt: skip
    head = ("", f"{name} [95%]", f"{base_name} [95%]", "difference [95%]", "P(better) [95%]")
    caption = f"{name} less {base_name}: {found.num_agents} agents, episodes {found.first_episode} to "
    differ = "; ".join(f"{key}: {value_words(a)}, there {value_words(b)}" for key, (a, b) in found.settings.items())
    return joined(
        table(f"{caption}{found.last_episode}", head, rows),
        element("p", f"What differs: {differ}." if differ else "No setting differs.", class_="note"),
    )


def _settings(runs: Mapping[str, RunFiles]) -> Html:
    rows, notes = [], []
    for name, run in runs.items():
        try:
            usual = _preset_settings(run.stored)
        except (TypeError, ValueError, KeyError) as error:
            notes.append(element("p", f"{name}: all settings, since its preset cannot be made here ({error}).",
                                 class_="note"))  # fmt: skip
            usual = {}
        settings = run.stored["settings"]
        rows += [(setting, name, value_words(value), value_words(usual.get(setting)))
                 for setting, value in settings.items() if usual.get(setting) != value]  # fmt: skip
    if not rows:
        return joined(element("p", "None: all settings are those of the preset."), *notes)
    caption = "Settings that are not as in the preset"
    return joined(table(caption, ("setting", "run", "value", "preset"), rows, numbers_from=2), *notes)


def _preset_settings(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of the run's task and preset; raises a ValueError if they need a user's own code."""
    own = own_code_in({"task": stored["task"]})
    if own or stored["preset"] not in PRESETS:
        raise ValueError(f"it needs a user's own {', '.join(own) or 'preset ' + str(stored['preset'])}")
    usual = make_experiment(stored["task"], stored["preset"])
    return {setting.name: setting.value for setting in list_settings(*usual)}


def _library(runs: Mapping[str, RunFiles], agent: int) -> Html:
    for name, run in runs.items():
        saved = _libraries(run)
        if saved is not None:
            head = element("p", f"Of {name}: {run_words(run.stored)}.", class_="note") if len(runs) > 1 else None
            return joined(head, library_of_agent(saved, agent))
    return element("p", "No library: the memory was off, or has no skills.")


def _libraries(run: RunFiles) -> SavedLibraries | None:
    """Returns the libraries of a run, None if it has none, or they cannot be read without code of its user's."""
    stored = run.stored
    if stored.get("format") == 1 and own_code_in(stored):
        return None
    try:
        return run.libraries
    except NoLibrariesError:
        return None
