"""Checks of case files: what is wrong with a damaged one, in one line."""

import math

from procmem_jax.envs.grid.actions import ACTION_NAMES

WALK_COLUMNS = ("action", "x", "y", "has_key", "door_open", "at_goal", "reward", "done")
_LARGEST_SIZE = 64
_LARGEST_COUNT = 1_000_000


def _field(case: dict, name: str, kind: type):
    if not isinstance(case, dict):
        raise ValueError(f"holds a {type(case).__name__}, not a case; give an object with the fields of a case")
    if name not in case:
        raise ValueError(f"{name} is missing; add it")
    value = case[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name}={str(value)[:40]} is a {type(value).__name__}; give a {kind.__name__}")
    return value


def _whole(case: dict, name: str, minimum: int, maximum: int) -> int:
    value = _field(case, name, int)
    if not minimum <= value <= maximum:
        raise ValueError(f"{name}={value} is outside {minimum} to {maximum}; give a whole number in that range")
    return value


def _check_numbers(name: str, values, length: int) -> None:
    if not isinstance(values, list) or len(values) != length:
        raise ValueError(f"{name} is not a list of {length} numbers; give one")
    for value in values:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{name} holds {str(value)[:40]}; give finite numbers")
        if not 0 <= value < 1:
            raise ValueError(f"{name} holds {value}, outside [0, 1); give codes of the form n/1000")


def check_training_case(case: dict) -> None:
    """Raises a ValueError, in one line, if `case` is not a training run of the tutorial's agent."""
    size = _whole(case, "size", 4, _LARGEST_SIZE)
    _whole(case, "episodes", 1, _LARGEST_COUNT)
    _whole(case, "max_steps", 1, _LARGEST_COUNT)
    _whole(case, "embedding_dim", 3, 1024)
    if "actions" in case and case["actions"] != list(ACTION_NAMES):
        raise ValueError(f"actions={str(case['actions'])[:80]} is another order; give {list(ACTION_NAMES)}")
    position_codes = _field(case, "position_codes", list)
    if len(position_codes) != size:
        raise ValueError(f"position_codes has {len(position_codes)} columns for size={size}; give {size}")
    for column in position_codes:
        _check_numbers("position_codes", column, size)
    _check_numbers("action_codes", _field(case, "action_codes", list), len(ACTION_NAMES))
    tape = _field(case, "tape", list)
    if not tape:
        raise ValueError("tape is empty; give at least one entry")
    for entry in tape:
        if type(entry) is not int or not -1 <= entry < len(ACTION_NAMES):
            raise ValueError(f"tape holds {str(entry)[:40]}; give whole numbers from -1 to {len(ACTION_NAMES) - 1}")


def check_walk(case: dict) -> None:
    """Raises a ValueError, in one line, if `case` is not a walk in the tutorial's grid."""
    _whole(case, "size", 4, _LARGEST_SIZE)
    if "columns" in case and case["columns"] != list(WALK_COLUMNS):
        raise ValueError(f"columns={str(case['columns'])[:80]} is another order; give {list(WALK_COLUMNS)}")
    for row in _field(case, "rows", list):
        if not isinstance(row, list) or not row or type(row[0]) is not int or not 0 <= row[0] < len(ACTION_NAMES):
            raise ValueError(f"rows holds {str(row)[:40]}; give lists that begin with an action from 0 to 5")
