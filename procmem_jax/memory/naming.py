"""Text names of skills; arrays hold only numbers."""

from collections.abc import Sequence

_NAMES = {"has_key": "acquire_key", "door_open": "open_door_sequence", "goal_reached": "reach_goal"}


def skill_name(label: int, length: int, predicate_names: Sequence[str]) -> str:
    """Returns the name of a skill, as the tutorial would call it where it would.

    Args:
        label: index of the predicate that names the skill, -1 for none.
        length: steps.
        predicate_names: those of the environment.

    Raises:
        ValueError: `label` is not an index of `predicate_names`.
    """
    if label == -1:
        return f"navigate_{length}_steps"
    if not 0 <= label < len(predicate_names):
        raise ValueError(f"label={label} is outside -1 to {len(predicate_names) - 1}; give a predicate's index")
    predicate = predicate_names[label]
    return _NAMES.get(predicate, f"reach_{predicate}")
