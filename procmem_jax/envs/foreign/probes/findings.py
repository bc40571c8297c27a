"""What a check of an environment found, each with its remedy."""

import dataclasses
from typing import Any

SEVERITIES = ("error", "warning", "note")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that a user should know.

    Attributes:
        severity: "error": results would be wrong; "warning": a memory will hardly be of use so; "note": all else.
        what: what was seen.
        remedy: what to do about it.
    """

    severity: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.what}; {self.remedy}"


@dataclasses.dataclass(frozen=True)
class Report:
    """What a check found, worst first; print it.

    Attributes:
        findings: errors, then warnings, then notes.
        steps, episodes: how much was played.
        steps_per_second: of the environment with its percept, without a memory, many episodes beside each other; None
            where nothing could be played.
    """

    findings: tuple[Finding, ...]
    steps: int = 0
    episodes: int = 0
    steps_per_second: float | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make results wrong."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def as_dict(self) -> dict[str, Any]:
        """Returns the report for JSON."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        played = f"{self.steps} random steps, {self.episodes} episodes ended"
        speed = "" if self.steps_per_second is None else f"; {self.steps_per_second:,.0f} steps per second"
        return "\n".join([*map(str, self.findings or ("nothing found",)), played + speed])


def worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Returns findings in the order of a report."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
