"""Misspelt names, and what was perhaps meant."""

from collections.abc import Iterable


def near_miss(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Returns the one of the known names that is most like `name`, None if none is; `likeness` is from 0 to 1."""
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=likeness)
    return near[0] if near else None


def choose_from(name: str, known: Iterable[str], *, among: str | None = None, likeness: float = 0.6) -> str:
    """Returns the remedy for an unknown name: "did you mean NAME? Choose from ...", or the latter alone.

    Args:
        name: what was given.
        known: what there is.
        among: how what there is to be told, by default the names.
        likeness: from 0 to 1, how like a name must be to have been meant.
    """
    known = list(known)
    near = near_miss(name, known, likeness)
    listed = among or ", ".join(known)
    return f"did you mean {near}? Choose from {listed}" if near else f"choose from {listed}"
