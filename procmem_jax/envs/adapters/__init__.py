"""Foreign environments as worlds. Their packages are imported by the functions that need them, not before."""
