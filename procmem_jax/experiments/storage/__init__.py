"""Files that are whole or absent: JSON, locks, checkpoints, trackers, versions."""
