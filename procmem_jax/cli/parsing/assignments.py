"""Reading the option --set."""

from collections.abc import Iterable


def parse_assignments(assignments: Iterable[str]) -> dict[str, str]:
    """Returns {name: text} of arguments of the form NAME=VALUE.

    Raises:
        ValueError: an argument has another form, or a name comes twice.
    """
    parsed: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name or not text:
            raise ValueError(f"--set {assignment!r} is not NAME=VALUE; write for instance capacity=64")
        if name in parsed:
            raise ValueError(f"--set names {name} twice; give it once")
        parsed[name] = text
    return parsed
