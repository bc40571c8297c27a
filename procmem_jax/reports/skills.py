"""The library of one agent: its skills drawn as paths where they are a grid's, and all of them in a table."""

from collections.abc import Sequence

from procmem_jax.envs.grid.actions import ACTION_NAMES, OPEN_DOOR, action_symbol
from procmem_jax.experiments.libraries.groups import SkillGroup, group_skills
from procmem_jax.experiments.libraries.saved import SavedLibraries
from procmem_jax.experiments.libraries.skills import StoredSkill, condition_text
from procmem_jax.figures.skill_paths import trace_path
from procmem_jax.reports.html import Html, element, joined, table

_CELL = 16  # units of a drawing
_MOST_DRAWN = 12  # of a group
_HEAD = ("skill", "when", "achieves", "actions", "uses", "successes", "failures", "slot")


def library_of_agent(saved: SavedLibraries, agent: int) -> Html:
    """Returns the skills of an agent, drawn group by group, and in a table.

    Raises:
        ValueError: there is no such agent.
    """
    if not saved.of_agent(agent).libraries.used.any():
        return element("p", f"Agent {agent} has learned no skill.")
    groups = group_skills(saved, agent)
    skills = [skill for group in groups for skill in group.skills]
    count = f"Agent {agent}: {len(skills)} skills of {saved.config.capacity} that fit."
    drawn = joined(*(_draw_group(group) for group in groups)) if saved.action_names == ACTION_NAMES else None
    legend = None
    if drawn is not None:
        marks = "Ring: start; disc: takes the key; square: opens the door; arrow head: end."
        legend = element("p", f"{marks} Below: uses, successes / failures.", class_="note")
    rows = [_row(skill, saved.action_names) for skill in sorted(skills, key=lambda skill: (-skill.uses, skill.slot))]
    every = element(
        "details", element("summary", f"All {len(skills)} skills"),
        table(f"Skills of agent {agent}, most used first", _HEAD, rows, numbers_from=4), open=drawn is None,
    )  # fmt: skip
    return joined(element("p", count), legend, drawn, every)


def _row(skill: StoredSkill, action_names: Sequence[str]) -> tuple:
    words = [action_names[action] for action in skill.actions]
    arrows = element("span", " ".join(map(action_symbol, words)), title=", ".join(words))
    counts = (skill.uses, skill.successes, skill.failures, skill.slot)
    conditions = condition_text(skill.requires, "always"), condition_text(skill.achieves, "–")
    return (skill.name, *conditions, arrows, *counts)


def _draw_group(group: SkillGroup) -> Html:
    shown = group.skills[:_MOST_DRAWN]
    rest = f", {len(shown)} most used" if len(shown) < len(group.skills) else ""
    when = group.when if group.when == "always" else f"when {group.when}"
    count = "1 skill" if len(group.skills) == 1 else f"{len(group.skills)} skills"
    heading = element("h3", f"{group.name} ", element("small", f"{when}; {count}{rest}"))
    return joined(
        heading, element("ul", *(element("li", _draw_skill(skill, group)) for skill in shown), class_="skills")
    )


def _draw_skill(skill: StoredSkill, group: SkillGroup) -> Html:
    path = trace_path(skill.actions)
    points = path.points * (1, -1) * _CELL
    low, high = points.min(axis=0) - _CELL, points.max(axis=0) + _CELL
    side = max(3.0 * _CELL, *(high - low))
    corner = (low + high) / 2 - side / 2
    marks, seen = [], {}
    for action, place in path.marks:
        x, y = points[place] + (6.0 * seen.get(place, 0), 0.0)
        seen[place] = seen.get(place, 0) + 1
        is_door = action == OPEN_DOOR
        marks.append(element("rect", x=f"{x - 3.5:g}", y=f"{y - 3.5:g}", width=7, height=7, class_="mark") if is_door
                     else element("circle", cx=f"{x:g}", cy=f"{y:g}", r=3.8, class_="mark"))  # fmt: skip
    if path.ends_moving:
        (x, y), (dx, dy) = points[-1], (points[-1] - points[-2]) / _CELL
        corners = ((x + 4 * dx, y + 4 * dy), (x - 3 * dx - 4 * dy, y - 3 * dy + 4 * dx),
                   (x - 3 * dx + 4 * dy, y - 3 * dy - 4 * dx))  # fmt: skip
        marks.append(element("path", d="M" + " ".join(f"{a:g},{b:g}" for a, b in corners) + "Z", class_="mark"))
    words = ", ".join(ACTION_NAMES[action].replace("_", " ") for action in skill.actions)
    what = f"{group.name}: {words}"
    line = element("polyline", points=" ".join(f"{x:g},{y:g}" for x, y in points), class_="way")
    ring = element("circle", cx=f"{points[0][0]:g}", cy=f"{points[0][1]:g}", r=3, class_="ring")
    box = f"{corner[0]:g} {corner[1]:g} {side:g} {side:g}"
    picture = element("svg", element("title", what), line, ring, *marks, viewBox=box, role="img")
    done = f"{skill.uses:,} uses, {skill.successes:,} / {skill.failures:,}"
    return joined(picture, element("span", done, title="uses, successes / failures"))
