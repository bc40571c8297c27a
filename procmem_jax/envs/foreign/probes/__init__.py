"""Random play in an environment, and what it shows: the range of its observations, and its faults."""
