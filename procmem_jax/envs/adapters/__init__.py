"""Foreign environments as worlds, and the grid as an environment of others' tools.

Foreign packages are imported by the functions that need them, not before.
"""
