"""One percept for worlds like MiniGrid: the words for what is in a cell, how each package shows it, what was seen."""
