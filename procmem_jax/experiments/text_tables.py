"""Numbers of things in words, and tables of text: aligned for the terminal, or Markdown."""

from collections.abc import Iterable, Mapping, Sequence

_RULES = {"<": "---", ">": "--:"}


def counted(count: int, noun: str) -> str:
    """Returns how many there are of something, such as "1 skill" or "2,048 skills"."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def interval_text(interval: Sequence[float], digits: int, scale: float = 1.0) -> str:
    """Returns (value, low, high), each times `scale`, as "value [low, high]" with so many digits after the point."""
    value, low, high = (scale * bound for bound in interval)
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def aligned_table(rows: Sequence[Sequence[str]], sides: Iterable[str]) -> str:
    """Returns the rows as lines whose cells stand below each other, two spaces apart.

    Args:
        rows: of cells, the heading first.
        sides: of each column: "<" to the left, ">" to the right.
    """
    forms = [f"{side}{max(map(len, column))}" for side, column in zip(sides, zip(*rows, strict=True), strict=True)]
    return "\n".join("  ".join(map(format, row, forms)).rstrip() for row in rows)


def markdown_table(columns: Mapping[str, str], rows: Iterable[Iterable[str]]) -> str:
    """Returns the rows as a table of Markdown.

    Args:
        columns: heading of each, and its side: "<" to the left, ">" to the right.
        rows: of cells.
    """
    lines = [columns, [_RULES[side] for side in columns.values()], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
