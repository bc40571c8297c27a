"""The primitive actions of the grid, in the tutorial's order."""

MOVE_UP = 0
MOVE_DOWN = 1
MOVE_LEFT = 2
MOVE_RIGHT = 3
PICKUP_KEY = 4
OPEN_DOOR = 5

ACTION_NAMES = ("move_up", "move_down", "move_left", "move_right", "pickup_key", "open_door")
ACTION_SYMBOLS = ("↑", "↓", "←", "→", "k", "d")
