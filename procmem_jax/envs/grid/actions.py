"""The primitive actions of the grid, in the tutorial's order, and the symbols of all actions that have one."""

MOVE_UP = 0
MOVE_DOWN = 1
MOVE_LEFT = 2
MOVE_RIGHT = 3
PICKUP_KEY = 4
OPEN_DOOR = 5

ACTION_NAMES = ("move_up", "move_down", "move_left", "move_right", "pickup_key", "open_door")
ACTION_SYMBOLS = ("↑", "↓", "←", "→", "k", "d")
_SYMBOLS = {
    **dict(zip(ACTION_NAMES, ACTION_SYMBOLS, strict=True)),
    # other packages' worlds
    **{"up": "↑", "down": "↓", "left": "←", "right": "→"},
    **{"move_forward": "↑", "turn_left": "↶", "turn_right": "↷", "pick_up": "k", "put_down": "p", "toggle": "d"},
}


def action_symbol(name: str) -> str:
    """Returns the symbol of an action, its name if it has none."""
    return _SYMBOLS.get(name, name)
